"""Pictures for a page: small, and light where a model looked."""

import base64
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

_COLOUR = (255, 140, 0)


def shrunk(image: "Image", side: int) -> "Image":
    """An image with neither side longer than so many pixels, but at least one."""
    scale = min(1.0, side / max(image.size))
    return image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), reducing_gap=3.0)


def data_address(image: "Image") -> str:
    """An image as an address that holds it."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def looked(photo: "Image", grid: "Tensor") -> "Image":
    """The photo, dark and pale but for where the grid (h, w) is high; its cells run smoothly into each other."""
    from PIL import Image, ImageEnhance

    strongest = max(float(grid.max()), 1e-9)
    light = Image.fromarray((grid / strongest * 255).round().byte().numpy(), "L")
    light = light.resize(photo.size, Image.Resampling.BICUBIC)
    glow = Image.blend(photo, Image.new("RGB", photo.size, _COLOUR), 0.18)
    pale = ImageEnhance.Color(photo).enhance(0.35)
    return Image.composite(glow, ImageEnhance.Brightness(pale).enhance(0.5), light)
