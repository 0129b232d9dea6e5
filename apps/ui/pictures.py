"""Pictures that are part of a page: images made small, and frames of films."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from seqcore.media.video import VideoReader, View


def shrunk(image: "Image", side: int) -> "Image":
    """An image with neither side longer than so many pixels, but at least one."""
    scale = min(1.0, side / max(image.size))
    return image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), reducing_gap=3.0)


def jpeg_uri(image: "Image") -> str:
    """An image as an address that holds it."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def film_pictures(video: "str | Path | VideoReader", times: Sequence[float], height: int = 90) -> "list[Image]":
    """The frame shown at each of some times, which grow, made small."""
    from seqcore.media.video import open_video

    images: list[Image] = []
    last: Any = None
    with open_video(video) as film:
        for time, pixels in film.frames(_view(film, height)):
            while last is not None and len(images) < len(times) and time > times[len(images)]:
                images.append(frame_image(last))
            last = pixels
            if len(images) == len(times):
                break
    return images + [frame_image(last) for _ in times[len(images) :]]


def film_picture(video: str, time: float, height: int = 360) -> "Image":
    """The frame that is shown at a time."""
    from seqcore.media.video import open_video

    with open_video(video) as film:
        return frame_image(film.frame_at(time, _view(film, height)))


def _view(film: "VideoReader", height: int) -> "View":
    from seqcore.media.video import View

    return View(height, max(2, round(height * film.info.width / film.info.height)))


def frame_image(pixels: "Tensor") -> "Image":
    """A frame of a film, (3, H, W) in eight bits, as an image."""
    from PIL import Image

    return Image.fromarray(pixels.permute(1, 2, 0).numpy())
