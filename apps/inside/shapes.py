"""Labelled pictures that nobody has to collect: four shapes of any size, place, turn and colour."""

import math
import random

from PIL import Image, ImageDraw

SHAPES = ("circle", "square", "triangle", "star")
_SIDE = 224


def draw(shape: str, rng: random.Random) -> Image.Image:
    """A picture (224 × 224) of one of `SHAPES`, filled or an outline, on a plain ground or a shaded one."""
    dark = rng.random() < 0.5
    ground, ink = (_colour(rng, dark), _colour(rng, not dark))
    picture = Image.new("RGB", (_SIDE, _SIDE), ground)
    if rng.random() < 0.5:
        shade = Image.linear_gradient("L").resize((_SIDE, _SIDE)).rotate(rng.choice((0, 90, 180, 270)))
        picture.paste(_colour(rng, dark), mask=shade)
    radius = rng.uniform(0.2, 0.42) * _SIDE
    x, y = (rng.uniform(radius, _SIDE - radius) for _ in range(2))
    pen, width = ImageDraw.Draw(picture), rng.randrange(4, 12)
    filled = rng.random() < 0.5
    if shape == "circle":
        box = (x - radius, y - radius, x + radius, y + radius)
        pen.ellipse(box, ink if filled else None, ink, width)
    else:
        corners = _corners(shape, x, y, radius, rng.uniform(-0.5, 0.5))
        if filled:
            pen.polygon(corners, ink)
        else:
            pen.line([*corners, corners[0], corners[1]], ink, width, joint="curve")
    return picture


def _corners(shape: str, x: float, y: float, radius: float, turn: float) -> list[tuple[float, float]]:
    points = {"square": 4, "triangle": 3, "star": 10}[shape]
    begin = turn + (math.pi / 4 if shape == "square" else 0)
    return [
        (
            x
            + radius * (0.45 if shape == "star" and point % 2 else 1) * math.sin(begin + 2 * math.pi * point / points),
            y
            - radius * (0.45 if shape == "star" and point % 2 else 1) * math.cos(begin + 2 * math.pi * point / points),
        )
        for point in range(points)
    ]


def _colour(rng: random.Random, dark: bool) -> tuple[int, int, int]:
    low, high = (0, 110) if dark else (150, 256)
    return rng.randrange(low, high), rng.randrange(low, high), rng.randrange(low, high)


def drawn(each: int, seed: int) -> list[tuple[Image.Image, str]]:
    """So many pictures of each shape, and their names, one after the other."""
    rng = random.Random(seed)
    return [(draw(shape, rng), shape) for _ in range(each) for shape in SHAPES]
