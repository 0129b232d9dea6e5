"""Frames of many videos, decoded once and kept on disk."""

import json
import os
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from seqcore.errors import DataError, InputError
from seqcore.media.video import View, open_video


class Clip(NamedTuple):
    """Frames of a video.

    Attributes:
        frames: uint8 (T, C, H, W); or float16 (T, D), what an image network gives of each.
        times: T seconds, from the first frame on.
        fps: frames a second on average.
    """

    frames: Tensor
    times: tuple[float, ...]
    fps: float


def read_clip(source: str | bytes, view: View) -> Clip:
    """All frames of a video. Raises InputError when it cannot be read."""
    with open_video(source) as video:
        times, frames = zip(*video.frames(view), strict=True)
        return Clip(torch.stack(frames), times, video.info.fps)


class Reader(NamedTuple):
    """How to read something else than frames.

    Attributes:
        read: a video → a clip of float16.
        size: D, numbers a frame.
        mark: says what reads, such as a network and its weights.
    """

    read: Callable[[str | bytes], Clip]
    size: int
    mark: str


def cached_clips(
    sources: Sequence[str | bytes],
    view: View,
    folder: str | Path,
    progress: Callable[[int, int], None] | None = None,
    reader: Reader | None = None,
) -> list[Clip]:
    """Clips whose frames are mapped from disk, so that only what is used is in memory.

    They are decoded when the folder does not hold them yet, from where an earlier call was interrupted; what was made
    of other videos or another view is noticed by a key and made anew. Frames must not be written to.

    Args:
        folder: where ``frames.bin`` is, and ``frames.json``, which says what it holds.
        progress: told how many of how many videos are done.
        reader: keeps what it gives of the frames instead of them.

    Raises:
        InputError: a video cannot be read; ``number`` says which (from 1).
        DataError: the folder cannot be written, or the disk is full.
    """
    folder = Path(folder).expanduser()
    note, store = folder / "frames.json", folder / "frames.bin"
    key = f"{view} {_mark_all(sources):08x} {len(sources)}"
    shape: tuple[int, ...] = view.shape
    kind: type[np.generic] = np.uint8
    if reader:
        key, shape, kind = f"{key} {reader.mark}", (reader.size,), np.float16
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    try:
        folder.mkdir(parents=True, exist_ok=True)
        said = _said(note, store, key, size)
        with store.open("r+b" if store.exists() else "w+b") as file:
            file.truncate(sum(len(times) for times, _ in said) * size)
            file.seek(0, os.SEEK_END)
            for number, source in enumerate(sources[len(said) :], len(said) + 1):
                try:
                    clip = reader.read(source) if reader else read_clip(source, view)
                except InputError as error:
                    raise InputError(error.message, number) from None
                file.write(clip.frames.numpy().tobytes())
                said.append((list(clip.times), clip.fps))
                if number % 50 == 0 or number == len(sources):
                    file.flush()
                    _write(note, {"key": key, "clips": said})
                if progress:
                    progress(number, len(sources))
        mapped = np.memmap(store, kind, "r+").reshape(-1, *shape)
    except OSError as error:
        raise DataError(
            f"{folder} cannot keep the frames of {len(sources)} videos: {error.strerror or error}"
        ) from error
    whole = torch.from_numpy(mapped)
    clips, begin = [], 0
    for times, fps in said:
        clips.append(Clip(whole[begin : begin + len(times)], tuple(times), fps))
        begin += len(times)
    return clips


def _said(note: Path, store: Path, key: str, size: int) -> list[tuple[list[float], float]]:
    """Times and rate of each clip that the folder holds."""
    try:
        said: dict[str, Any] = json.loads(note.read_text(encoding="utf-8"))
        clips = [(list(times), float(fps)) for times, fps in said["clips"]]
        if said["key"] == key and store.stat().st_size >= sum(len(times) for times, _ in clips) * size:
            return clips
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError):
        pass
    print(f"{note.parent} is of other videos or another view: it is made anew", file=sys.stderr)
    note.unlink(missing_ok=True)
    return []


def _write(note: Path, said: dict[str, Any]) -> None:
    partial = note.with_suffix(".partial")
    partial.write_text(json.dumps(said), encoding="utf-8")
    partial.replace(note)


def _mark_all(sources: Sequence[str | bytes]) -> int:
    mark = 0
    for source in sources:
        if isinstance(source, bytes):
            said = f"{len(source)} {zlib.crc32(source)}"
        else:
            try:
                state = Path(source).stat()
                said = f"{Path(source).name} {state.st_size} {state.st_mtime_ns}"
            except OSError:
                said = source
        mark = zlib.crc32(said.encode(), mark)
    return mark
