"""What an LSTM is compared with: the plain recurrent network and a feed-forward network over a fixed window."""

from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from seqcore.nn.precision import run_on_gpu
from seqcore.nn.stack import length_mask


class PlainRNN(nn.Module):
    """Runs the simple recurrent network (Elman 1990), h' = tanh(W x + U h + b), without gates, in layers.

    A gradient that goes back through it is multiplied by U and by the slope of tanh at every step, so over long gaps
    it vanishes (Bengio 1994). The recurrent matrices start orthogonal, as those of our LSTM do: a better start than
    most.

    Args:
        input_size, hidden_size, num_layers: as in `LSTMStack`.
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1) -> None:
        super().__init__()
        self.rnn = nn.RNN(input_size, hidden_size, num_layers, batch_first=True)
        for name, parameter in self.rnn.named_parameters():
            if name.startswith("weight_hh"):
                nn.init.orthogonal_(parameter)
            elif name.startswith("weight_ih"):
                nn.init.xavier_uniform_(parameter)
            else:
                nn.init.zeros_(parameter)

    @property
    def output_size(self) -> int:
        """Return H, the width of the output."""
        return self.rnn.hidden_size

    def forward(self, x: Tensor, lengths: Tensor | None = None, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Read whole sequences.

        Args:
            x: (B, T, input).
            lengths: (B,), how many steps of each are real, at least 1; without it, all are.
            state: what was carried from the chunk before, (L, B, H).

        Returns:
            The last layer's output (B, T, H), zero where padded, and every layer's state (L, B, H) after the last real
            step; it can be carried to the next chunk.
        """
        packed = (
            x if lengths is None else pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        )
        y, last = self._read_whole(packed, state)
        return y if lengths is None else pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])[0], last

    def _read_whole(self, x: Tensor | PackedSequence, state: Tensor | None) -> tuple[Any, Tensor]:
        weights = cast(list[Tensor], self.rnn._flat_weights)
        if weights[0].device.type == "cpu":
            return self.rnn(x, state)  # type: ignore[no-any-return]
        if state is None:
            rows = int(x.batch_sizes[0]) if isinstance(x, PackedSequence) else len(x)
            state = weights[0].new_zeros(self.rnn.num_layers, rows, self.rnn.hidden_size)
        y, (last,) = run_on_gpu(self._read, x, (state,), weights, self.training)
        return y, last

    def _read(
        self, x: Tensor | PackedSequence, state: tuple[Tensor, ...], weights: list[Tensor], learns: bool
    ) -> tuple[Tensor | PackedSequence, tuple[Tensor, ...]]:
        """Run torch's own network; `learns` has cuDNN keep what a gradient needs."""
        layers = self.rnn.num_layers
        if isinstance(x, PackedSequence):
            h = self.rnn.permute_hidden(state[0], x.sorted_indices)
            data, h = torch.rnn_tanh(x.data, x.batch_sizes, h, weights, True, layers, 0.0, learns, False)
            return x._replace(data=data), (self.rnn.permute_hidden(h, x.unsorted_indices),)
        y, h = torch.rnn_tanh(x, state[0], weights, True, layers, 0.0, learns, False, True)
        return y, (h,)


class WindowMLP(nn.Module):
    """Sees the last W steps, and nothing before them, by a multilayer perceptron (Sejnowski & Rosenberg 1987).

    Args:
        input_size: width of a step.
        window: W, the steps it sees.
        hidden_size: width of its hidden layers, which have ReLU.
        output_size: width of its answer.
        num_layers: how many hidden layers there are.

    Raises:
        ValueError: no window, or no layer.
    """

    def __init__(self, input_size: int, window: int, hidden_size: int, output_size: int, num_layers: int = 1) -> None:
        super().__init__()
        if window < 1 or num_layers < 1:
            raise ValueError(f"window and num_layers must be at least 1, but are {window} and {num_layers}")
        self.window = window
        widths = [window * input_size, *[hidden_size] * num_layers]
        hidden = [layer for before, after in pairwise(widths) for layer in (nn.Linear(before, after), nn.ReLU())]
        self.network = nn.Sequential(*hidden, nn.Linear(hidden_size, output_size))

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Answer for the last W real steps; zeros stand before a short sequence.

        Args:
            x: (B, T, input).
            lengths: (B,), how many steps of each are real; without it, all are.

        Returns:
            (B, output).
        """
        if lengths is not None:
            x = x.masked_fill(~length_mask(lengths, x.shape[1], x.device).unsqueeze(2), 0)
        ends = torch.full(x.shape[:1], x.shape[1], device=x.device) if lengths is None else lengths.to(x.device)
        # With W zeros before every sequence, the window that ends at its last real step begins at place `end`.
        longer = nn.functional.pad(x, (0, 0, self.window, 0))
        places = ends.unsqueeze(1) + torch.arange(self.window, device=x.device)
        seen = longer[torch.arange(len(x), device=x.device).unsqueeze(1), places]
        return self.network(seen.flatten(1))
