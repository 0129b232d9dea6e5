"""Many images at once: a table of alt texts, as CSV and as JSON lines."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps.ui.csv_writer import SafeCsvWriter
from apps.ui.pictures import jpeg_uri, shrunk
from apps.ui.progress import Progress
from apps.ui.search import SearchSettings
from apps.ui.uploads import check_image_size
from seqcore.errors import InputError

if TYPE_CHECKING:
    from seqcore.tasks.captioning import Captioner

MAX_IMAGES = 500
_BATCH = 16
_THUMBNAIL = 64  # Pixels.


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
        """The name of the file."""
        return Path(self.path).name


def caption_files(captioner: "Captioner", paths: Sequence[str], settings: SearchSettings) -> Iterator[Progress[Line]]:
    """Caption images in their order; one that cannot be read has its error in its place.

    The last item has the files, which exist until the iterator is resumed or closed.

    Raises:
        InputError: there are none, or too many.
    """
    if not paths:
        raise InputError("Choose images first.")
    if len(paths) > MAX_IMAGES:
        raise InputError(f"These are {len(paths)} images, and this page takes {MAX_IMAGES}: choose fewer.")
    yield Progress(0, len(paths))
    lines: list[Line] = []
    for begin in range(0, len(paths), _BATCH):
        new = _captioned(captioner, paths[begin : begin + _BATCH], settings)
        lines += new
        yield Progress(len(lines), len(paths), new)
    with tempfile.TemporaryDirectory(prefix="seqcore-") as folder:
        yield Progress(len(paths), len(paths), files=_write(lines, Path(folder)))


def _captioned(captioner: "Captioner", paths: Sequence[str], settings: SearchSettings) -> list[Line]:
    from seqcore.media.images import open_image, to_square

    lines: dict[str, Line] = {}
    squares: dict[str, Any] = {}
    thumbnails = {}
    for path in paths:
        try:
            check_image_size(path)
            image = open_image(path)
        except InputError as error:
            lines[path] = Line(path, error=error.message)
            continue
        squares[path] = to_square(image, captioner.config.image_size)
        thumbnails[path] = jpeg_uri(shrunk(image, _THUMBNAIL))
    captions = captioner.predict(list(squares.values()), **settings.generation())
    for path, caption in zip(squares, captions, strict=True):
        lines[path] = Line(path, caption.text, caption.score, thumbnail=thumbnails[path])
    return [lines[path] for path in paths]


def _write(lines: Sequence[Line], folder: Path) -> tuple[str, str]:
    table, objects = folder / "captions.csv", folder / "captions.jsonl"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = SafeCsvWriter(file)
        writer.write(["file", "text", "score", "error"])
        for line in lines:
            writer.write([line.name, line.text, "" if line.error else f"{line.score:.4f}", line.error])
    with objects.open("w", encoding="utf-8") as file:
        for line in lines:
            answer = {"error": line.error} if line.error else {"text": line.text, "score": round(line.score, 4)}
            print(json.dumps({"file": line.name, **answer}, ensure_ascii=False), file=file)
    return str(table), str(objects)
