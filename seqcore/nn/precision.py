"""In which precision recurrent and convolutional layers compute on a GPU, where torch's own choice is not safe.

Under autocast, torch runs every recurrent layer of cuDNN in float16, whatever type autocast was asked for, and then
gradients of small losses are all zero (seen on an H100: those of 1e-8). So on a GPU, recurrent layers leave autocast.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

RecurrentPrecision = Literal["float32", "bfloat16", "autocast"]
Steps = Tensor | PackedSequence
State = tuple[Tensor, ...]

_chosen: ContextVar[RecurrentPrecision] = ContextVar("recurrent_precision", default="float32")


@contextmanager
def recurrent_precision(precision: RecurrentPrecision) -> Iterator[None]:
    """Choose, for this block, how recurrent layers compute on a GPU while autocast is on.

    Args:
        precision: `float32`, the default, leaves autocast: weights, states and gradients stay in single precision, and
            cuDNN multiplies in TF32 on cards that have it, unless `torch.backends.cudnn` forbids that. `bfloat16`
            leaves it, too, and casts input, state and weights by hand; cells are rounded at every step, and cuDNN
            gathers the weights at every call. `autocast` leaves the choice to torch, which takes float16: only where
            losses are scaled. `python -m benchmarks.gpu` compares them. On a CPU, autocast is as torch has it.

    Raises:
        ValueError: no such precision.
    """
    if precision not in get_args(RecurrentPrecision):
        names = ", ".join(get_args(RecurrentPrecision))
        raise ValueError(f"a recurrent layer computes in one of {names}, not in {precision!r}")
    token = _chosen.set(precision)
    try:
        yield
    finally:
        _chosen.reset(token)


def leaves_autocast(device: torch.device) -> bool:
    """Decide whether a recurrent layer has to leave autocast where it stands: on a GPU, if that is on."""
    return device.type != "cpu" and _chosen.get() != "autocast" and _in_autocast(device.type)


def run_on_gpu(
    read: Callable[[Steps, State, list[Tensor], bool], tuple[Steps, State]],
    x: Steps,
    state: State,
    weights: list[Tensor],
    training: bool,
) -> tuple[Steps, State]:
    """Run a recurrent layer on a GPU, in the precision that is safe there, and so that gradients can be taken.

    cuDNN gives no gradients of a call in evaluation mode. What its mode decides besides is dropout, which our layers
    leave to others: so it is told to train wherever gradients may be asked for.

    Args:
        read: what runs it: (x, state, weights, whether cuDNN is to keep what gradients need) → outputs and state.
        x: sequences, packed or not.
        state: of tensors.
        weights: in torch's order.
        training: whether the layer is in training mode.

    Returns:
        Outputs and state, in the type of the weights if the layer has left autocast.
    """
    device, kept = weights[0].device, weights[0].dtype
    learns = training or torch.is_grad_enabled()
    with single_precision(device, training):
        if not leaves_autocast(device):
            return read(x, state, weights, learns)
        with outside_autocast(device):
            dtype = torch.bfloat16 if _chosen.get() == "bfloat16" else kept
            y, last = read(_cast(x, dtype), _cast_all(state, dtype), [weight.to(dtype) for weight in weights], learns)
            return _cast(y, kept), _cast_all(last, kept)


@contextmanager
def outside_autocast(device: torch.device) -> Iterator[None]:
    """Compute in the types that tensors have; a device that autocast does not know is outside anyway."""
    if not _in_autocast(device.type):
        yield
        return
    with torch.autocast(device.type, enabled=False):
        yield


@contextmanager
def single_precision(device: torch.device, training: bool) -> Iterator[None]:
    """Let cuDNN answer in true single precision: in TF32, answers would differ from a CPU's by more than 1e-3.

    Training is as fast as cuDNN can: torch's own setting is left alone. That setting is one for all threads; so it is
    changed when the first one comes and changed back when the last one has gone.
    """
    if training or device.type != "cuda":
        yield
        return
    with _SETTING:
        yield


class _TrueSinglePrecision:
    """What forbids cuDNN to use TF32 for as long as any thread is inside."""

    def __init__(self) -> None:
        cudnn: Any = torch.backends.cudnn
        self._parts = cudnn.rnn, cudnn.conv
        self._lock = threading.Lock()
        self._inside = 0
        self._before: list[str] = []

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._before = [part.fp32_precision for part in self._parts]
                for part in self._parts:
                    part.fp32_precision = "ieee"

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                for part, before in zip(self._parts, self._before, strict=True):
                    part.fp32_precision = before


_SETTING = _TrueSinglePrecision()


def _cast(x: Steps, dtype: torch.dtype) -> Steps:
    return x._replace(data=x.data.to(dtype)) if isinstance(x, PackedSequence) else x.to(dtype)


def _cast_all(state: State, dtype: torch.dtype) -> State:
    return tuple(part.to(dtype) for part in state)


def _in_autocast(device: str) -> bool:
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
