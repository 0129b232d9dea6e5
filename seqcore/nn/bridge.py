"""A bridge from the encoder's last state to the decoder's first."""

from torch import Tensor, nn

from seqcore.nn.state import LSTMState


class Bridge(nn.Module):
    """Turns every layer's final encoder state, both h and c, into the first state of every decoder layer.

    There is a linear map each for h and c from all layers and directions at once, so that depths and widths may differ
    (Britz 2017 compare bridges).

    Args:
        state_size: how many numbers the encoder's h holds for one sequence, L·D·H of the encoder.
        num_layers, hidden_size: those of the decoder.
    """

    def __init__(self, state_size: int, num_layers: int, hidden_size: int) -> None:
        super().__init__()
        self.num_layers, self.hidden_size = num_layers, hidden_size
        self.hidden = nn.Linear(state_size, num_layers * hidden_size)
        self.cell = nn.Linear(state_size, num_layers * hidden_size)

    def forward(self, state: LSTMState) -> LSTMState:
        """Map the states (L·D, B, H) of the encoder to those (L, B, H) of the decoder."""
        return LSTMState(self._split(self.hidden(_flat(state.h)).tanh()), self._split(self.cell(_flat(state.c))))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(1, (self.num_layers, self.hidden_size)).transpose(0, 1).contiguous()


def _flat(part: Tensor) -> Tensor:
    return part.transpose(0, 1).flatten(1)
