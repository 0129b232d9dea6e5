"""The deep LSTM that encoder, decoder and language model share."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from seqcore.nn.dropout import LockedDropout, drop_weight
from seqcore.nn.precision import leaves_autocast, outside_autocast, run_on_gpu
from seqcore.nn.state import LSTMState

# From about so many rows on, oneDNN's kernel behind torch.lstm does one step faster than torch.lstm_cell, 1.7 times at
# 160 rows; with fewer, making the weights ready for it costs more than it saves, 6 times at a single row.
MANY_ROWS = 64


class LSTMLayer(nn.LSTM):
    """Runs one LSTM layer (Hochreiter & Schmidhuber 1997) with forget bias 1 and dropout on the recurrent weights.

    The forget gate's bias starts at 1 so that a new cell remembers (Gers 2000; Jozefowicz 2015); the recurrent
    matrices start orthogonal, so that a gradient neither vanishes nor explodes at once.
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, bidirectional: bool = False, weight_dropout: float = 0
    ) -> None:
        self.weight_dropout = weight_dropout
        super().__init__(input_size, hidden_size, batch_first=True, bidirectional=bidirectional)

    def reset_parameters(self) -> None:
        for name, parameter in self.named_parameters():
            if name.startswith("weight_hh"):
                for gate in parameter.data.chunk(4):
                    nn.init.orthogonal_(gate)
            elif name.startswith("weight_ih"):
                nn.init.xavier_uniform_(parameter)
            else:
                nn.init.zeros_(parameter)
                if name.startswith("bias_ih"):
                    parameter.data[self.hidden_size : 2 * self.hidden_size] = 1

    def forward(  # type: ignore[override]
        self, x: Tensor | PackedSequence, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor | PackedSequence, tuple[Tensor, Tensor]]:
        """Read as `nn.LSTM` does: (B, T, input) → (B, T, D·H), with a state of two (D, B, H).

        On a GPU the layer leaves autocast, see `seqcore.nn.precision`, and gradients may be taken in evaluation mode.
        """
        device = self.weight_ih_l0.device
        if device.type == "cpu":
            # Without dropped weights torch's own call is used.
            if not self.training or self.weight_dropout == 0:
                return super().forward(x, state)
            return self._read(x, state, self._dropped(self._weights()), True)
        self._update_flat_weights()
        return run_on_gpu(self._read, x, state, self._dropped(self._weights()), self.training)  # type: ignore[return-value]

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Take one time step of a one-way layer: (N, input), (N, H), (N, H) → new h and c, each (N, H)."""
        weights = self._weights()
        if leaves_autocast(x.device):
            with outside_autocast(x.device):
                x, h, c = (part.to(weights[0].dtype) for part in (x, h, c))
                return torch.lstm_cell(x, (h, c), *weights)
        if x.shape[0] < MANY_ROWS or x.device.type != "cpu":
            return torch.lstm_cell(x, (h, c), *weights)
        state, learns = (h.unsqueeze(0), c.unsqueeze(0)), torch.is_grad_enabled()
        _, h, c = torch.lstm(x.unsqueeze(1), state, weights, True, 1, 0.0, learns, False, True)
        return h.squeeze(0), c.squeeze(0)

    def _dropped(self, weights: list[Tensor]) -> list[Tensor]:
        """Drop recurrent weights in training: one mask for all steps of the call, the same from the first to the last.

        cuDNN then gathers the weights at every call: those that were dropped are new tensors.
        """
        if not self.training or self.weight_dropout == 0:
            return weights
        return [
            drop_weight(weight, self.weight_dropout, True) if name.startswith("weight_hh") else weight
            for name, weight in zip(self._flat_weights_names, weights, strict=True)
        ]

    def _read(
        self, x: Tensor | PackedSequence, state: tuple[Tensor, ...], weights: list[Tensor], learns: bool
    ) -> tuple[Tensor | PackedSequence, tuple[Tensor, Tensor]]:
        """Run torch's own LSTM; `learns` has cuDNN keep what a gradient needs."""
        if isinstance(x, PackedSequence):
            h, c = self.permute_hidden((state[0], state[1]), x.sorted_indices)
            data, *last = torch.lstm(x.data, x.batch_sizes, (h, c), weights, True, 1, 0.0, learns, self.bidirectional)
            return x._replace(data=data), self.permute_hidden((last[0], last[1]), x.unsorted_indices)
        y, h, c = torch.lstm(x, state, weights, True, 1, 0.0, learns, self.bidirectional, True)
        return y, (h, c)

    def _weights(self) -> list[Tensor]:
        """List the weights in torch's order: input-to-hidden, hidden-to-hidden and both biases, for each direction."""
        return cast(list[Tensor], self._flat_weights)


class LSTMStack(nn.Module):
    """Runs LSTM layers one on another.

    Args:
        input_size: width of the input.
        hidden_size: H, for each direction.
        num_layers: L, how many layers there are.
        bidirectional: read both ways (Schuster & Paliwal 1997).
        dropout: rate of locked dropout between the layers.
        weight_dropout: rate of dropout on the hidden-to-hidden weights (Merity 2018).
        residual: from the second layer on, add a layer's input to its output (He 2016; Wu 2016).
        layer_norm: normalise the input of every layer from the second on (Ba 2016).

    Raises:
        ValueError: no layer, or layers of no width.

    Example:
        >>> stack = LSTMStack(input_size=8, hidden_size=16, num_layers=3)
        >>> values, state = stack(torch.randn(2, 5, 8), torch.tensor([5, 3]))  # The second row is padded.
        >>> values.shape, state.h.shape
        (torch.Size([2, 5, 16]), torch.Size([3, 2, 16]))
        >>> value, state = stack.step(torch.randn(2, 8), state)  # Both go on from their last real step.
        >>> value.shape
        torch.Size([2, 16])
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
        if num_layers < 1 or hidden_size < 1:
            raise ValueError(f"num_layers and hidden_size must be at least 1, but are {num_layers} and {hidden_size}")
        self.hidden_size, self.bidirectional, self.residual = hidden_size, bidirectional, residual
        self.directions = 2 if bidirectional else 1
        self.output_size = width = self.directions * hidden_size
        self.layers = nn.ModuleList(
            LSTMLayer(
                width if i else input_size, hidden_size, bidirectional=bidirectional, weight_dropout=weight_dropout
            )
            for i in range(num_layers)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(1, num_layers) if layer_norm)
        self.dropout = LockedDropout(dropout)

    def initial_state(self, batch: int, like: Tensor) -> LSTMState:
        """Make a state of zeros (L·D, B, H), of the type and on the device of `like`."""
        zeros = like.new_zeros(len(self.layers) * self.directions, batch, self.hidden_size)
        return LSTMState(zeros, zeros)

    def forward(
        self, x: Tensor, lengths: Tensor | None = None, state: LSTMState | None = None, layers: range | None = None
    ) -> tuple[Tensor, LSTMState]:
        """Read whole sequences, one fused call a layer.

        Args:
            x: (B, T, input).
            lengths: (B,), how many steps of each are real; 0 is allowed. Without it, all are.
            state: what was carried from the chunk before, of all layers.
            layers: run only these, so that something else can stand between layers.

        Returns:
            The last layer's output (B, T, D·H), zero where padded, and the state of every layer read after the last
            *real* step of each sequence, whatever the padding.

        Raises:
            ValueError: lengths are not one number from 0 to T for each sequence.
        """
        layers = range(len(self.layers)) if layers is None else layers
        if state is None:
            state = self.initial_state(x.shape[0], x)
        lengths = _ragged(x, lengths)
        hs, cs = [], []
        for i in layers:
            rows = slice(i * self.directions, (i + 1) * self.directions)
            y, (h, c) = _read(
                cast(LSTMLayer, self.layers[i]), self._enter(i, x), lengths, (state.h[rows], state.c[rows])
            )
            hs.append(h)
            cs.append(c)
            x = x + y if self.residual and i else y
        if lengths is not None:
            x = x.masked_fill(~length_mask(lengths, x.shape[1], x.device).unsqueeze(2), 0)
        return x, (LSTMState(torch.cat(hs), torch.cat(cs)) if hs else state)

    def step(self, x: Tensor, state: LSTMState, layers: range | None = None) -> tuple[Tensor, LSTMState]:
        """Take one time step: (N, input) and a state (L, N, H) → (N, H) and the next state of those layers.

        It is for decoding and streaming, so dropout is not applied.

        Raises:
            ValueError: the stack is bidirectional.
        """
        if self.bidirectional:
            raise ValueError("a bidirectional stack reads whole sequences only: it has no step")
        layers = range(len(self.layers)) if layers is None else layers
        hs, cs = [], []
        for i in layers:
            entering = self.norms[i - 1](x) if i and self.norms else x
            h, c = self.layers[i].step(entering, state.h[i], state.c[i])  # type: ignore[operator]
            hs.append(h)
            cs.append(c)
            x = x + h if self.residual and i else h
        return x, (LSTMState(torch.stack(hs), torch.stack(cs)) if hs else state)

    def _enter(self, i: int, x: Tensor) -> Tensor:
        if i == 0:
            return x
        return self.dropout(self.norms[i - 1](x) if self.norms else x)


def length_mask(lengths: Tensor, total: int, device: torch.device | None = None) -> Tensor:
    """Mark the real steps of padded sequences: lengths (B,) → (B, total), true where a step is real."""
    device = device or lengths.device
    return torch.arange(total, device=device) < lengths.to(device).unsqueeze(1)


def _ragged(x: Tensor, lengths: Tensor | None) -> Tensor | None:
    """Give the lengths on the CPU, or None when nothing is padded and the faster unpacked path gives the same."""
    if lengths is None:
        return None
    if x.shape[0] == 0:
        return None
    lengths = lengths.cpu()
    if lengths.shape != x.shape[:1] or int(lengths.min()) < 0 or int(lengths.max()) > x.shape[1]:
        raise ValueError(f"lengths must be {x.shape[0]} numbers from 0 to {x.shape[1]}, but are {lengths.tolist()}")
    return None if int(lengths.min()) == x.shape[1] else lengths


def _read(
    layer: LSTMLayer, x: Tensor, lengths: Tensor | None, state: tuple[Tensor, Tensor]
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Run one layer; packed when the lengths differ, for only then is the last state that of the last real step."""
    if x.shape[0] == 0 or x.shape[1] == 0:  # nn.LSTM refuses to read nothing.
        return x.new_zeros(*x.shape[:2], layer.hidden_size * len(state[0])), state
    if lengths is None:
        return layer(x, state)
    # Packing refuses length 0: such a row reads one padding step, and gets back the state it came with.
    packed = pack_padded_sequence(x, lengths.clamp(min=1), batch_first=True, enforce_sorted=False)
    y, last = layer(packed, state)
    # Packing forgets how wide the batch was: padding beyond the longest row must come back, or chunks lose their width.
    y, _ = pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])
    if int(lengths.min()) == 0:
        empty = (lengths == 0).to(x.device)
        last = tuple(torch.where(empty[None, :, None], old, new) for old, new in zip(state, last, strict=True))  # type: ignore[assignment]
    return y, last


def chrono_init_(layer: LSTMLayer, length: int) -> None:
    """Let a layer's cells begin with memories of 1 to `length` - 1 steps (Tallec & Ollivier 2018)."""
    size = layer.hidden_size
    bias = torch.empty(size).uniform_(1, length - 1).log()
    with torch.no_grad():
        layer.bias_ih_l0[:size] = -bias  # type: ignore[index, operator]
        layer.bias_ih_l0[size : 2 * size] = bias  # type: ignore[index, operator]
