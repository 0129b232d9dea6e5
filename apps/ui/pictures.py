"""Pictures that are part of a page."""

import base64
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image


def shrunk(image: "Image", side: int) -> "Image":
    """An image with neither side longer than so many pixels, but at least one."""
    scale = min(1.0, side / max(image.size))
    return image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), reducing_gap=3.0)


def jpeg_uri(image: "Image") -> str:
    """An image as an address that holds it."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
