"""Frames of many videos, decoded once and kept on disk."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seqcore.errors import numbered
from seqcore.media.ahead import in_threads
from seqcore.media.cache import ArrayCache, file_key
from seqcore.media.video import View, open_video

MAX_FILMS = 2  # Decoded at the same time: all frames of each are in memory then.
_NOTES = "times, rate and end"  # Of each video: caches that were made when less was noted are made anew.


class Clip(NamedTuple):
    """Frames of a video.

    Attributes:
        frames: uint8 (T, C, H, W); or float16 (T, D), what an image network gives of each.
        times: T seconds, from the first frame on.
        fps: frames a second on average.
        end: where the last frame ends, in seconds; None is one usual frame later.
    """

    frames: Tensor
    times: tuple[float, ...]
    fps: float
    end: float | None = None


def read_clip(source: str | bytes, view: View) -> Clip:
    """All frames of a video. Raises `InputError` when it cannot be read."""
    with open_video(source) as video:
        times, frames = zip(*video.frames(view), strict=True)
        return Clip(torch.stack(frames), times, video.fps, video.end)


class ClipReader(NamedTuple):
    """How to read something else than frames.

    Attributes:
        read: a video → a clip of float16.
        size: D, numbers a frame.
        key: says what reads, such as a network and its weights.
    """

    read: Callable[[str | bytes], Clip]
    size: int
    key: str


def cached_clips(
    sources: Sequence[str | bytes],
    view: View,
    folder: str | Path,
    progress: Callable[[int, int], None] | None = None,
    reader: ClipReader | None = None,
) -> list[Clip]:
    """Give clips of videos, mapped from disk; they are decoded where an `ArrayCache` does not hold them yet.

    Args:
        folder: of the cache.
        progress: called with how many of how many videos are done.
        reader: keeps what it gives of the frames instead of them.

    Raises:
        InputError: a video cannot be read; `number` says which (from 1).
        DataError: the folder cannot be written, or the disk is full.
    """

    def read(place: int) -> Clip:
        with numbered(place, kind="video"):
            return reader.read(sources[place]) if reader else read_clip(sources[place], view)

    def produce(done: int) -> Iterator[tuple[Tensor, list[Any]]]:
        places = range(done, len(sources))
        # A network uses all cores by itself, and reads each film ahead.
        clips = map(read, places) if reader else in_threads(read, places, MAX_FILMS, MAX_FILMS)
        for number, clip in enumerate(clips, done + 1):
            yield clip.frames, [[clip.times, clip.fps, clip.end]]
            if progress:
                progress(number, len(sources))

    key, shape, dtype = f"{view} {file_key(sources)} {_NOTES}", tuple(view.shape), torch.uint8
    if reader:
        key, shape, dtype = f"{key} {reader.key}", (reader.size,), torch.float16
    content = f"the frames of {len(sources)} videos"
    frames, notes = ArrayCache(folder, key, shape, dtype, content=content).fill(produce)
    parts = frames.split([len(times) for times, *_ in notes])
    return [Clip(part, tuple(times), fps, end) for part, (times, fps, end) in zip(parts, notes, strict=True)]
