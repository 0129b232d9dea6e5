"""Videos with labels drawn in, and single pictures of them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

    from seqcore.tasks.video import FrameLabels

_MAX_SIDE = 640  # pixels


def label_film(video: str, found: "FrameLabels", output: Path) -> Iterator[int]:
    """Write a video as H.264 with each frame's label in it; how many frames are written, again and again."""
    import numpy as np

    from seqcore.media.video import View, read_frames, video_info
    from seqcore.media.video_writer import VideoWriter

    info = video_info(video)
    scale = min(1.0, _MAX_SIDE / max(info.width, info.height))
    height, width = (max(2, round(side * scale)) for side in (info.height, info.width))
    sure = found.probabilities.amax(1).tolist()
    frames = read_frames(video, View(height, width))
    with VideoWriter(output, width, height, found.fps) as writer:
        for number, ((time, pixels), label) in enumerate(zip(frames, found.labels, strict=False)):
            image = _image(pixels)
            _draw(image, f"{label}  {100 * sure[number]:.0f} %")
            writer.write(np.asarray(image), time)
            yield number + 1


def pictures(video: str, times: Sequence[float], height: int = 90) -> "list[Image]":
    """The frame shown at each of some times, which grow, made small."""
    from seqcore.media.video import View, read_frames, video_info

    info = video_info(video)
    view = View(height, max(2, round(height * info.width / info.height)))
    found: list[Any] = []
    last = None
    wanted = iter(times)
    next_ = next(wanted, None)
    for time, pixels in read_frames(video, view):
        while next_ is not None and last is not None and time > next_:
            found.append(_image(last))
            next_ = next(wanted, None)
        last = pixels
        if next_ is None:
            break
    while next_ is not None and last is not None:
        found.append(_image(last))
        next_ = next(wanted, None)
    return found


def frame(video: str, time: float, height: int = 360) -> "Image":
    """The frame shown at a time."""
    from seqcore.media.video import View, frame_at, video_info

    info = video_info(video)
    return _image(frame_at(video, time, View(height, max(2, round(height * info.width / info.height)))))


def _image(pixels: Any) -> "Image":
    from PIL import Image

    return Image.fromarray(pixels.permute(1, 2, 0).numpy())


def _draw(image: "Image", text: str) -> None:
    """Words on a dark band at the bottom."""
    from PIL import ImageDraw, ImageFont

    size = max(10, image.height // 16)
    font = ImageFont.load_default(size)
    draw = ImageDraw.Draw(image, "RGBA")
    draw.rectangle((0, image.height - 2 * size, image.width, image.height), fill=(0, 0, 0, 170))
    draw.text((size // 2, image.height - round(1.6 * size)), text, font=font, fill=(255, 255, 255, 255))
