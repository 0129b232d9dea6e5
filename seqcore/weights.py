"""A checkpoint's file of weights: safetensors, read strictly, known to be whole, and never larger than it says."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from seqcore.errors import CheckpointError, first_line

WEIGHTS = "model.safetensors"
# The digests stand in the file's own metadata, which readers that know nothing of them leave alone.
_OF_WEIGHTS, _OF_FILE = "sha256", "sha256 of "
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
# Building a network calls torch so often for each of its tensors, at most, and has so many tensors that it loses again,
# such as those of an image network's classifier.
MAX_CALLS_PER_TENSOR, SPARE_TENSORS = 100, 1000

_DRAWS = {Tensor.normal_, Tensor.uniform_}


class HasNetwork(Protocol):
    """What has a network to fill, such as a task."""

    network: nn.Module


Built = TypeVar("Built", bound=HasNetwork)


@dataclass(frozen=True)
class Header:
    """What a file of weights says that it holds.

    Attributes:
        shapes: of each tensor.
        digests: SHA-256 of the weights and of the checkpoint's other files; files of earlier versions have none.
    """

    path: Path
    shapes: Mapping[str, tuple[int, ...]]
    digests: Mapping[str, str]


class _Sketch(TorchFunctionMode):
    """Lets this thread build a network without numbers: none are drawn, and too many calls of torch end it.

    For a billion layers take no memory on the meta device, but for ever, and drawing there would load torch's compiler.
    """

    def __init__(self, calls: int) -> None:
        super().__init__()
        self._calls = calls

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self._calls -= 1
        if self._calls < 0:
            raise _TooManyCallsError
        arguments = kwargs or {}
        if func in _DRAWS or getattr(func, "__module__", None) == nn.init.__name__:
            return arguments["tensor"] if "tensor" in arguments else args[0]
        return func(*args, **arguments)


class _TooManyCallsError(Exception):
    pass


def build_checked(header: Header, build: Callable[[], Built]) -> Built:
    """Build a task without memory for its weights, on torch's meta device, and compare its network with the file.

    `read_weights` fills it afterwards. So a configuration that asks for a larger model than the file holds is refused
    before a byte is taken for it.

    Raises:
        CheckpointError: names or shapes differ; the message names the first one.
    """
    try:
        with torch.device("meta"), _Sketch(MAX_CALLS_PER_TENSOR * (len(header.shapes) + SPARE_TENSORS)):
            task = build()
    except _TooManyCallsError:
        raise CheckpointError(
            f"{header.path.parent} is damaged: its configuration asks for a larger model than {WEIGHTS} holds, "
            f"which has {len(header.shapes):,} tensors"
        ) from None
    _compare(header, named_weights(task.network))
    loose = (value for owner in (task, *task.network.modules()) for value in vars(owner).values())
    if any(isinstance(value, Tensor) and value.is_meta for value in loose):
        return build()  # Of what is no parameter and no buffer, only this knows the values; the sizes are right by now.
    return task


def _compare(header: Header, weights: Mapping[str, Tensor]) -> None:
    path, shapes = header.path, header.shapes
    if missing := sorted(weights.keys() - shapes.keys()):
        raise CheckpointError(f"{path} lacks {missing[0]!r}" + (f" and {len(missing) - 1} more" * (len(missing) > 1)))
    if unknown := sorted(shapes.keys() - weights.keys()):
        raise CheckpointError(
            f"{path} holds {unknown[0]!r}, which the model does not have"
            + (f", and {len(unknown) - 1} more" * (len(unknown) > 1))
        )
    for name, tensor in weights.items():
        if tensor.shape != shapes[name]:
            raise CheckpointError(
                f"{path}: {name!r} has the shape {shapes[name]}, but the model needs {tuple(tensor.shape)}"
            )


def read_header(folder: Path) -> Header:
    """What the file of weights says; and compare the checkpoint's other files with it.

    Raises:
        CheckpointError: the file is missing or no safetensors file, or another file is not what was saved with it.
    """
    path = folder / WEIGHTS
    if not path.is_file():
        pickle = next((file.name for kind in _PICKLES for file in folder.glob(kind)), None)
        hint = f"; {pickle} is not read, for a pickled file can run anything" if pickle else ""
        raise CheckpointError(f"{folder} has no {WEIGHTS}{hint}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged or cut short: {first_line(error)}") from error
    for key, digest in metadata.items():
        if key.startswith(_OF_FILE):
            _check_file(folder / Path(key.removeprefix(_OF_FILE)).name, digest)
    return Header(path, shapes, metadata)


def read_weights(header: Header, network: nn.Module) -> None:
    """Fill a network that `build_checked` built: every kind must be right, every number finite and as it was saved.

    Weights are converted to the network's own type. Those that were shared are shared afterwards.

    Raises:
        CheckpointError: they are not; the message names the first one.
    """
    path, weights = header.path, named_weights(network)
    try:
        saved = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged or cut short: {first_line(error)}") from error
    _compare(replace(header, shapes={name: tuple(tensor.shape) for name, tensor in saved.items()}), weights)
    for name, tensor in weights.items():
        if saved[name].is_floating_point() != tensor.is_floating_point() or saved[name].is_complex():
            raise CheckpointError(f"{path}: {name!r} is {saved[name].dtype}, which cannot become {tensor.dtype}")
    if _OF_WEIGHTS in header.digests and header.digests[_OF_WEIGHTS] != _digest(saved):
        raise CheckpointError(f"{path} is damaged: its weights are not those that were saved")
    for name, weight in saved.items():
        if weight.is_floating_point() and not bool(weight.float().isfinite().all()):
            raise CheckpointError(f"{path} is damaged: {name!r} holds what is no number")
    # The file is mapped into memory, so that its numbers are copied: it may be replaced while they are in use.
    filled = {}
    for name, old in weights.items():
        filled[id(old)] = torch.empty_strided(old.size(), old.stride(), dtype=old.dtype).copy_(saved[name])
    _put(network, filled)


def _put(network: nn.Module, tensors: Mapping[int, Tensor]) -> None:
    """Put tensors into the places of others, which are known by their ids; torch sees it as any assignment."""
    parameters: dict[int, nn.Parameter] = {}
    for module in network.modules():
        for name, old in [*module.named_parameters(recurse=False, remove_duplicate=False)]:
            new = parameters.setdefault(id(old), nn.Parameter(tensors[id(old)].detach(), old.requires_grad))
            setattr(module, name, new)
        for name, buffer in [*module.named_buffers(recurse=False, remove_duplicate=False)]:
            setattr(module, name, tensors[id(buffer)])


def write_weights(folder: Path, network: nn.Module, dtype: torch.dtype | None, others: Sequence[str]) -> None:
    """Write the file of weights, with digests of them and of the folder's `others`, which must be there already."""
    weights = {
        name: (tensor.to(dtype) if dtype and tensor.is_floating_point() else tensor).detach().contiguous().cpu()
        for name, tensor in named_weights(network).items()
    }
    digests = {_OF_FILE + name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in others}
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt", _OF_WEIGHTS: _digest(weights), **digests})
    (folder / WEIGHTS).chmod(0o644)


def named_weights(network: nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer by name, one that is shared (tied) under its first name only."""
    return dict(network.named_parameters()) | dict(network.named_buffers())


def _digest(weights: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(weights):
        tensor = weights[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        if tensor.numel():
            digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _check_file(path: Path, digest: str) -> None:
    if not path.is_file():
        raise CheckpointError(f"{path.parent} has no {path.name}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise CheckpointError(f"{path} is damaged: it is not the one that was saved with {WEIGHTS}")
