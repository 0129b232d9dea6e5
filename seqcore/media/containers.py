"""Files that hold videos, opened with PyAV: only such ones that hold their own pictures."""

import io
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import IO, Any

from seqcore.errors import InputError, require
from seqcore.media.clock import MAX_GAP, MAX_STEP_BACK
from seqcore.media.completeness import Claim
from seqcore.media.folders import look_through, tell_passed_over

MAX_PIXELS = 8192 * 4352  # Of a frame.
max_decoder_threads = 0  # As many as there are cores; a process that shares them with others like it sets 1.
_USUAL_RATE = 25.0
_MAX_SAID_RATE = 240  # Frames a second; a file that says more may mean how finely its clock counts.
_PEEKED_PACKETS, _MAX_PEEKED_BYTES = 64, 8_000_000
# Kinds of files that hold their own pictures. Others, such as playlists and scripts, name files and addresses that
# FFmpeg would open for whoever wrote them.
_CONTAINERS = (
    "mov,mp4,matroska,webm,avi,gif,mpegts,mpeg,mpegvideo,flv,ogg,asf,mxf,dv,nut,ivf,apng,h264,hevc,m4v,obu,mjpeg,"
    "yuv4mpegpipe,mp3,wav,flac,aac,amr,aiff"
)
# What files of these kinds are called: in a folder they are known by it.
_ENDINGS = """
    264 265 3g2 3gp 3gp2 3gpp amv apng asf avc avi dif divx dv dvr-ms f4v flv gif h264 h265 h26l hevc ismv ivf m1v m2p
    m2t m2ts m2v m4v mj2 mjpeg mjpg mk3d mkv mod mov mp4 mp4v mpe mpeg mpeg4 mpg mpv mts mxf nut obu ogm ogv ogx qt tod
    tp trp ts vob webm wmv xvid y4m
"""
SUFFIXES = frozenset(f".{ending}" for ending in _ENDINGS.split())
_KINDS = "MP4, MOV, WebM, MKV, AVI, GIF and their like are read, playlists, scripts and WebP are not"
_SAFE = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}

_DEFAULT, _COVER = 0x1, 0x400  # FFmpeg's flags of tracks: one to be shown; a picture that goes with a song;
_ASIDE = 0x800 | 0x100000  # thumbnails, one picture alone.
_CLOCK_JUMPS = 0x0200  # And of a format.

VideoSource = str | Path | bytes | IO[bytes]


def pyav() -> Any:
    """PyAV, imported on first use: a task that knows videos can then be named where it is not installed."""
    return require("av", "reading videos needs", "vision")


def video_files(folder: str | Path) -> list[Path]:
    """List the videos in a folder and in those below, known by their endings, sorted by path.

    Hidden ones are left out; what else is passed over is named on stderr.

    Raises:
        InputError: there is no video in it.
    """
    listing = look_through(folder, SUFFIXES)
    if not listing.wanted:
        raise InputError(f"{folder} holds no videos: they end in {', '.join(sorted(SUFFIXES))}")
    tell_passed_over(folder, listing.others, "videos")
    return listing.wanted


class VideoContainer:
    """An open file with a video in it.

    Attributes:
        name: what messages call it.
        fps: frames a second on average, as far as the file says, or its first packets; 25 if neither does.
        seconds: how long it says that it is; 0 if it does not say.
        count: frames there are about; 0 if it does not say.
        jumps: whether clocks of its format may jump, since its parts can be joined as they are (MPEG-TS, VOB).
        claim: what the file says that it holds, and what of it was not there.

    Raises:
        InputError: it cannot be read, holds no video, names other files, or has frames that are too large.
    """

    def __init__(self, source: VideoSource) -> None:
        av = self._av = pyav()
        self.name, file = _file(source)
        try:
            self.container = av.open(file, container_options=_SAFE, **_metadata_options(av.__version__))
        except av.error.ArgumentError as error:
            raise InputError(f"{self.name} is not a video that holds its own pictures: {_KINDS}") from error
        except (av.error.FFmpegError, OSError, ValueError) as error:
            reason = ffmpeg_reason(error)
            raise InputError(f"{self.name} is not a video, or it is damaged or cut short: {reason}") from error
        try:
            self.stream = self._shown_stream()
            if self.stream.codec_context is None:
                raise InputError(f"{self.name} is damaged, or of a kind of video that cannot be read here")
            self._check_size(self.stream.codec_context)  # Before any memory is taken for it.
        except InputError:
            self.container.close()
            raise
        self.stream.thread_type = "AUTO"
        self.stream.codec_context.thread_count = max_decoder_threads
        self.jumps = bool(self.container.format.flags & _CLOCK_JUMPS)
        self.claim = Claim(self.container, self.stream)
        self._rest: Iterator[Any] | None = None
        self.fps = self._rate()
        self.seconds = self._seconds()
        self.count = self.stream.frames or round(self.seconds * self.fps)

    def _shown_stream(self) -> Any:
        """The track that a player would show: one that is there to be shown, and of several the largest."""
        films = [stream for stream in self.container.streams.video if not stream.disposition & _COVER]
        if not films:
            sound = ", only sound" if self.container.streams.audio else ""
            raise InputError(f"{self.name} holds no video{sound}")

        def worth(stream: Any) -> tuple[bool, bool, bool, int]:
            picture, is_film = stream.codec_context, stream.frames != 1 and not stream.disposition & _ASIDE
            size = picture.width * picture.height if picture else 0
            return picture is not None, is_film, bool(stream.disposition & _DEFAULT), size

        return max(films, key=worth)

    def close(self) -> None:
        """Close the file; frames that were decoded stay."""
        # FFmpeg's threads may have something to log, for which PyAV needs Python's lock; who frees their decoder holds
        # it, and waits for them. This one waits without it.
        self.stream.codec_context.flush_buffers()
        self.container.close()

    def _seconds(self) -> float:
        if self.stream.duration and self.stream.time_base:
            return float(self.stream.duration * self.stream.time_base)
        return max(0, self.container.duration or 0) / self._av.time_base  # WebM and MKV say it of the whole alone.

    def _rate(self) -> float:
        """What the file says, unless that is what its clock counts: then what the times of its first packets say."""
        for rate in (self.stream.average_rate, self.stream.guessed_rate):
            if rate and 0 < rate <= _MAX_SAID_RATE:
                return float(rate)
        times: list[float] = []
        peeked: list[Any] = []
        size, packets = 0, self._packets()
        with suppress(self._av.error.FFmpegError):  # What is damaged ends here, and is told when it is decoded.
            for packet in packets:
                peeked.append(packet)
                size += packet.size
                if packet.stream is self.stream and packet.pts is not None:
                    times.append(float(packet.pts * packet.time_base))
                if len(times) == _PEEKED_PACKETS or size > _MAX_PEEKED_BYTES:
                    break
        self._rest = chain(peeked, packets)
        span = max(times) - min(times) if times else 0.0
        return (len(times) - 1) / span if 0 < span <= _PEEKED_PACKETS * MAX_GAP else _USUAL_RATE

    def has_jumps(self) -> bool:
        """Whether the clock jumps somewhere, so that frames cannot be searched for by their times."""
        if not self.jumps:
            return False
        last: float | None = None
        with suppress(self._av.error.FFmpegError):
            for packet in self._packets():
                if packet.dts is not None:
                    time = float(packet.dts * packet.time_base)
                    if last is not None and not -MAX_STEP_BACK <= time - last <= MAX_GAP:
                        return True
                    last = time
        return False

    def decoded_before(self, time: float) -> Iterator[Any]:
        """Frames from a key frame before a time on; none if the file cannot be searched."""
        try:
            self._rest = None
            self.container.seek(int(time / self.stream.time_base), stream=self.stream)
        except (self._av.error.FFmpegError, OverflowError, TypeError):
            return
        yield from self.decoded()

    def decoded(self) -> Iterator[Any]:
        """Frames, one after the other, as FFmpeg gives them; where a file is damaged, as far as it can be read.

        Raises:
            InputError: nothing of it can be decoded.
        """
        is_any = False
        packets, self._rest = self._rest or self._packets(), None
        while True:
            try:
                packet = next(packets)
                self.claim.note(packet)
                frames = packet.decode() if packet.stream is self.stream else ()
            except StopIteration:
                return
            except self._av.error.InvalidDataError:
                self.claim.lost += 1
                continue
            except (self._av.error.FFmpegError, ValueError) as error:
                if not is_any:
                    raise InputError(f"{self.name} cannot be decoded: {ffmpeg_reason(error)}") from error
                self.claim.is_broken = True
                return
            for frame in frames:
                is_any, self.claim.lost = True, 0
                self._check_size(frame)
                yield frame

    def _packets(self) -> Iterator[Any]:
        """Packets of the film; of all streams, where only the end of all together says whether the file is whole."""
        return self.container.demux(*([] if self.claim.is_of_all else [self.stream]))

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
