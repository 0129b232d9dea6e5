"""Videos on the way in, with PyAV: frames with their own times, however they are stored."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from seqcore.errors import InputError
from seqcore.media.clock import Clock
from seqcore.media.completeness import CutShort
from seqcore.media.containers import VideoContainer, VideoSource
from seqcore.media.orientation import orientation, shown_size

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
        width, height: as it is shown: turned if it asks for that, and with square pixels.
        seconds: how long it is; 0 if it does not say. Joined films, as MPEG-TS and VOB may be, are often longer.
    """

    fps: float
    frames: int
    width: int
    height: int
    seconds: float = 0.0


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
        aspect = container.stream.sample_aspect_ratio
        width, height = shown_size(first.width, first.height, aspect, orientation(first))
        self.info = VideoInfo(container.fps, container.count, width, height, container.seconds)
        self._first, self._is_at_start = first, True
        self._clock = self._new_clock()

    @property
    def is_joinable(self) -> bool:
        """Whether it is of a format whose films can be joined as they are: what it says of its length is of one."""
        return self._container.jumps

    def _new_clock(self) -> Clock:
        return Clock(1 / self._container.fps, self._container.jumps)

    def _rewind(self) -> None:
        if not self._is_at_start:  # Not every file can be searched, but each can be opened again.
            self.close()
            self._open()
        self._is_at_start = False

    def frames(self, view: View | None = None) -> Iterator[tuple[float, Tensor]]:
        """Give the frames from the first one on, one after the other: (time in seconds, uint8 (C, height, width)).

        Times are the file's own, counted from its first frame, so that a variable frame rate is kept; where films were
        joined, one follows the other, see `Clock`. They always grow. Damaged frames in the middle of a file are left
        out.

        Args:
            view: what is looked at, scaled; without it, whole frames in colour, with pixels as they are stored.

        Raises:
            InputError: it cannot be decoded.
        """
        self._rewind()
        clock = self._clock = self._new_clock()
        for frame in chain((self._first,), self._frames):
            duration = float((frame.duration or 0) * frame.time_base) if frame.time_base else 0.0
            yield clock.tick(frame.time, duration), to_tensor(frame, view)

    @property
    def end(self) -> float:
        """Where the last frame that `frames` gave ends, in seconds."""
        end, claimed = self._clock.end, self.info.seconds
        # Where frames are stored in another order than they are shown, a long one may pass its length to another.
        return min(end, claimed) if claimed > self._clock.time + 0.005 and not self.is_joinable else end

    @property
    def fps(self) -> float:
        """Frames a second of those that `frames` gave, on average."""
        return self._clock.rate(self.info.fps)

    @property
    def cut_short(self) -> CutShort | None:
        """How much there would be, if `frames` gave less than the file says that it holds."""
        return self._container.claim.cut_short(self.end, self._clock.count, self.fps)

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
            before = () if self._container.has_jumps() else self._container.decoded_before(start + time)
            for frame in before:
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


def to_tensor(frame: "av.VideoFrame", view: View | None = None) -> Tensor:
    """Turn what is looked at of a frame of PyAV, as it is to be shown, into uint8 (C, height, width)."""
    turned = orientation(frame)
    # By itself FFmpeg starts a thread a core for every frame, which takes longer than to scale it.
    kind = "gray" if view and view.grey else "rgb24"
    if view is None:
        pixels = turned.apply(frame.to_ndarray(format=kind, threads=1))
    else:
        top, left, bottom, right = view.crop
        height = max(1, round(view.height / (bottom - top)))
        width = max(1, round(view.width / (right - left)))
        stored_width, stored_height = turned.size(width, height)
        pixels = turned.apply(
            frame.reformat(width=stored_width, height=stored_height, format=kind, threads=1).to_ndarray()
        )
        row = min(round(top * height), height - view.height)
        column = min(round(left * width), width - view.width)
        pixels = pixels[row : row + view.height, column : column + view.width]
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
