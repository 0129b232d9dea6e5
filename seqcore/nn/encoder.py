"""An encoder, which reads a sequence into a memory."""

import torch
from torch import Tensor, nn

from seqcore.nn.stack import LSTMStack, length_mask
from seqcore.nn.state import LSTMState, Memory


class LSTMEncoder(nn.Module):
    """Reads a padded batch with a deep LSTM; every answer is the one a sequence would get alone.

    One-way encoders carry state from chunk to chunk and can go step by step; bidirectional ones read whole sequences.

    Args:
        input_size, hidden_size, num_layers, bidirectional: as in `LSTMStack`.
        dropout, weight_dropout, residual, layer_norm: as in `LSTMStack`.

    Example:
        >>> encoder = LSTMEncoder(input_size=8, hidden_size=16, num_layers=2, bidirectional=True)
        >>> memory = encoder(torch.randn(2, 5, 8), torch.tensor([5, 3]))
        >>> memory.values.shape, memory.mask.sum(1).tolist()
        (torch.Size([2, 5, 32]), [5, 3])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bidirectional: bool = False,
        dropout: float = 0,
        weight_dropout: float = 0,
        residual: bool = True,
        layer_norm: bool = False,
    ) -> None:
        super().__init__()
        self.stack = LSTMStack(
            input_size,
            hidden_size,
            num_layers,
            bidirectional=bidirectional,
            dropout=dropout,
            weight_dropout=weight_dropout,
            residual=residual,
            layer_norm=layer_norm,
        )

    @property
    def output_size(self) -> int:
        """Return M, the width of the memory: D·H."""
        return self.stack.output_size

    @property
    def state_size(self) -> int:
        """Return how many numbers `h` (or `c`) holds for one sequence: L·D·H."""
        return len(self.stack.layers) * self.stack.output_size

    def forward(self, x: Tensor, lengths: Tensor | None = None, state: LSTMState | None = None) -> Memory:
        """Read (B, S, input) into a memory (B, S, D·H).

        Args:
            x: (B, S, input).
            lengths: (B,), how many steps of each are real; 0 is allowed. Without it, all are.
            state: what was carried from the chunk before, one-way only; `state.detach()` truncates BPTT.

        Raises:
            ValueError: a bidirectional encoder, which has read the end already, is given a state, or lengths are not
                from 0 to S.
        """
        if state is not None and self.stack.bidirectional:
            raise ValueError("a bidirectional encoder reads whole sequences: it cannot carry state between chunks")
        values, last = self.stack(x, lengths, state)
        if lengths is None:
            mask = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
        else:
            mask = length_mask(lengths, x.shape[1], x.device)
        return Memory(values, mask, last)

    def step(self, x: Tensor, state: LSTMState | None = None) -> tuple[Tensor, LSTMState]:
        """Read one step of a stream, one-way only: (B, input) → (B, H) and the state to carry."""
        return self.stack.step(x, state if state is not None else self.stack.initial_state(x.shape[0], x))
