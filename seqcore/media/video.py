"""Videos on the way in, with PyAV: frames with their own times, however they are stored."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from seqcore.errors import InputError
from seqcore.media.containers import VideoContainer, VideoSource

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


class VideoReader:
    """A video that is open: what it says of itself and its frames, all with one opening of its file.

    Use `open_video`, which also closes it. Its first frame is decoded at once, for `info`.

    Attributes:
        info: what the file says.

    Example:
        >>> with open_video("film.mp4") as film:  # doctest: +SKIP
        ...     print(film.info.fps)
        ...     for time, frame in film.frames(View(48, 64)):
        ...         ...
    """

    info: VideoInfo

    def __init__(self, source: VideoSource) -> None:
        self._source = source
        self._open()

    def _open(self) -> None:
        self._container = container = VideoContainer(self._source)
        self._frames = container.decoded()
        try:
            first = next(self._frames, None)
            if first is None:
                raise InputError(f"{container.name} holds no frames")
        except InputError:
            container.close()
            raise
        turned = _quarter_turns(first) % 2 == 1
        width, height = (first.height, first.width) if turned else (first.width, first.height)
        self.info = VideoInfo(container.fps, container.count, width, height)
        self._first, self._is_at_start = first, True

    def _rewind(self) -> None:
        if not self._is_at_start:  # Not every file can be searched, but each can be opened again.
            self.close()
            self._open()
        self._is_at_start = False

    def frames(self, view: View | None = None) -> Iterator[tuple[float, Tensor]]:
        """Give the frames from the first one on, one after the other: (time in seconds, uint8 (C, height, width)).

        Times are the file's own, counted from its first frame, so that a variable frame rate is kept; in a damaged
        file, where they go back, they stand still. Damaged frames in the middle of a file are left out.

        Args:
            view: what is looked at, scaled; without it, whole frames in colour.

        Raises:
            InputError: it cannot be decoded.
        """
        self._rewind()
        start, last = self._first.time or 0.0, 0.0
        for number, frame in enumerate(chain((self._first,), self._frames)):
            time = frame.time if frame.time is not None else number / self._container.fps
            last = max(last, time - start)
            yield last, to_tensor(frame, view)

    def frame_at(self, time: float, view: View | None = None) -> Tensor:
        """The frame that is shown at a time, in seconds from the first one on: uint8 (C, height, width).

        Before the first and beyond the last one, those. Files that can be searched are not read from their beginning.

        Raises:
            InputError: it cannot be decoded.
        """
        start = self._first.time
        if start is not None:
            self._is_at_start = False
            shown = None
            for frame in self._container.decoded_before(start + time):
                if frame.time is None or frame.time > start + time:
                    break
                shown = frame
            if shown is not None:
                return to_tensor(shown, view)
        pixels = None
        for at, following in self.frames(view):
            if pixels is not None and at > time:
                break
            pixels = following
        assert pixels is not None  # There is a first frame, or it would not be open.
        return pixels

    def close(self) -> None:
        """Close the file."""
        self._container.close()


@contextmanager
def open_video(source: VideoSource | VideoReader) -> Iterator[VideoReader]:
    """Open a video once for all that is wanted of it: a path, bytes or a file. One that is open stays open.

    Raises:
        InputError: it cannot be read, or holds no video, or no frame.
    """
    if isinstance(source, VideoReader):
        yield source
    else:
        with closing(VideoReader(source)) as reader:
            yield reader


def video_info(source: VideoSource) -> VideoInfo:
    """What a video file says of itself. Raises `InputError` when it cannot be read, or holds no video."""
    with open_video(source) as video:
        return video.info


def read_frames(source: VideoSource | VideoReader, view: View | None = None) -> Iterator[tuple[float, Tensor]]:
    """Give the frames of a video, one after the other, as `VideoReader.frames` does.

    Raises:
        InputError: it cannot be read, holds no video, or no frame.
    """
    with open_video(source) as video:
        yield from video.frames(view)


def frame_at(source: VideoSource, time: float, view: View | None = None) -> Tensor:
    """The frame of a video that is shown at a time, as `VideoReader.frame_at` finds it.

    Raises:
        InputError: it cannot be read, holds no video, or no frame.
    """
    with open_video(source) as video:
        return video.frame_at(time, view)


def _quarter_turns(frame: Any) -> int:
    """Counter-clockwise quarter turns that the file's metadata ask for."""
    return round(getattr(frame, "rotation", 0) / 90) % 4


def to_tensor(frame: "av.VideoFrame", view: View | None = None) -> Tensor:
    """Turn what is looked at of a frame of PyAV, upright as its metadata ask, into uint8 (C, height, width)."""
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
