"""Forecasts the next number of a series: by an LSTM, or from windows of it."""

import torch
from torch import Tensor, nn

from seqcore.nn.encoder import LSTMEncoder
from seqcore.nn.stack import LSTMLayer
from seqcore.nn.state import LSTMState


class LSTMForecaster(nn.Module):
    """An LSTM that reads a series number by number, and a linear layer that says after each what comes next.

    Args:
        hidden_size, num_layers: of the LSTM.
        remember: steps that its memories shall last at first; without it, the forget bias is 1.
    """

    def __init__(self, hidden_size: int, num_layers: int = 1, remember: int | None = None) -> None:
        super().__init__()
        self.encoder = LSTMEncoder(1, hidden_size, num_layers)
        self.output = nn.Linear(hidden_size, 1)
        if remember is not None:
            for layer in self.encoder.stack.layers:
                chrono_init_(layer, remember)  # type: ignore[arg-type]

    def forward(self, series: Tensor, state: LSTMState | None = None) -> tuple[Tensor, LSTMState]:
        """(B, T) → forecasts (B, T), the last one of what comes after the end, and the state to go on with."""
        memory = self.encoder(series.unsqueeze(2), None, state)
        return self.output(memory.values).squeeze(2), memory.state


def chrono_init_(layer: LSTMLayer, length: int) -> None:
    """Let a layer's cells begin with memories of 1 to ``length`` - 1 steps (Tallec & Ollivier 2018)."""
    size = layer.hidden_size
    bias = torch.empty(size).uniform_(1, length - 1).log()
    with torch.no_grad():
        layer.bias_ih_l0[:size] = -bias  # type: ignore[index, operator]
        layer.bias_ih_l0[size : 2 * size] = bias  # type: ignore[index, operator]


def windows(series: Tensor, width: int) -> Tensor:
    """(T,) → (T, width, 1): what a window sees when it ends at each step; zeros stand before the beginning."""
    longer = nn.functional.pad(series, (width - 1, 0))
    return longer.unfold(0, width, 1).unsqueeze(2)
