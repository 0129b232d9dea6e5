"""Files that hold videos, opened with PyAV: only such ones that hold their own pictures."""

import io
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from seqcore.errors import InputError, require

MAX_PIXELS = 8192 * 4352  # Of a frame.
SUFFIXES = frozenset({".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm"})
_USUAL_RATE = 25.0
# Kinds of files that hold their own pictures. Others, such as playlists and scripts, name files and addresses that
# FFmpeg would open for whoever wrote them.
_CONTAINERS = (
    "mov,mp4,matroska,webm,avi,gif,mpegts,mpeg,mpegvideo,flv,ogg,asf,mxf,dv,nut,ivf,apng,h264,hevc,m4v,obu,mjpeg,"
    "yuv4mpegpipe,mp3,wav,flac,aac,amr,aiff"
)
_SAFE = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}

_COVER = 0x400  # FFmpeg's flag for a picture that goes with a song.

VideoSource = str | Path | bytes | IO[bytes]


def pyav() -> Any:
    """PyAV, imported on first use: a task that knows videos can then be named where it is not installed."""
    return require("av", "reading videos needs", "vision")


def video_files(folder: str | Path) -> list[Path]:
    """List the videos in a folder, known by their endings, sorted by name.

    Raises:
        InputError: there is no video in it.
    """
    paths = sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise InputError(f"{folder} holds no videos ({', '.join(sorted(SUFFIXES))})")
    return paths


class VideoContainer:
    """An open file with a video in it.

    Attributes:
        name: what messages call it.
        fps: frames a second on average; 25 if it does not say.
        count: frames there are about; 0 if it does not say.

    Raises:
        InputError: it cannot be read, holds no video, names other files, or has frames that are too large.
    """

    def __init__(self, source: VideoSource) -> None:
        av = self._av = pyav()
        self.name, file = _file(source)
        try:
            self.container = av.open(file, container_options=_SAFE, **_metadata_options(av.__version__))
        except av.error.ArgumentError as error:
            kinds = "MP4, MOV, WebM, MKV, AVI, GIF and their like are read, playlists and scripts are not"
            raise InputError(f"{self.name} is not a video that holds its own pictures: {kinds}") from error
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise InputError(
                f"{self.name} is not a video, or it is damaged or cut short: {ffmpeg_reason(error)}"
            ) from error
        streams = [stream for stream in self.container.streams.video if not stream.disposition & _COVER]
        if not streams:
            sound = ", only sound" if self.container.streams.audio else ""
            self.container.close()
            raise InputError(f"{self.name} holds no video{sound}")
        self.stream = streams[0]
        try:
            if self.stream.codec_context is None:
                raise InputError(f"{self.name} is damaged, or of a kind of video that cannot be read here")
            self._check_size(self.stream.codec_context)  # Before any memory is taken for it.
        except InputError:
            self.container.close()
            raise
        self.stream.thread_type = "AUTO"
        rate = self.stream.average_rate or self.stream.guessed_rate
        self.fps = float(rate) if rate and 0 < rate < 100_000 else _USUAL_RATE
        self.count = self.stream.frames or round(self._seconds() * self.fps)

    def close(self) -> None:
        """Close the file; frames that were decoded stay."""
        # FFmpeg's threads may have something to log, for which PyAV needs Python's lock; who frees their decoder holds
        # it, and waits for them. This one waits without it.
        self.stream.codec_context.flush_buffers()
        self.container.close()

    def _seconds(self) -> float:
        """How long the file says that it is; 0 if it does not say."""
        if self.stream.duration and self.stream.time_base:
            return float(self.stream.duration * self.stream.time_base)
        return max(0, self.container.duration or 0) / self._av.time_base  # WebM and MKV say it of the whole alone.

    def decoded_before(self, time: float) -> Iterator[Any]:
        """Frames from a key frame before a time on; none if the file cannot be searched."""
        try:
            self.container.seek(int(time / self.stream.time_base), stream=self.stream)
        except (self._av.error.FFmpegError, OverflowError, TypeError):
            return
        yield from self.decoded()

    def decoded(self) -> Iterator[Any]:
        """Frames, one after the other, as FFmpeg gives them."""
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
                raise InputError(f"{self.name} cannot be decoded: {ffmpeg_reason(error)}") from error
            for frame in frames:
                self._check_size(frame)
                yield frame

    def _check_size(self, frame: Any) -> None:
        if frame.width * frame.height > MAX_PIXELS:
            size = f"{frame.width:,} × {frame.height:,}"
            raise InputError(f"{self.name} has frames of {size} pixels, more than {MAX_PIXELS:,}")


def _metadata_options(version: str) -> dict[str, str]:
    """Arguments with which PyAV opens a file whose title is no UTF-8: PyAV 19 needs none, and refuses older ones'."""
    return {} if int(version.partition(".")[0]) >= 19 else {"metadata_errors": "ignore"}


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
        return path.name, f"file:{path}"  # Never a protocol of the network.
    if hasattr(source, "read"):
        with suppress(OSError):  # A pipe cannot be rewound; it is read from where it is.
            source.seek(0)
        return Path(str(getattr(source, "name", "the video"))).name, source
    raise InputError(f"a video is a path, bytes or a file, not {type(source).__name__}")


def ffmpeg_reason(error: Exception) -> str:
    """What an error of FFmpeg or of the system says."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
