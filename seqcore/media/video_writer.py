"""Videos on the way out, with PyAV: H.264 that plays in browsers."""

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from seqcore.errors import InputError
from seqcore.media.containers import ffmpeg_reason, pyav

_MILLISECONDS = Fraction(1, 1000)


class VideoWriter:
    """Writes H.264 (yuv420p) that plays in browsers; sizes are made even, as that format needs.

    Use it as a context; `write` takes an array (height, width, 3), uint8, and its time in seconds.

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
            raise InputError(f"{path} cannot be written: {ffmpeg_reason(error)}") from error

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
