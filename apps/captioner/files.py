"""Many images at once: a table of alt texts, as CSV and as JSON lines."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps.captioner.pictures import data_address, shrunk
from apps.ui.csv_writer import SafeRows
from seqcore.errors import InputError

if TYPE_CHECKING:
    from seqcore.tasks.captioning import Captioner

MAX_IMAGE_BYTES = 20_000_000  # bytes
MAX_IMAGES = 500
_TOGETHER = 16
_THUMBNAIL = 64  # pixels


@dataclass(frozen=True)
class Line:
    """An image's caption, or why it has none.

    Attributes:
        thumbnail: the image, small, as a data address.
    """

    path: str
    text: str = ""
    score: float = 0.0
    error: str = ""
    thumbnail: str = ""

    @property
    def name(self) -> str:
        """Of the file."""
        return Path(self.path).name


@dataclass(frozen=True)
class Progress:
    """How far it is: the new lines, and both files once they are complete."""

    done: int
    whole: int
    lines: Sequence[Line] = ()
    files: tuple[str, ...] = ()


def check_size(path: str) -> None:
    """Raises `InputError` for a file that is larger than an image may be."""
    size = Path(path).stat().st_size
    if size > MAX_IMAGE_BYTES:
        limit = f"{MAX_IMAGE_BYTES // 1_000_000} MB"
        raise InputError(f"{Path(path).name} has {size / 1e6:,.1f} MB, and this page takes {limit}: make it smaller.")


def caption_files(captioner: "Captioner", paths: Sequence[str], beam_size: int, penalty: float) -> Iterator[Progress]:
    """Caption images in their order; one that cannot be read has its error in its place.

    The last item has the files, which exist until the iterator is resumed or closed.

    Raises:
        InputError: none, or too many.
    """
    if not paths:
        raise InputError("Choose images first.")
    if len(paths) > MAX_IMAGES:
        raise InputError(f"These are {len(paths)} images, and this page takes {MAX_IMAGES}: choose fewer.")
    yield Progress(0, len(paths))
    lines: list[Line] = []
    for begin in range(0, len(paths), _TOGETHER):
        new = _captioned(captioner, paths[begin : begin + _TOGETHER], beam_size, penalty)
        lines += new
        yield Progress(len(lines), len(paths), new)
    with tempfile.TemporaryDirectory(prefix="seqcore-") as folder:
        table, objects = Path(folder) / "captions.csv", Path(folder) / "captions.jsonl"
        with table.open("w", encoding="utf-8", newline="") as file:
            writer = SafeRows(file)
            writer.write(["file", "text", "score", "error"])
            for line in lines:
                writer.write([line.name, line.text, "" if line.error else f"{line.score:.4f}", line.error])
        with objects.open("w", encoding="utf-8") as file:
            for line in lines:
                said = {"error": line.error} if line.error else {"text": line.text, "score": round(line.score, 4)}
                print(json.dumps({"file": line.name, **said}, ensure_ascii=False), file=file)
        yield Progress(len(paths), len(paths), files=(str(table), str(objects)))


def _captioned(captioner: "Captioner", paths: Sequence[str], beam_size: int, penalty: float) -> list[Line]:
    from seqcore.media.images import open_image, to_square

    squares: dict[str, Any] = {}
    lines, small = {}, {}
    for path in paths:
        try:
            check_size(path)
            image = open_image(path)
        except InputError as error:
            lines[path] = Line(path, error=error.message)
            continue
        squares[path] = to_square(image, captioner.config.image_size)
        small[path] = data_address(shrunk(image, _THUMBNAIL))
    found = captioner.predict(list(squares.values()), beam_size=beam_size, length_penalty=penalty)
    for path, each in zip(squares, found, strict=True):
        lines[path] = Line(path, each.text, each.score, thumbnail=small[path])
    return [lines[path] for path in paths]
