"""Videos on the way out, with PyAV: H.264 that plays in browsers."""

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from seqcore.errors import InputError
from seqcore.media.containers import ffmpeg_reason, pyav

_UNIT = Fraction(1, 90_000)  # Of times: usual rates are whole numbers of it.
_MAX_RATE = 240  # Only a hint for players: each frame has its own time.


class VideoWriter:
    """Writes H.264 (yuv420p) that plays in browsers; sizes are made even, as that format needs.

    Use it as a context; `write` takes an array (height, width, 3), uint8, and its time in seconds.

    Attributes:
        end: where the last frame ends, in seconds, if that is set before the block ends; else it is shown for as long
            as one usually is.

    Raises:
        InputError: the file cannot be written.
    """

    end: float | None = None

    def __init__(self, path: str | Path, width: int, height: int, fps: float, quality: int = 23) -> None:
        self.width, self.height = width - width % 2, height - height % 2
        if min(self.width, self.height) < 2:
            raise InputError(f"a video of {width} × {height} pixels cannot be written: it takes 2 × 2 at least")
        self.path, self._last, self._usual = Path(path), -1, max(1, round(1 / (fps * _UNIT)))
        av = self._av = pyav()
        try:
            self._container = av.open(str(path), "w", options={"movflags": "+faststart"})
            self._stream = self._container.add_stream("libx264", rate=min(_MAX_RATE, max(1, math.ceil(fps))))
            self._stream.width, self._stream.height, self._stream.pix_fmt = self.width, self.height, "yuv420p"
            # Without frames that depend on later ones, a track is as long as its frames are shown, to its very end.
            self._stream.options = {"crf": str(quality), "preset": "veryfast", "bf": "0"}
            self._stream.codec_context.time_base = _UNIT
            self._container.start_encoding()
        except (av.error.FFmpegError, OSError) as error:
            raise InputError(f"{path} cannot be written: {ffmpeg_reason(error)}") from error

    def write(self, pixels: np.ndarray[Any, Any], time: float) -> None:
        """Add a frame."""
        shown = np.ascontiguousarray(pixels[: self.height, : self.width])
        frame = self._av.VideoFrame.from_ndarray(shown, format="rgb24")
        self._last = max(self._last + 1, round(time / _UNIT))
        frame.pts, frame.time_base = self._last, _UNIT
        self._mux(frame)

    def _mux(self, frame: Any) -> None:
        """Encode a frame, or None for what is still to come of those before."""
        last_ends = self._last + self._usual if self.end is None else max(self._last + 1, round(self.end / _UNIT))
        for packet in self._stream.encode(frame):
            if frame is None and packet.pts is not None:  # Only how long the last frame is shown is read from these.
                packet.duration = max(1, last_ends - packet.pts) if packet.pts == self._last else self._usual
            self._container.mux(packet)

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._mux(None)
        finally:
            self._container.close()
