"""Videos on the way in, with PyAV: frames with their own times, however they are stored."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
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
# Kinds of files that hold their own pictures. Others, such as playlists and scripts, name files and addresses that
# FFmpeg would open for whoever wrote them.
_CONTAINERS = (
    "mov,mp4,matroska,webm,avi,gif,mpegts,mpeg,mpegvideo,flv,ogg,asf,mxf,dv,nut,ivf,apng,h264,hevc,m4v,obu,mjpeg,"
    "yuv4mpegpipe,mp3,wav,flac,aac,amr,aiff"
)
_SAFE = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}

_COVER = 0x400  # FFmpeg's mark of a picture that goes with a song

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

    Times are the file's own, counted from its first frame, so that a variable frame rate is kept; in a damaged
    file, where they go back, they stand still. Damaged frames in the middle of a file are left out.

    Args:
        view: what is looked at, scaled; without it, whole frames in colour.

    Raises:
        InputError: it cannot be read, holds no video, or no frame.
    """
    with _Opened(source) as opened:
        first: float | None = None
        last = 0.0
        for number, frame in enumerate(opened.decoded()):
            time = frame.time if frame.time is not None else number / opened.fps
            first = time if first is None else first
            last = max(last, time - first)
            yield last, picture(frame, view)
        if first is None:
            raise InputError(f"{opened.name} holds no frames")


class _Opened:
    """A file with a video in it."""

    def __init__(self, source: VideoSource) -> None:
        av = self._av = pyav()
        self.name, file = _file(source)
        try:
            self.container = av.open(file, metadata_errors="ignore", container_options=_SAFE)
        except av.error.ArgumentError as error:
            said = "MP4, MOV, WebM, MKV, AVI, GIF and their like are read, playlists and scripts are not"
            raise InputError(f"{self.name} is not a video that holds its own pictures: {said}") from error
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise InputError(f"{self.name} is not a video, or it is damaged or cut short: {reason(error)}") from error
        films = [one for one in self.container.streams.video if not one.disposition & _COVER]
        if not films:
            sound = ", only sound" if self.container.streams.audio else ""
            self.container.close()
            raise InputError(f"{self.name} holds no video{sound}")
        self.stream = films[0]
        try:
            self._check_size(self.stream.codec_context)  # before any memory is taken for it
        except InputError:
            self.container.close()
            raise
        self.stream.thread_type = "AUTO"
        rate = self.stream.average_rate or self.stream.guessed_rate
        self.fps = float(rate) if rate and 0 < rate < 100_000 else _USUAL_RATE
        self.count = self.stream.frames or round(self._seconds() * self.fps)

    def __enter__(self) -> "_Opened":
        return self

    def __exit__(self, *_: object) -> None:
        self.container.close()

    def _seconds(self) -> float:
        """How long the file says that it is; 0 if it does not say."""
        if self.stream.duration and self.stream.time_base:
            return float(self.stream.duration * self.stream.time_base)
        return max(0, self.container.duration or 0) / self._av.time_base  # WebM and MKV say it of the whole alone

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
                raise InputError(f"{self.name} cannot be decoded: {reason(error)}") from error
            for frame in frames:
                self._check_size(frame)
                yield frame

    def _check_size(self, frame: Any) -> None:
        if frame.width * frame.height > MOST_PIXELS:
            size = f"{frame.width:,} × {frame.height:,}"
            raise InputError(f"{self.name} has frames of {size} pixels, more than {MOST_PIXELS:,}")


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


def reason(error: Exception) -> str:
    """What an error of FFmpeg or of the system says."""
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
