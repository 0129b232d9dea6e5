"""Frames on their way to the network, of a film in a file or of a camera."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqcore.errors import InputError
from seqcore.media.containers import VideoSource, pyav
from seqcore.media.video import VideoReader, View, read_frames, to_tensor
from seqcore.tasks.video.config import FrameClassifierConfig

CHUNK = 32  # The image network reads so many frames at once.


def read_chunks(
    video: VideoSource | VideoReader, view: View, times: list[float], progress: Callable[[int], None] | None = None
) -> Iterator[Tensor]:
    """Frames of a file from its beginning, in chunks, uint8 (n, C, H, W); their times are added to `times`.

    Args:
        progress: told after each whole chunk how many frames were read; what it raises ends the work.

    Raises:
        InputError: the video cannot be read.
    """
    chunk: list[Tensor] = []
    for time, frame in read_frames(video, view):
        times.append(time)
        chunk.append(frame)
        if len(chunk) == CHUNK:
            if progress:
                progress(len(times))
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
