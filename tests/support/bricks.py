"""What tests of bricks share: gradients, comparisons to the last digits, and a memory."""

import torch
from torch import Tensor

from seqcore.nn import (
    LSTMState,
    Memory,
    length_mask,
)


def gradient(tensor: Tensor) -> Tensor:
    assert tensor.grad is not None
    return tensor.grad


def close(ours: Tensor | None, theirs: Tensor | None) -> None:
    assert ours is not None
    assert theirs is not None
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)


def memory_of(batch: int = 3, width: int = 10) -> Memory:
    lengths = torch.tensor([6, 2, 4, 1, 6])[:batch]
    mask = length_mask(lengths, 6)
    state = LSTMState(torch.randn(4, batch, 5), torch.randn(4, batch, 5))
    return Memory(torch.randn(batch, 6, width) * mask.unsqueeze(2), mask, state)
