"""What is made of a labelled video: the film with its labels, and files with the labels."""

import json
from collections.abc import Generator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from apps.ui.csv_writer import SafeCsvWriter
from apps.ui.pictures import frame_image

if TYPE_CHECKING:
    from PIL.Image import Image

    from seqcore.media.video import VideoReader
    from seqcore.tasks.video import FrameLabels

_MAX_SIDE = 640  # Pixels.


def label_film(video: "str | Path | VideoReader", result: "FrameLabels", output: Path) -> Generator[int, None, None]:
    """Write a video as H.264 with each frame's label in it; how many frames are written, again and again."""
    import numpy as np

    from seqcore.media.video import View, open_video
    from seqcore.media.video_writer import VideoWriter

    sure = result.probabilities.amax(1).tolist()
    with open_video(video) as film:
        info = film.info
        scale = min(1.0, _MAX_SIDE / max(info.width, info.height))
        height, width = (max(2, round(side * scale)) for side in (info.height, info.width))
        frames = film.frames(View(height, width))
        with VideoWriter(output, width, height, result.fps) as writer:
            writer.end = result.duration
            for number, ((time, pixels), label) in enumerate(zip(frames, result.labels, strict=False)):
                image = frame_image(pixels)
                _draw(image, f"{label}  {100 * sure[number]:.0f} %")
                writer.write(np.asarray(image), time)
                yield number + 1


def write_labels(result: "FrameLabels", folder: Path) -> tuple[str, str, str]:
    """A result as JSON, CSV and WebVTT files."""
    objects, table, subtitles = (folder / f"labels.{kind}" for kind in ("json", "csv", "vtt"))
    segments = [segment._asdict() for segment in result.segments]
    whole = {"fps": result.fps, "times": list(result.times), "labels": list(result.labels), "segments": segments}
    if result.cut_short:
        whole["cut_short"] = result.cut_short._asdict()
    objects.write_text(json.dumps(whole), encoding="utf-8")
    sure = result.probabilities.amax(1).tolist()
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = SafeCsvWriter(file)
        writer.write(["frame", "time", "label", "probability"])
        for number, (time, label, value) in enumerate(zip(result.times, result.labels, sure, strict=True)):
            writer.write([number, f"{time:.3f}", label, f"{value:.4f}"])
    lines = ["WEBVTT", ""]
    for segment in result.segments:
        times = f"{_clock(segment.start)} --> {_clock(max(segment.end, segment.start + 0.001))}"
        lines += [times, escape(segment.label, quote=False), ""]
    subtitles.write_text("\n".join(lines), encoding="utf-8")
    return str(objects), str(table), str(subtitles)


def _clock(seconds: float) -> str:
    whole, thousandths = divmod(round(1000 * seconds), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{thousandths:03d}"


def _draw(image: "Image", text: str) -> None:
    """Words on a dark band at the bottom."""
    from PIL import ImageDraw, ImageFont

    size = max(10, image.height // 16)
    font = ImageFont.load_default(size)
    draw = ImageDraw.Draw(image, "RGBA")
    draw.rectangle((0, image.height - 2 * size, image.width, image.height), fill=(0, 0, 0, 170))
    draw.text((size // 2, image.height - round(1.6 * size)), text, font=font, fill=(255, 255, 255, 255))
