"""A closer look at a caption, as HTML: where the model looked for each word, and what else it found."""

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from apps.ui.layout import part, scrolling
from apps.ui.pictures import jpeg_uri, shrunk

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from apps.captioner.files import Line
    from seqcore.tasks.captioning import Caption

_WIDTH = 240  # Pixels of a picture.
_GLOW = (255, 140, 0)


def words(caption: "Caption") -> list[tuple[str, float, Any]]:
    """Each word, its probability, and where the model looked while writing it: (h, w), the mean over its pieces."""
    pieces: list[tuple[str, float, list[Any]]] = []
    for piece, probability, grid in zip(caption.tokens, caption.token_probabilities, caption.attention, strict=True):
        if piece.startswith("▁") or not pieces:
            pieces.append((piece.removeprefix("▁"), probability, [grid]))
        else:
            text, before, grids = pieces[-1]
            pieces[-1] = (text + piece, before * probability, [*grids, grid])
    return [(text, probability, sum(grids) / len(grids)) for text, probability, grids in pieces]


def gallery(photo: "Image", caption: "Caption") -> str:
    """The photo once for each word, light where the model looked."""
    small = shrunk(photo, _WIDTH)
    parts = []
    for text, probability, grid in words(caption):
        description = f"Where the model looked for “{escape(text)}”"
        parts.append(
            f'<figure class="sq-look"><img src="{jpeg_uri(spotlight(small, grid))}" alt="{description}">'
            f"<figcaption><bdi>{escape(text)}</bdi> <small>{100 * probability:.0f} %</small></figcaption></figure>"
        )
    note = "The photo, light where the model looked while it wrote the word, and how sure it was of it."
    return part("Where it looked", note) + f'<div class="sq-looks">{"".join(parts)}</div>'


def spotlight(photo: "Image", grid: "Tensor") -> "Image":
    """The photo, dark and pale but for where the grid (h, w) is high; its cells run smoothly into each other."""
    from PIL import Image, ImageEnhance

    strongest = max(float(grid.max()), 1e-9)
    light = Image.fromarray((grid / strongest * 255).round().byte().numpy(), "L")
    light = light.resize(photo.size, Image.Resampling.BICUBIC)
    glow = Image.blend(photo, Image.new("RGB", photo.size, _GLOW), 0.18)
    pale = ImageEnhance.Color(photo).enhance(0.35)
    return Image.composite(glow, ImageEnhance.Brightness(pale).enhance(0.5), light)


def table(lines: "Sequence[Line]") -> str:
    """Images and their captions."""
    rows = "".join(
        f'<tr><td>{_thumbnail(line)}</td><td dir="auto">{escape(line.name)}</td><td>{escape(line.text)}'
        f"{f'<em>{escape(line.error)}</em>' if line.error else ''}</td></tr>"
        for line in lines
    )
    head = '<thead><tr><th aria-label="Image"></th><th>File</th><th>Alt text</th></tr></thead>'
    return scrolling(f'<table class="sq-results sq-files">{head}<tbody>{rows}</tbody></table>', "Captions")


def _thumbnail(line: "Line") -> str:
    return f'<img src="{line.thumbnail}" alt="">' if line.thumbnail else ""


def sureness(caption: "Caption") -> str:
    """How likely the words of a caption are, in a sentence."""
    if not caption.token_probabilities:
        return ""
    mean = math.exp(sum(map(math.log, caption.token_probabilities)) / len(caption.token_probabilities))
    return f"{100 * mean:.0f} % sure of a piece on average"
