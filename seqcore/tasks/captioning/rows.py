"""Images and their captions, from a folder, a table or a hub id."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from seqcore.errors import DataError
from seqcore.tasks.captioning.caption_folders import in_folder, placed


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
        source: one of

            - a folder of images with a `metadata.jsonl`, `metadata.csv` or `metadata.parquet` (`file_name`, and
              `captions`, a list, or `caption`), with a list of captions as below, or with a text file beside each image
              that has a caption a line (`dog.txt` of `dog.jpg`);
            - a CSV, TSV, JSON lines or Parquet file with `image`, the image's path from the file's own folder; rows of
              one image are put together, `caption_0` to `caption_4` are one list, and so is `["one", "two"]` in a CSV
              file;
            - captions as COCO has them (JSON with `images` and `annotations`) or Flickr8k (`captions.txt`,
              `Flickr8k.token.txt`), with the images in a folder near it;
            - a hub id.
        columns: where `image` and `captions` have other names.
        split: the part to read of a hub id, and of a folder whose sub-folders are called `train`, `val` and `test`.

    Returns:
        Rows whose `image` is a path or bytes.

    Raises:
        DataError: no such source, or an image or a caption missing; the message names the row (from 1).
    """
    path = Path(source)
    names = dict(columns or {})
    rows = in_folder(path, names, split) if path.is_dir() else [*placed(source, names, split)]
    if not rows:
        raise DataError(f"{source} has no rows")
    images: dict[str | bytes, list[str]] = {}
    for row in rows:
        images.setdefault(row.image, []).extend(row.captions)
    return [{"image": picture, "captions": captions} for picture, captions in images.items()]
