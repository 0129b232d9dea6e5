"""What an image network gives of many images, computed once and kept on disk."""

import json
import os
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqcore.errors import DataError, InputError
from seqcore.media.images import ImageSource, load_squares
from seqcore.nn.images import ImageEncoder

_KEPT_EVERY = 16  # batches between two notes of how far it is


@torch.inference_mode()
def cached_features(
    encoder: ImageEncoder,
    sources: Sequence[ImageSource],
    folder: str | Path,
    batch_size: int = 16,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Grids of images, in half precision and mapped from disk, so that only what is used is in memory.

    They are computed when the folder does not hold them yet, from where an earlier call was interrupted. What was made
    of other images, or by another network or other weights, is noticed by a key and computed anew.

    Args:
        encoder: in evaluation mode.
        sources: paths or bytes of N images.
        folder: where ``grids.npy`` is, and ``grids.json``, which says what it holds.
        progress: told how many of how many images are done.

    Returns:
        (N, S, D), float16. It must not be written to.

    Raises:
        InputError: an image cannot be read; ``number`` says which (from 1).
        DataError: the folder cannot be written, or the disk is full.
    """
    folder = Path(folder).expanduser()
    shape = (len(sources), encoder.grid_shape[0] * encoder.grid_shape[1], encoder.output_size)
    key = _key(encoder, sources)
    note, store = folder / "grids.json", folder / "grids.npy"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        done = _done(note, store, key, shape)
        if done < len(sources):
            mode = "r+" if done else "w+"
            grids = np.lib.format.open_memmap(store, mode, np.float16, shape)
            if not done:
                _reserve(store, store.stat().st_size)
            _compute(encoder, sources, grids, done, batch_size, lambda n: _write(note, key, n), progress)
            del grids
        return torch.from_numpy(np.load(store, mmap_mode="c"))
    except OSError as error:
        size = shape[0] * shape[1] * shape[2] * 2
        raise DataError(
            f"{folder} cannot keep what the image network gives, which takes {size / 1e6:,.0f} MB: "
            f"{error.strerror or error}"
        ) from error


def _compute(
    encoder: ImageEncoder,
    sources: Sequence[ImageSource],
    grids: np.memmap[Any, Any],
    done: int,
    batch_size: int,
    keep: Callable[[int], None],
    progress: Callable[[int, int], None] | None,
) -> None:
    device = next(encoder.parameters()).device
    for number, begin in enumerate(range(done, len(sources), batch_size), 1):
        try:
            images = load_squares(sources[begin : begin + batch_size], encoder.config.size)
        except InputError as error:
            raise InputError(error.message, error.number and begin + error.number, "image") from error
        found = encoder(images.to(device)).to("cpu", torch.float16).numpy()
        end = begin + len(found)
        grids[begin:end] = found
        if number % _KEPT_EVERY == 0 or end == len(sources):
            grids.flush()
            keep(end)
        if progress:
            progress(end, len(sources))


def _done(note: Path, store: Path, key: str, shape: tuple[int, ...]) -> int:
    """How many of the grids that are wanted are there."""
    try:
        said = json.loads(note.read_text(encoding="utf-8"))
        kept = np.load(store, mmap_mode="r")
        if said["key"] == key and kept.shape == shape and kept.dtype == np.float16:
            return int(said["done"])
    except FileNotFoundError:
        return 0
    except (ValueError, KeyError, TypeError):
        pass
    print(f"{store.parent} is of other images or another network: it is made anew", file=sys.stderr)
    note.unlink(missing_ok=True)
    return 0


def _write(note: Path, key: str, done: int) -> None:
    partial = note.with_suffix(".partial")
    partial.write_text(json.dumps({"key": key, "done": done}), encoding="utf-8")
    partial.replace(note)


def _reserve(store: Path, size: int) -> None:
    """Have the disk say now whether it has room: writing to a map of a full disk kills the process."""
    if hasattr(os, "posix_fallocate"):
        with store.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, size)


def _key(encoder: ImageEncoder, sources: Sequence[ImageSource]) -> str:
    """What a cache is made of: network, its weights, and images."""
    weights = 0
    for name, tensor in sorted(encoder.state_dict().items()):
        weights = zlib.crc32(tensor.detach().cpu().contiguous().numpy().tobytes(), zlib.crc32(name.encode(), weights))
    images = 0
    for source in sources:
        images = zlib.crc32(_mark(source), images)
    return f"{encoder.config} {weights:08x} {images:08x} {len(sources)}"


def _mark(source: ImageSource) -> bytes:
    if isinstance(source, bytes):
        return f"{len(source)} {zlib.crc32(source)}".encode()
    if isinstance(source, str | Path):
        try:
            state = Path(source).stat()
            return f"{Path(source).name} {state.st_size} {state.st_mtime_ns}".encode()
        except OSError:
            return str(source).encode()
    raise TypeError(f"only paths and bytes are cached, not {type(source).__name__}")
