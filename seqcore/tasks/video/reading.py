"""Frames on their way to the network, of a film in a file or of a camera."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqcore.errors import InputError
from seqcore.media.containers import pyav
from seqcore.media.video import VideoReader, View, to_tensor
from seqcore.tasks.video.config import FrameClassifierConfig
from seqcore.tasks.video.sampling import FramesRead, Sampler, change

CHUNK = 32  # The image network reads so many frames at once.


def read_chunks(
    film: VideoReader, view: View, rate: float, read: FramesRead, progress: Callable[[int], None] | None = None
) -> Iterator[Tensor]:
    """Frames of a film from its beginning that the network sees, in chunks, uint8 (n, C, H, W).

    Args:
        rate: about how many a second it sees; 0 is all, see `Sampler`.
        read: what was read is added to it.
        progress: told after each whole chunk how many frames were read; what it raises ends the work.

    Raises:
        InputError: the video cannot be read.
    """
    sampler, chunk = Sampler(rate), []
    before: Tensor | None = None
    for number, (time, frame) in enumerate(film.frames(view)):
        read.times.append(time)
        read.changed.append(change(before, frame) if rate else 0.0)
        before = frame
        if sampler.takes(time):
            read.seen.append(number)
            chunk.append(frame)
        if progress and (number + 1) % CHUNK == 0:
            progress(number + 1)
        if len(chunk) == CHUNK:
            yield torch.stack(chunk)
            chunk = []
    if chunk:
        yield torch.stack(chunk)


def without_margin(frames: Tensor, config: FrameClassifierConfig) -> Tensor:
    """Frames (…, H, W) without what only training sees of them, if they have it."""
    margin = config.margin
    if margin and frames.shape[-2:] != (config.height, config.width):
        return frames[..., margin:-margin, margin:-margin]
    return frames


def live_frame(frame: Any, view: View) -> Tensor:
    """A frame (H, W, 3), uint8, as the network reads it: uint8 (C, height, width). A tensor of that kind stays.

    Raises:
        InputError: this is no frame.
    """
    if isinstance(frame, Tensor) and frame.dtype == torch.uint8 and frame.shape == view.shape:
        return frame
    try:
        pixels = np.asarray(frame)
    except Exception as error:  # Objects that claim to be arrays raise errors of many kinds.
        raise InputError(f"a frame must be (H, W, 3), uint8, not {type(frame).__name__}: {error}") from error
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or 0 in pixels.shape:
        raise InputError(f"a frame must be (H, W, 3), uint8, not {pixels.shape}, {pixels.dtype}")
    return to_tensor(pyav().VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24"), view)
