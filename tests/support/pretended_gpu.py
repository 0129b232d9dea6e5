"""A GPU that is none: tensors that say they are on it hold numbers of the CPU, and refuse what a real one refuses.

What mixes devices raises, as CUDA does, and so does a gradient that goes through a recurrent layer of cuDNN in
evaluation mode. All else gives the CPU's own numbers, so that whole verbs run on it and can be compared.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

GPU = torch.device("cuda:0")
_RECURRENT: dict[str, Any] = {"lstm": torch.lstm, "rnn_tanh": torch.rnn_tanh, "lstm_cell": torch.lstm_cell}
_FUNCTIONS = {**_RECURRENT, "_pad_packed_sequence": lambda *args: torch._VF._pad_packed_sequence(*args)[:1]}
# These take tensors of the CPU as well: what is copied, places to look at, and lengths.
_MAY_MIX = {"_to_copy", "copy_", "index", "index_put_", "_pack_padded_sequence", "_pad_packed_sequence"}


class RecurrentCall(NamedTuple):
    """A call of a recurrent layer.

    Attributes:
        autocast: whether that of the GPU was on.
        exact: whether cuDNN was to compute in single precision proper.
        train: whether it can be differentiated.
    """

    name: str
    autocast: bool
    exact: bool
    dtype: torch.dtype
    train: bool


class GpuTensor(torch.Tensor):
    """Says that it is on the pretended GPU; `inner` has its numbers. To torch's own machinery it is on the CPU."""

    inner: Tensor  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, inner: Tensor) -> "GpuTensor":
        with torch.inference_mode(False):  # A view of a tensor of before could not be one that is made for inference.
            made: GpuTensor = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
                cls, inner.shape, strides=inner.stride(), storage_offset=inner.storage_offset(), dtype=inner.dtype
            )
        made.inner = inner.detach()
        return made

    device = property(lambda self: GPU)  # type: ignore[assignment]
    is_cuda = property(lambda self: True)  # type: ignore[assignment]
    is_cpu = property(lambda self: False)  # type: ignore[assignment]

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return f"GpuTensor({self.inner!r})"

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, name = kwargs or {}, getattr(func, "__name__", "")
        with torch._C.DisableTorchFunctionSubclass():
            if name in _RECURRENT:
                return _recurrent(name, args)
            if name == "_pad_packed_sequence" and isinstance(args[0], GpuTensor):
                (padded,) = _differentiable(name, True, args)
                return padded, torch._VF._pad_packed_sequence(*map(_plain, args))[1]
            if name == "numpy":
                raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first")
            if name == "tolist":  # Torch itself refuses it of a subclass.
                return args[0].inner.tolist()
            if name == "new_tensor":
                return torch.tensor(*args[1:], **{"dtype": args[0].dtype, "device": GPU, **kwargs})
            if name == "to" and not isinstance(args[0], GpuTensor):  # To where another tensor is.
                return GpuTensor(args[0].to(args[1].dtype))
            if name in {"cpu", "to"} and isinstance(args[0], GpuTensor) and _names_cpu(name, args, kwargs):
                return func(_ToCpu.apply(args[0]), *args[1:], **kwargs)
            return func(*args, **kwargs)

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        return _run(func, args, kwargs or {})


def _names_cpu(name: str, args: Any, kwargs: Any) -> bool:
    """Whether a tensor is to be copied to the CPU; to another tensor's device, that is a plain one's."""
    for value in (*args[1:], *kwargs.values()):
        if isinstance(value, Tensor):
            return not isinstance(value, GpuTensor)
        if isinstance(value, str | torch.device) and torch.device(value).type == "cpu":
            return True
    return name == "cpu"


class _ToCpu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: GpuTensor) -> Tensor:
        return tensor.inner.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return GpuTensor(gradient)


class PretendedGpu(TorchDispatchMode):
    """Makes tensors on the pretended GPU where somebody asks for one, and remembers the calls of recurrent layers."""

    current: "PretendedGpu | None" = None

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[RecurrentCall] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # What skips it imports it first, which takes seconds.

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _Generator(torch.Generator):
    """One of the pretended GPU draws on the CPU."""

    def __new__(cls, device: Any = "cpu") -> "_Generator":
        return super().__new__(cls)


@contextmanager
def pretended_gpu() -> Iterator[PretendedGpu]:
    """Let `cuda` and `auto` mean the pretended GPU, in this block."""
    accelerator = patch.multiple("torch.accelerator", is_available=lambda: True, current_accelerator=lambda: GPU)
    has_bfloat16 = patch("torch.cuda.is_bf16_supported", lambda including_emulation=True: True)
    with patch("torch.cuda._lazy_init"), patch("torch.Generator", _Generator), accelerator, has_bfloat16:
        torch._C._set_only_lift_cpu_tensors(True)
        torch._C._ensureCUDADeviceGuardSet()
        torch.__future__.set_swap_module_params_on_conversion(True)
        try:
            with PretendedGpu() as gpu:
                PretendedGpu.current = gpu
                yield gpu
        finally:
            PretendedGpu.current = None
            torch.__future__.set_swap_module_params_on_conversion(False)
            torch._C._set_only_lift_cpu_tensors(False)


@contextmanager
def gpu_autocast(dtype: torch.dtype = torch.bfloat16) -> Iterator[None]:
    """Autocast as on a GPU; `torch.autocast` refuses that where there is none.

    Our tensors are the CPU's to autocast, so that one is on as well, and casts as the other would.
    """
    before = torch.is_autocast_enabled("cuda"), torch.get_autocast_dtype("cuda")
    torch.set_autocast_enabled("cuda", True)
    torch.set_autocast_dtype("cuda", dtype)
    try:
        with torch.autocast("cpu", torch.bfloat16):
            yield
    finally:
        torch.set_autocast_enabled("cuda", before[0])
        torch.set_autocast_dtype("cuda", before[1])
        torch.clear_autocast_cache()


def _plain(value: Any) -> Any:
    if isinstance(value, torch.device):
        return torch.device("cpu") if value.type == "cuda" else value
    return value.inner if isinstance(value, GpuTensor) else value


def _run(func: Any, args: Any, kwargs: Any) -> Any:
    """Run an operation on the numbers; its result is on the device that a real one would be on."""
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    ours = [tensor for tensor in tensors if isinstance(tensor, GpuTensor)]
    name = func.overloadpacket.__name__
    on_cpu = any(tensor.dim() for tensor in tensors if not isinstance(tensor, GpuTensor))
    # On the way back torch itself makes tensors, on what it takes for their device.
    if ours and on_cpu and name not in _MAY_MIX and torch._C._current_graph_task_id() < 0:
        raise RuntimeError(f"Expected all tensors to be on the same device: {name} got some of cuda:0 and some of cpu")
    if ours and name in {"index", "index_put_"}:
        _check_index(args)
    place = next((leaf for leaf in tree_leaves((args, kwargs.get("device"))) if isinstance(leaf, torch.device)), None)
    on_gpu = bool(ours) if place is None else torch.device(place).type == "cuda"
    if name == "copy_":
        on_gpu = isinstance(args[0], GpuTensor)
    by_inner = {id(tensor.inner): tensor for tensor in ours}
    result = func(*tree_map(_plain, args), **tree_map(_plain, kwargs))
    if name == "_pack_padded_sequence" and ours:  # How many sequences there are at each step is known to the CPU.
        return GpuTensor(result[0]), result[1]

    def placed(value: Any) -> Any:
        if not isinstance(value, Tensor) or isinstance(value, GpuTensor) or not on_gpu:
            return value
        known = by_inner.get(id(value))  # An operation in place gives what it was given.
        return GpuTensor(value) if known is None else known

    return tree_map(placed, result)


def _check_index(args: Any) -> None:
    """Places may be on the CPU, but only where what is looked at is not; values may not."""
    rest = [args[0], *args[2:3]]
    if any(isinstance(tensor, Tensor) and not isinstance(tensor, GpuTensor) and tensor.dim() for tensor in rest):
        raise RuntimeError("indices should be either on cpu or on the same device as the indexed tensor (cpu)")


def _recurrent(name: str, args: Any) -> Any:
    """A recurrent call as cuDNN makes it."""
    is_packed = isinstance(args[1], Tensor) and not args[1].is_floating_point()
    train = True if name == "lstm_cell" else bool(args[-2] if is_packed else args[-3])
    cudnn: Any = torch.backends.cudnn
    assert PretendedGpu.current is not None
    PretendedGpu.current.calls.append(
        RecurrentCall(name, torch.is_autocast_enabled("cuda"), cudnn.rnn.fp32_precision == "ieee", args[0].dtype, train)
    )
    return _differentiable(name, train, args)


def _differentiable(name: str, train: bool, args: Any) -> Any:
    """Run what torch would take apart into tensors of the CPU."""
    tensors = [leaf for leaf in tree_leaves(args) if isinstance(leaf, GpuTensor)]

    def rebuild(inner: list[Tensor]) -> Any:
        waiting = iter(inner)
        return tree_map(lambda leaf: next(waiting) if isinstance(leaf, GpuTensor) else leaf, args)

    return _Recurrent.apply(name, train, rebuild, *tensors)


class _Recurrent(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, name: str, train: bool, rebuild: Any, *tensors: GpuTensor) -> Any:
        ctx.name, ctx.train, ctx.rebuild, ctx.tensors = name, train, rebuild, tensors
        if len({tensor.dtype for tensor in tensors}) > 1 and not torch.is_autocast_enabled("cuda"):
            raise RuntimeError("input and parameter tensors must have the same dtype")
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            return tuple(map(GpuTensor, _FUNCTIONS[name](*rebuild([tensor.inner for tensor in tensors]))))

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        if not ctx.train:
            raise RuntimeError("cudnn RNN backward can only be called in training mode")
        with torch.enable_grad():
            inner = [tensor.inner.detach().requires_grad_() for tensor in ctx.tensors]
            results = _FUNCTIONS[ctx.name](*ctx.rebuild(inner))
            pairs = [(result, _plain(g)) for result, g in zip(results, gradients, strict=True) if g is not None]
            outputs, outer = zip(*pairs, strict=True)
            ours = torch.autograd.grad(outputs, inner, outer, allow_unused=True)
        return None, None, None, *(None if g is None else GpuTensor(g) for g in ours)
