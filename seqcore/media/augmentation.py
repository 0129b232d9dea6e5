"""Images changed at random while they are opened for training, so that workers do it."""

import math
import random
from typing import Annotated

import torch
from PIL import Image, ImageStat
from pydantic import Field
from torch import Tensor

from seqcore.errors import SettingsError
from seqcore.media.images import ImageSource, open_image, to_square
from seqcore.validation import settings

MAX_RATIO = 4 / 3  # How much wider or higher a part may be than the whole (Szegedy 2015).
# A JPEG is decoded at half its size where so much of the detail that the square can show remains.
_MIN_DETAIL = 0.75


@settings(SettingsError, prefix="augmentation.")
class Augmentation:
    """How images are changed each time that they are opened for training; as it is declared, not at all.

    Attributes:
        crop: the smallest part of an image's area that is cut out of it, 0.08 in Szegedy 2015; 1 is the whole image.
        flips: mirror every second image, but for those of whose captions one holds a word of `sides`.
        sides: words that a mirrored image would make wrong.
        light: how far brightness, contrast and saturation are changed, each by a factor from 1 − light to 1 + light.
    """

    crop: Annotated[float, Field(gt=0, le=1)] = 1.0
    flips: bool = False
    sides: tuple[str, ...] = ("left", "right", "leftmost", "rightmost")
    light: Annotated[float, Field(ge=0, lt=1)] = 0.0

    @property
    def changes(self) -> bool:
        """Whether any image is changed."""
        return self.crop < 1 or self.flips or self.light > 0


def augmented_square(
    source: ImageSource, size: int, augmentation: Augmentation, draw: random.Random, may_flip: bool = True
) -> Tensor:
    """Open an image, change it at random and stretch it, with one scaling for all: uint8 (3, size, size).

    Args:
        draw: where all random numbers come from: as many for every image.
        may_flip: whether this one may be mirrored.

    Raises:
        InputError: it cannot be read.
    """
    left, top, width, height = _part(augmentation.crop, draw)
    flip = draw.random() < 0.5
    brightness, contrast, saturation = (1 + augmentation.light * draw.uniform(-1, 1) for _ in range(3))
    image = open_image(source, detail=math.ceil(_MIN_DETAIL * size / min(width, height)))
    across, down = image.size
    box = (left * across, top * down, min(1, left + width) * across, min(1, top + height) * down)
    image = image.resize((size, size), Image.Resampling.BILINEAR, box, reducing_gap=3.0)
    if augmentation.light:
        image = _in_light(image, brightness, contrast, saturation)
    square = to_square(image, size)
    return torch.flip(square, (2,)) if augmentation.flips and may_flip and flip else square


def _part(least: float, draw: random.Random) -> tuple[float, float, float, float]:
    """Left, top, width and height of a part of an image, in parts of the whole."""
    area = draw.uniform(least, 1)
    ratio = math.exp(draw.uniform(-1, 1) * math.log(MAX_RATIO)) if least < 1 else 1.0
    width, height = min(1.0, math.sqrt(area * ratio)), min(1.0, math.sqrt(area / ratio))
    return draw.random() * (1 - width), draw.random() * (1 - height), width, height


def _in_light(image: Image.Image, brightness: float, contrast: float, saturation: float) -> Image.Image:
    """An image with its numbers times brightness, then farther from their mean, then farther from their grey."""
    middle = sum(ImageStat.Stat(image).mean) / 3 * brightness
    table = [round(min(255, max(0, middle + (value * brightness - middle) * contrast))) for value in range(256)]
    image = image.point(table * 3)
    return Image.blend(image.convert("L").convert("RGB"), image, saturation)
