"""Reads a sequence into a memory."""

import torch
from torch import Tensor, nn

from seqcore.nn.stack import LSTMStack, length_mask
from seqcore.nn.state import LSTMState, Memory


class LSTMEncoder(nn.Module):
    """A deep LSTM over a padded batch; every answer is the one a sequence would get alone.

    Args are those of `LSTMStack`. One-way encoders carry state from chunk to chunk and can
    go step by step; bidirectional ones read whole sequences.
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
        """M, the width of the memory: D·H."""
        return self.stack.output_size

    @property
    def state_size(self) -> int:
        """How many numbers `h` (or `c`) holds for one sequence: L·D·H."""
        return len(self.stack.layers) * self.stack.output_size

    def forward(self, x: Tensor, lengths: Tensor | None = None, state: LSTMState | None = None) -> Memory:
        """Read (B, S, input), of which `lengths` (B,) steps are real (0 allowed).

        Args:
            state: carried from the chunk before, one-way only; `state.detach()` truncates BPTT.

        Raises:
            ValueError: a carried state for a bidirectional encoder, which has read the end already.
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
        """One step of a stream, one-way only: (B, input) → (B, H) and the state to carry."""
        return self.stack.step(x, state if state is not None else self.stack.initial_state(x.shape[0], x))
