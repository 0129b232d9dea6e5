"""Gates of LSTM layers: what they do, step by step, in any network while it runs."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from seqcore.nn.stack import LSTMLayer, LSTMStack, length_mask
from seqcore.nn.state import LSTMState


@dataclass(frozen=True)
class GateTrace:
    """Holds what one direction of one LSTM layer did, step by step (Hochreiter & Schmidhuber 1997; Gers 2000).

    `cell = forget * the cell before + input * candidate` and `hidden = output * tanh(cell)`. All are (B, T, H), and
    zero where padded. Steps are in the order of the sequence, also where it was read from its end.

    Attributes:
        layer: the layer's name in its network, such as `encoder.stack.layers.0`.
        backward: it was read from the end to the beginning.
        state: h and c, each (B, H), when all was read.
        input, forget, output: the gates, from 0 (closed) to 1 (open).
        candidate: what could be written into the cell, from −1 to 1.
        cell: c, the memory after the step.
        hidden: h, what the layer hands on after the step, from −1 to 1.
    """

    layer: str
    backward: bool
    state: tuple[Tensor, Tensor]
    input: Tensor
    forget: Tensor
    output: Tensor
    candidate: Tensor
    cell: Tensor
    hidden: Tensor


class _Call(NamedTuple):
    """What a layer was given: (B, T, input), the lengths (B,), and the state, two of (D, B, H)."""

    x: Tensor
    lengths: Tensor
    state: tuple[Tensor, Tensor]


class Recording:
    """Records the calls of a network's LSTM layers, and works out their gates on demand."""

    def __init__(self, network: nn.Module) -> None:
        self._layers = {name: layer for name, layer in network.named_modules() if isinstance(layer, LSTMLayer)}
        self._names = {layer: name for name, layer in self._layers.items()}
        self._calls: dict[str, list[_Call]] = {}
        self._thread = threading.get_ident()

    def hook(self, layer: nn.Module, given: Sequence[Any]) -> None:
        """Keep what a layer is about to read; calls of other threads, which may share the network, are theirs."""
        if threading.get_ident() != self._thread:
            return
        x, state = given
        if isinstance(x, PackedSequence):
            x, lengths = pad_packed_sequence(x, batch_first=True)
        else:
            lengths = torch.full(x.shape[:1], x.shape[1])
        name = self._names[cast(LSTMLayer, layer)]
        self._calls.setdefault(name, []).append(_Call(x.detach(), lengths, (state[0].detach(), state[1].detach())))

    @torch.no_grad()
    def traces(self) -> list[GateTrace]:
        """Compute the gates of every layer that was run, in the order of the network, forward before backward.

        Calls of a one-way layer, one after the other, are taken for chunks of the same sequences.

        Raises:
            ValueError: the calls of a layer are not chunks of the same sequences.
        """
        traces = []
        for name, layer in self._layers.items():
            calls = self._calls.get(name, [])
            if not calls:
                continue
            if len(calls) > 1 and (layer.bidirectional or len({len(call.x) for call in calls}) > 1):
                raise ValueError(f"{name or 'the layer'} was run {len(calls)} times, and not on chunks of one sequence")
            for direction in range(1 + layer.bidirectional):
                traces.append(_joined([_traced(name, layer, call, direction) for call in calls]))
        return traces


@contextmanager
def recorded_gates(network: nn.Module) -> Iterator[Recording]:
    """Record every LSTM layer of a network while this thread runs it, however the layers are wired.

    The network runs as it always does: its layers' inputs are kept, and the gates are worked out from those and the
    weights afterwards. Single steps (`LSTMLayer.step`) are not recorded: read what was written once more, whole.
    Dropout on recurrent weights, which training alone has, is not seen.

    Example:
        >>> network = LSTMStack(4, 6, num_layers=2)
        >>> with recorded_gates(network) as recording:
        ...     values, state = network(torch.randn(1, 5, 4))
        >>> [(trace.layer, trace.forget.shape) for trace in recording.traces()]
        [('layers.0', torch.Size([1, 5, 6])), ('layers.1', torch.Size([1, 5, 6]))]
    """
    recording = Recording(network)
    handles = [
        layer.register_forward_pre_hook(recording.hook) for layer in network.modules() if isinstance(layer, LSTMLayer)
    ]
    try:
        yield recording
    finally:
        for handle in handles:
            handle.remove()


def trace_gates(
    stack: LSTMStack, x: Tensor, lengths: Tensor | None = None, state: LSTMState | None = None
) -> list[GateTrace]:
    """Compute the gates of every layer, and direction, of a stack that reads a batch.

    Args:
        stack: what reads.
        x: (B, T, input).
        lengths, state: as in `LSTMStack.forward`.

    Returns:
        L·D traces, in the order of the stack's own state.

    Example:
        >>> (trace,) = trace_gates(LSTMStack(4, 6), torch.randn(1, 5, 4))
        >>> bool(torch.allclose(trace.hidden, trace.output * trace.cell.tanh()))
        True
    """
    with torch.no_grad(), recorded_gates(stack) as recording:
        stack(x, lengths, state)
    traces = recording.traces()
    if lengths is None or not traces:
        return traces
    # A sequence of no steps is given to a layer as one of a single step: nothing of that is real.
    before = stack.initial_state(len(x), x) if state is None else state
    empty = (lengths == 0).to(x.device)
    return [_whole(trace, x.shape[1], empty, (before.h[i], before.c[i])) for i, trace in enumerate(traces)]


def _traced(name: str, layer: LSTMLayer, call: _Call, direction: int) -> GateTrace:
    """Run one direction of a layer with its equations written out."""
    suffix = "_reverse" if direction else ""
    into, across, first, second = (
        cast(Tensor, getattr(layer, f"{part}_l0{suffix}")) for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    x, (h, c) = call.x, (call.state[0][direction], call.state[1][direction])
    entering = nn.functional.linear(x, into, first + second)
    real = length_mask(call.lengths, x.shape[1], x.device).unsqueeze(2)
    steps: list[tuple[Tensor, ...]] = []
    for t in reversed(range(x.shape[1])) if direction else range(x.shape[1]):
        input_, forget, candidate, output = (entering[:, t] + h @ across.T).chunk(4, 1)
        input_, forget, candidate, output = input_.sigmoid(), forget.sigmoid(), candidate.tanh(), output.sigmoid()
        cell = forget * c + input_ * candidate
        hidden = output * cell.tanh()
        steps.append((input_, forget, output, candidate, cell, hidden))
        # What is padded changes nothing: a sequence read from its end begins at its last real step.
        h, c = torch.where(real[:, t], hidden, h), torch.where(real[:, t], cell, c)
    if direction:
        steps.reverse()
    if not steps:
        empty = h.new_zeros(len(x), 0, h.shape[1])
        return GateTrace(name, bool(direction), (h, c), *[empty] * 6)
    parts = [torch.stack(part, 1).masked_fill(~real, 0) for part in zip(*steps, strict=True)]
    return GateTrace(name, bool(direction), (h, c), *parts)


_PARTS = ("input", "forget", "output", "candidate", "cell", "hidden")


def _joined(chunks: Sequence[GateTrace]) -> GateTrace:
    first, last = chunks[0], chunks[-1]
    parts = [torch.cat([getattr(chunk, part) for chunk in chunks], 1) for part in _PARTS]
    return GateTrace(first.layer, first.backward, last.state, *parts)


def _whole(trace: GateTrace, total: int, empty: Tensor, before: tuple[Tensor, Tensor]) -> GateTrace:
    """A trace over all steps of a padded batch; of a row that is empty, nothing but the state it came with."""
    behind = total - trace.cell.shape[1]
    parts = [nn.functional.pad(getattr(trace, part), (0, 0, 0, behind)) for part in _PARTS]
    parts = [part.masked_fill(empty[:, None, None], 0) for part in parts]
    h, c = (torch.where(empty[:, None], old, new) for old, new in zip(before, trace.state, strict=True))
    return GateTrace(trace.layer, trace.backward, (h, c), *parts)
