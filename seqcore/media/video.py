"""Videos in and out, with PyAV: frames with their own times, however they are stored."""

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from seqcore.errors import InputError, SettingsError

if TYPE_CHECKING:
    import av

MOST_PIXELS = 8192 * 4352  # of a frame
SUFFIXES = frozenset({".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm"})
_USUAL_RATE = 25.0
_MILLISECONDS = Fraction(1, 1000)

VideoSource = str | Path | bytes | IO[bytes]


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


def pyav() -> Any:
    """PyAV, imported on first use: a task that knows videos can then be named where it is not installed.

    Raises:
        SettingsError: it is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise SettingsError("reading videos needs av: pip install 'seqcore[vision]'") from error
    return av


def video_info(source: VideoSource) -> VideoInfo:
    """What a video file says of itself; its first frame is decoded.

    Raises:
        InputError: it cannot be read, or holds no video.
    """
    with _Opened(source) as opened:
        for frame in opened.decoded():
            turned = _quarter_turns(frame) % 2 == 1
            width, height = (frame.height, frame.width) if turned else (frame.width, frame.height)
            return VideoInfo(opened.fps, opened.count, width, height)
        raise InputError(f"{opened.name} holds no frames")


def read_frames(source: VideoSource, view: View | None = None) -> Iterator[tuple[float, Tensor]]:
    """Frames of a video, one after the other: (time in seconds, uint8 (C, height, width)).

    Times are the file's own, counted from its first frame, so that a variable frame rate is kept. Damaged frames in
    the middle of a file are left out.

    Args:
        view: what is looked at, scaled; without it, whole frames in colour.

    Raises:
        InputError: it cannot be read, holds no video, or no frame.
    """
    with _Opened(source) as opened:
        first: float | None = None
        for number, frame in enumerate(opened.decoded()):
            time = frame.time if frame.time is not None else number / opened.fps
            first = time if first is None else first
            yield max(0.0, time - first), picture(frame, view)
        if first is None:
            raise InputError(f"{opened.name} holds no frames")


class _Opened:
    """A file with a video in it."""

    def __init__(self, source: VideoSource) -> None:
        av = self._av = pyav()
        self.name, file = _file(source)
        try:
            self.container = av.open(file, metadata_errors="ignore")
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise InputError(f"{self.name} is not a video, or it is damaged or cut short: {_reason(error)}") from error
        if not self.container.streams.video:
            sound = ", only sound" if self.container.streams.audio else ""
            self.container.close()
            raise InputError(f"{self.name} holds no video{sound}")
        self.stream = self.container.streams.video[0]
        self.stream.thread_type = "AUTO"
        rate = self.stream.average_rate or self.stream.guessed_rate
        self.fps = float(rate) if rate and 0 < rate < 100_000 else _USUAL_RATE
        length = self.stream.duration and self.stream.time_base and float(self.stream.duration * self.stream.time_base)
        self.count = self.stream.frames or round((length or 0) * self.fps)

    def __enter__(self) -> "_Opened":
        return self

    def __exit__(self, *_: object) -> None:
        self.container.close()

    def decoded(self) -> Iterator[Any]:
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets)
                frames = packet.decode()
            except StopIteration:
                return
            except self._av.error.InvalidDataError:
                continue
            except (self._av.error.FFmpegError, ValueError) as error:
                raise InputError(f"{self.name} cannot be decoded: {_reason(error)}") from error
            for frame in frames:
                if frame.width * frame.height > MOST_PIXELS:
                    size = f"{frame.width:,} × {frame.height:,}"
                    raise InputError(f"{self.name} has frames of {size} pixels, more than {MOST_PIXELS:,}")
                yield frame


def _file(source: VideoSource) -> tuple[str, Any]:
    if isinstance(source, bytes):
        if not source:
            raise InputError("the video is empty")
        return "the video", io.BytesIO(source)
    if isinstance(source, str | Path):
        path = Path(source).expanduser()
        try:
            if not path.is_file():
                raise InputError(f"there is no video {path}" if not path.exists() else f"{path} is no file")
            if path.stat().st_size == 0:
                raise InputError(f"{path.name} is empty")
            with path.open("rb"):
                pass
        except (OSError, ValueError) as error:
            raise InputError(f"{source} cannot be read: {getattr(error, 'strerror', None) or error}") from error
        return path.name, f"file:{path}"  # never a protocol of the network
    if hasattr(source, "read"):
        return Path(str(getattr(source, "name", "the video"))).name, source
    raise InputError(f"a video is a path, bytes or a file, not {type(source).__name__}")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _quarter_turns(frame: Any) -> int:
    """Counter-clockwise quarter turns that the file's metadata ask for."""
    return round(getattr(frame, "rotation", 0) / 90) % 4


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


class VideoWriter:
    """Writes H.264 (yuv420p) that plays in browsers; sizes are made even, as that format needs.

    Use it as a context; ``write`` takes an array (height, width, 3), uint8, and its time in seconds.

    Raises:
        InputError: the file cannot be written, or times do not grow.
    """

    def __init__(self, path: str | Path, width: int, height: int, fps: float, quality: int = 23) -> None:
        self.width, self.height = width - width % 2, height - height % 2
        if min(self.width, self.height) < 2:
            raise InputError(f"a video of {width} × {height} pixels cannot be written: it takes 2 × 2 at least")
        self.path, self._last = Path(path), -1
        av = self._av = pyav()
        try:
            self._container = av.open(str(path), "w", options={"movflags": "+faststart"})
            self._stream = self._container.add_stream("libx264", rate=max(1, math.ceil(fps)))
            self._stream.width, self._stream.height, self._stream.pix_fmt = self.width, self.height, "yuv420p"
            self._stream.options = {"crf": str(quality), "preset": "veryfast"}
            self._stream.codec_context.time_base = self._unit = _MILLISECONDS
            self._container.start_encoding()
        except (av.error.FFmpegError, OSError) as error:
            raise InputError(f"{path} cannot be written: {_reason(error)}") from error

    def write(self, pixels: np.ndarray[Any, Any], time: float) -> None:
        """Add a frame."""
        shown = np.ascontiguousarray(pixels[: self.height, : self.width])
        frame = self._av.VideoFrame.from_ndarray(shown, format="rgb24")
        self._last = max(self._last + 1, round(time / float(self._unit)))
        frame.pts, frame.time_base = self._last, self._unit
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()
