"""Images and their captions, from a folder, a table or a hub id."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from seqcore.data import file_or_bytes, missing_column, open_table
from seqcore.errors import DataError

_NUMBERED = re.compile(r"captions?_?\d+")


@dataclass(frozen=True, eq=False)
class ImageFeatures:
    """What the image network gives of an image, which may stand in a row in the image's place.

    Attributes:
        grid: (S, D)
    """

    grid: Tensor


class NumberedCaptions(list[str]):
    """Captions of a row, and the number by which a `Reward` knows them."""

    def __init__(self, captions: Iterable[str], number: int) -> None:
        super().__init__(captions)
        self.number = number


def read_captions(source: str, columns: Mapping[str, str] | None = None, split: str = "train") -> list[dict[str, Any]]:
    """Read `{image, captions}`, one row an image, and check it.

    Args:
        source: a folder of images with a `metadata.jsonl` or `metadata.csv` (`file_name`, and `captions`, a
            list, or `caption`); a CSV, TSV, JSON lines or Parquet file with `image`, the image's path from the
            file's own folder; or a hub id. Rows of one image are put together; `caption_0` to `caption_4` are one
            list.
        columns: where `image` and `captions` have other names.

    Returns:
        Rows whose `image` is a path or bytes.

    Raises:
        DataError: no such source, or an image or a caption missing; the message names the row (from 1).
    """
    table = open_table(source, split)
    names = dict(columns or {})
    image = _column(source, table.column_names, "image", names, ("image", "file_name"))
    texts = [name for name in table.column_names if _NUMBERED.fullmatch(name)]
    if "captions" in names or not texts:
        texts = [_column(source, table.column_names, "captions", names, ("captions", "caption"))]
    folder = Path(source).parent
    images: dict[Any, list[str]] = {}
    values = [table.column(name) for name in (image, *texts)]
    for number, (picture, *several) in enumerate(zip(*values, strict=True), 1):
        place = f"{source}, row {number}"
        captions = [text for value in several for text in _captions(value, place)]
        images.setdefault(file_or_bytes(picture, folder, place, "an image"), []).extend(captions)
    return [{"image": picture, "captions": captions} for picture, captions in images.items()]


def _column(source: str, have: Sequence[str], field: str, names: Mapping[str, str], usual: tuple[str, ...]) -> str:
    wanted = (names[field],) if names.get(field, field) != field else usual
    for name in wanted:
        if name in have:
            return name
    raise missing_column(source, wanted[0], field, have)


def _captions(value: Any, place: str) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        raise DataError(f"{place}: captions must be a text or a list of texts, none of them empty, not {value!r:.60}")
    return texts
