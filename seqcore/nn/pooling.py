"""Pooling, many to one: what a sequence of states leaves behind."""

from typing import NamedTuple

import torch
from torch import Tensor


class PoolState(NamedTuple):
    """Holds what was pooled so far, in single precision.

    Attributes:
        last, total, maximum: the last state, their sum and their maximum, each (B, H).
        steps: how many there were, (B, 1).
    """

    last: Tensor
    total: Tensor
    maximum: Tensor
    steps: Tensor


def pool(values: Tensor, lengths: Tensor, state: PoolState | None = None) -> PoolState:
    """Take in more states of each sequence, so that a long one is pooled chunk by chunk.

    Args:
        values: (B, T, H).
        lengths: (B,), how many of them are real; 0 is allowed.
        state: what was pooled of the chunks before.

    Example:
        >>> chunks = torch.tensor([[[1.0], [4.0], [3.0]]]).split(2, 1)
        >>> state = pool(chunks[1], torch.tensor([1]), pool(chunks[0], torch.tensor([2])))
        >>> [round(value, 2) for value in concat_pooling(state)[0].tolist()]  # The last, the mean and the maximum.
        [3.0, 2.67, 4.0]
    """
    values = values.float()
    batch, length, width = values.shape
    lengths = lengths.to(values.device)
    if state is None:
        nothing = values.new_zeros(batch, width)
        state = PoolState(nothing, nothing, torch.full_like(nothing, -torch.inf), values.new_zeros(batch, 1))
    if length == 0:
        return state
    real = (torch.arange(length, device=values.device) < lengths.unsqueeze(1)).unsqueeze(2)
    ends = (lengths - 1).clamp(min=0)[:, None, None].expand(batch, 1, width)
    return PoolState(
        torch.where((lengths > 0).unsqueeze(1), values.gather(1, ends).squeeze(1), state.last),
        state.total + values.masked_fill(~real, 0).sum(1),
        torch.maximum(state.maximum, values.masked_fill(~real, -torch.inf).amax(1)),
        state.steps + lengths.unsqueeze(1),
    )


def concat_pooling(state: PoolState) -> Tensor:
    """Put last, mean and maximum side by side (Howard & Ruder 2018): (B, 3·H); zeros where nothing was read."""
    maximum = state.maximum.masked_fill(state.steps == 0, 0)
    return torch.cat([state.last, state.total / state.steps.clamp(min=1), maximum], 1)


def concat_pooling_of_prefixes(values: Tensor) -> Tensor:
    """Compute what `concat_pooling` gives after every step: (B, T, H) without padding → (B, T, 3·H)."""
    values = values.float()
    steps = torch.arange(1, values.shape[1] + 1, device=values.device)[None, :, None]
    return torch.cat([values, values.cumsum(1) / steps, values.cummax(1).values], 2)
