"""A checkpoint's file of weights: safetensors, read strictly, known to be whole, and never larger than it says."""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from seqcore.errors import CheckpointError

WEIGHTS = "model.safetensors"
# The digests stand in the file's own metadata, which readers that know nothing of them leave alone.
_OF_WEIGHTS, _OF_FILE = "sha256", "sha256 of "
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_MAKES = {f"aten::{name}" for name in ("empty", "zeros", "ones", "full", "rand", "randn")}
_SPARE_NUMBERS, _SPARE_TENSORS = 1 << 25, 1000  # what an image network is made with and then loses, such as its classes


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

    @contextmanager
    def no_larger_model(self) -> Iterator[None]:
        """Let a network be made that has about as many numbers as the file, and refuse the first that is too many.

        Raises:
            CheckpointError: it is a larger one.
        """
        numbers = sum(map(math.prod, self.shapes.values()))
        try:
            with _Allowance(2 * numbers + _SPARE_NUMBERS, 4 * len(self.shapes) + _SPARE_TENSORS):
                yield
        except _TooLargeError:
            raise CheckpointError(
                f"{self.path.parent} is damaged: its configuration asks for a larger model than {WEIGHTS} holds, "
                f"which has {numbers:,} numbers"
            ) from None


class _TooLargeError(Exception):
    pass


class _Allowance(TorchDispatchMode):
    """Counts the tensors that this thread makes, each before it takes any memory."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else torch loads its whole compiler for the first tensor, which takes seconds

    def __init__(self, numbers: int, tensors: int) -> None:
        super().__init__()
        self._numbers, self._tensors = numbers, tensors

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func._schema.name in _MAKES:
            self._numbers -= math.prod(args[0])
            self._tensors -= 1
            if self._numbers < 0 or self._tensors < 0:
                raise _TooLargeError
        return func(*args, **(kwargs or {}))


def read_header(folder: Path) -> Header:
    """What the file of weights says; and compare the checkpoint's other files with it.

    Raises:
        CheckpointError: the file is missing or no safetensors file, or another file is not what was saved with it.
    """
    path = folder / WEIGHTS
    if not path.is_file():
        pickle = next((found.name for kind in _PICKLES for found in folder.glob(kind)), None)
        hint = f"; {pickle} is not read, for a pickled file can run anything" if pickle else ""
        raise CheckpointError(f"{folder} has no {WEIGHTS}{hint}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged or cut short: {_line(error)}") from error
    for key, digest in metadata.items():
        if key.startswith(_OF_FILE):
            _check_file(folder / Path(key.removeprefix(_OF_FILE)).name, digest)
    return Header(path, shapes, metadata)


def read_weights(header: Header, network: nn.Module) -> None:
    """Fill a network, strictly: every name, shape and kind must be right, every number finite and as it was saved.

    Weights are converted to the network's own type.

    Raises:
        CheckpointError: they are not; the message names the first one.
    """
    path, wanted = header.path, named_weights(network)
    if missing := sorted(wanted.keys() - header.shapes.keys()):
        raise CheckpointError(f"{path} lacks {missing[0]!r}" + (f" and {len(missing) - 1} more" * (len(missing) > 1)))
    if unknown := sorted(header.shapes.keys() - wanted.keys()):
        raise CheckpointError(
            f"{path} holds {unknown[0]!r}, which the model does not have"
            + (f", and {len(unknown) - 1} more" * (len(unknown) > 1))
        )
    for name, tensor in wanted.items():
        if tensor.shape != header.shapes[name]:
            raise CheckpointError(
                f"{path}: {name!r} has the shape {header.shapes[name]}, but the model needs {tuple(tensor.shape)}"
            )
    try:
        saved = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged or cut short: {_line(error)}") from error
    for name, tensor in wanted.items():
        if saved[name].is_floating_point() != tensor.is_floating_point() or saved[name].is_complex():
            raise CheckpointError(f"{path}: {name!r} is {saved[name].dtype}, which cannot become {tensor.dtype}")
    if _OF_WEIGHTS in header.digests and header.digests[_OF_WEIGHTS] != _digest(saved):
        raise CheckpointError(f"{path} is damaged: its weights are not those that were saved")
    for name, weight in saved.items():
        if weight.is_floating_point() and not bool(weight.float().isfinite().all()):
            raise CheckpointError(f"{path} is damaged: {name!r} holds what is no number")
    with torch.no_grad():
        for name, tensor in wanted.items():
            tensor.copy_(saved[name])


def write_weights(folder: Path, network: nn.Module, dtype: torch.dtype | None, others: Sequence[str]) -> None:
    """Write the file of weights, with digests of them and of the folder's ``others``, which must be there already."""
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
    found = hashlib.sha256()
    for name in sorted(weights):
        tensor = weights[name]
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        if tensor.numel():
            found.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _check_file(path: Path, digest: str) -> None:
    if not path.is_file():
        raise CheckpointError(f"{path.parent} has no {path.name}")
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    if found != digest:
        raise CheckpointError(f"{path} is damaged: it is not the one that was saved with {WEIGHTS}")


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
