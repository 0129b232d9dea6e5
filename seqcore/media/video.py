"""Videos on the way in, with PyAV: frames with their own times, however they are stored."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from seqcore.errors import InputError
from seqcore.media.containers import OpenedVideo, VideoSource

if TYPE_CHECKING:
    import av


@dataclass(frozen=True)
class View:
    """What is looked at of a frame.

    Attributes:
        height, width: in pixels, of what is read.
        crop: its top, left, bottom and right as parts of the frame.
        grey: brightness alone.
    """

    height: int
    width: int
    crop: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    grey: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, height, width)"""
        return (1 if self.grey else 3, self.height, self.width)


@dataclass(frozen=True)
class VideoInfo:
    """What a file says of its video.

    Attributes:
        fps: frames a second on average; 25 if it does not say.
        frames: how many there are about; 0 if it does not say.
        width, height: as it is shown, turned if it asks for that.
    """

    fps: float
    frames: int
    width: int
    height: int


def video_info(source: VideoSource) -> VideoInfo:
    """What a video file says of itself; its first frame is decoded.

    Raises:
        InputError: it cannot be read, or holds no video.
    """
    with OpenedVideo(source) as opened:
        for frame in opened.decoded():
            turned = _quarter_turns(frame) % 2 == 1
            width, height = (frame.height, frame.width) if turned else (frame.width, frame.height)
            return VideoInfo(opened.fps, opened.count, width, height)
        raise InputError(f"{opened.name} holds no frames")


def read_frames(source: VideoSource, view: View | None = None) -> Iterator[tuple[float, Tensor]]:
    """Frames of a video, one after the other: (time in seconds, uint8 (C, height, width)).

    Times are the file's own, counted from its first frame, so that a variable frame rate is kept; in a damaged
    file, where they go back, they stand still. Damaged frames in the middle of a file are left out.

    Args:
        view: what is looked at, scaled; without it, whole frames in colour.

    Raises:
        InputError: it cannot be read, holds no video, or no frame.
    """
    with OpenedVideo(source) as opened:
        first: float | None = None
        last = 0.0
        for number, frame in enumerate(opened.decoded()):
            time = frame.time if frame.time is not None else number / opened.fps
            first = time if first is None else first
            last = max(last, time - first)
            yield last, picture(frame, view)
        if first is None:
            raise InputError(f"{opened.name} holds no frames")


def _quarter_turns(frame: Any) -> int:
    """Counter-clockwise quarter turns that the file's metadata ask for."""
    return round(getattr(frame, "rotation", 0) / 90) % 4


def frame_at(source: VideoSource, time: float, view: View | None = None) -> Tensor:
    """The frame that is shown at a time, in seconds from the first one on: uint8 (C, height, width).

    Before the first and beyond the last one, those. Files that can be searched are not read from their beginning.

    Raises:
        InputError: it cannot be read, holds no video, or no frame.
    """
    with OpenedVideo(source) as opened:
        first = next(opened.decoded(), None)
        if first is not None and first.time is not None:
            shown = None
            for frame in opened.decoded_before(first.time + time):
                if frame.time is None or frame.time > first.time + time:
                    break
                shown = frame
            if shown is not None:
                return picture(shown, view)
    if hasattr(source, "seek"):
        source.seek(0)
    last = None
    for at, pixels in read_frames(source, view):
        if last is not None and at > time:
            break
        last = pixels
    assert last is not None  # read_frames raises if there is none
    return last


def picture(frame: "av.VideoFrame", view: View | None = None) -> Tensor:
    """What is looked at of a frame of PyAV, turned as its metadata ask: uint8 (C, height, width)."""
    turns = _quarter_turns(frame)
    kind = "gray" if view and view.grey else "rgb24"
    if view is None:
        pixels = frame.to_ndarray(format=kind)
        pixels = np.rot90(pixels, turns)
    else:
        top, left, bottom, right = view.crop
        height = max(1, round(view.height / (bottom - top)))
        width = max(1, round(view.width / (right - left)))
        sizes = (height, width) if turns % 2 else (width, height)
        pixels = frame.reformat(width=sizes[0], height=sizes[1], format=kind).to_ndarray()
        pixels = np.rot90(pixels, turns)
        row = min(round(top * height), height - view.height)
        column = min(round(left * width), width - view.width)
        pixels = pixels[row : row + view.height, column : column + view.width]
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
