"""Videos that tests make, and a per-frame classifier so small that a test can train it."""

import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch

from seqcore.tasks.video import FrameClassifier, FrameClassifierConfig

COLOURS = {"red": (220, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 220)}
Pixels = np.ndarray[Any, Any]


def plain(colour: str, width: int = 64, height: int = 48) -> Pixels:
    """A frame of one colour."""
    return np.full((height, width, 3), COLOURS[colour], np.uint8)


def write_video(
    path: Path,
    frames: Sequence[Pixels],
    fps: int | Fraction = 25,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    times: Sequence[float] = (),
    sound: float = 0.0,
    title: str = "",
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write frames (H, W, 3) with any of FFmpeg's codecs; `times` in seconds, `sound` in seconds of silence."""
    with av.open(str(path), "w", options=options) as container:
        container.metadata["title"] = title
        stream = container.add_stream(codec, rate=fps)
        height, width = frames[0].shape[:2] if len(frames) else (48, 64)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        if times:
            stream.codec_context.time_base = Fraction(1, 1000)
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        audio = container.add_stream("aac", rate=44100, layout="mono") if sound else None
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=pix_fmt)
            if times:
                frame.pts, frame.time_base = round(1000 * times[number]), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        if not frames:
            container.start_encoding()
        container.mux(stream.encode(None))
        if audio is not None:
            write_silence(container, audio, sound)
    return path


def write_silence(container: Any, stream: Any, seconds: float) -> None:
    """Sound without any."""
    for number in range(round(seconds * 44100 / 1024)):
        quiet = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        quiet.sample_rate, quiet.pts = 44100, 1024 * number
        container.mux(stream.encode(quiet))
    container.mux(stream.encode(None))


def turn(path: Path, a: int = 0, b: int = 1, c: int = -1, d: int = 0) -> Path:
    """Ask players to turn an MP4, or to mirror it, by the matrix of its track's header; without one, as phones do.

    The matrix takes (x, y) to (a x + c y, b x + d y): what it is by default is a quarter turn clockwise.
    """
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # version 0: times, track, duration, layer, volume
    data[at : at + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def without_claims(path: Path) -> Path:
    """Make a WebM say neither its duration nor its rate, as browsers record it: both elements become void."""
    data = path.read_bytes()
    for name in (b"\x23\xe3\x83", b"\x44\x89"):  # DefaultDuration, Duration
        at = data.index(name)
        size = data[at + len(name)] & 0x7F
        void = b"\xec" + bytes([0x80 | (len(name) + size - 1)]) + bytes(len(name) + size - 1)
        data = data[:at] + void + data[at + len(void) :]
    path.write_bytes(data)
    return path


def colours(names: Iterable[str]) -> list[Pixels]:
    """A frame of each colour."""
    return [plain(name) for name in names]


def tiny_config(**changes: Any) -> FrameClassifierConfig:
    """A small one-way classifier of colours."""
    settings: dict[str, Any] = {
        "labels": tuple(sorted(COLOURS)), "height": 24, "width": 32, "offsets": (-1, 0), "widths": (8, 8),
        "frame_size": 16, "hidden_size": 16, "num_layers": 1, "delay": 2, "dropout": 0.0,
    }  # fmt: skip
    return FrameClassifierConfig(**{**settings, **changes})


def tiny_classifier(**changes: Any) -> FrameClassifier:
    """An untrained one, the same every time."""
    torch.manual_seed(0)
    task = FrameClassifier(tiny_config(**changes))
    for layer in task.network.modules():  # statistics as a trained network has them
        if isinstance(layer, torch.nn.BatchNorm2d):
            assert layer.running_mean is not None
            assert layer.running_var is not None
            torch.nn.init.uniform_(layer.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(layer.running_var, 0.5, 2)
    task.network.eval()
    return task
