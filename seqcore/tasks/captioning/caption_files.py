"""Files that say what is in images: tables, COCO's and Karpathy's JSON, Flickr's lists, and texts beside the images."""

import ast
import csv
import io
import json
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from seqcore.data import is_file, missing_column, open_table
from seqcore.data.tables import FORMATS
from seqcore.data.text_files import DataFile
from seqcore.errors import DataError
from seqcore.media.folders import tell_names

TEXT_SUFFIXES = frozenset({".txt", ".token"})  # Flickr's lists.
_IMAGE_COLUMNS = ("image", "file_name", "filename", "image_name", "image_path")
_NUMBERED = re.compile(r"captions?_?\d+")
_TOKEN = re.compile(r"(?P<image>[^\t]+\.\w+)#\d+\t(?P<caption>.*)")
_FLICKR_30K = re.compile(r"(?P<image>[^|]+)\|\s*\d+\s*\|(?P<caption>.*)")
_HEADER = re.compile(r'"?(image|image_name|file_name|filename)"?\s*,\s*"?(captions?|comment)"?')


class Listed(NamedTuple):
    """An image, as a file names it, and what it says of it.

    Attributes:
        image: a path, from where the file is; what the image's own file holds; or both, `{path, bytes}`.
        captions: one at least.
        place: where this stands, for messages.
        is_near: whether the image is in some folder near the file, and its path begins there.
        split: the part of the data that it belongs to, where the file says so.
    """

    image: Any
    captions: list[str]
    place: str
    is_near: bool = False
    split: str = ""


def listed(source: str, columns: Mapping[str, str], split: str = "train") -> Iterator[Listed]:
    """Read a file of captions of any kind, or a hub id.

    Raises:
        DataError: it cannot be read, or says nothing of an image; the message names the row (from 1) or the line.
    """
    path = Path(source)
    file = DataFile(path, source)
    if not is_file(path):
        return _table(source, columns, split)
    if file.suffix in TEXT_SUFFIXES or (file.suffix == ".csv" and _list_kind(next(file.lines(), "")) == "bars"):
        return _flickr(file)
    if file.suffix == ".json" and (content := _json_object(file)) is not None:
        return _coco(source, content) if "annotations" in content else _karpathy(source, content)
    return _table(source, columns, split)


def is_caption_list(path: Path) -> bool:
    """Whether a file of any name lists captions of images in the manner of COCO or of Flickr."""
    file = DataFile(path, str(path))
    try:
        if file.suffix == ".json":
            return _json_object(file) is not None
        if file.suffix == ".csv":  # Of Flickr30k's; others are tables.
            return _list_kind(next(file.lines(), "")) == "bars"
        return file.suffix in TEXT_SUFFIXES and _list_kind(next(file.lines(), "")) is not None
    except DataError:  # No text.
        return False


def sidecar(image: Path) -> Path | None:
    """The file beside an image that has its captions, one a line: `dog.txt` or `dog.jpg.txt` of `dog.jpg`."""
    names = (image.with_suffix(".txt"), image.with_suffix(".caption"), image.with_name(f"{image.name}.txt"))
    return next((name for name in names if name.is_file()), None)


def from_sidecar(image: Path, file: Path) -> Listed:
    """An image and the captions in the file beside it. Raises `DataError` where there are none."""
    captions = []
    for number, line in enumerate(DataFile(file, str(file)).lines(), 1):
        if line.strip() and not any(map(str.isalpha, line)):  # Such as the boxes of a detector.
            raise DataError(f"{file}, line {number} is no caption: there is no word in {line.strip()!r:.60}")
        captions += [line.strip()] if line.strip() else []
    if not captions:
        raise DataError(f"{file} is empty: write a caption a line, or remove it")
    return Listed(str(image), captions, str(file))


def captions_of(value: Any, place: str) -> list[str]:
    """The captions in a cell: a text, a list of texts, or such a list as JSON or Python write it.

    Raises:
        DataError: there are none, or one is no text.

    Example:
        >>> captions_of('["A dog.", "A dog runs."]', "rows.csv, row 1")
        ['A dog.', 'A dog runs.']
        >>> captions_of("[blurred] A dog.", "rows.csv, row 2")
        ['[blurred] A dog.']
    """
    texts = _list_in(value, place) if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        raise DataError(f"{place}: captions must be a text or a list of texts, none of them empty, not {value!r:.60}")
    return texts


def _list_in(text: str, place: str) -> Any:
    written = text.strip()
    if not (written.startswith("[") and written.endswith("]")):
        return [text]
    try:
        return json.loads(written)
    except ValueError:
        pass
    try:
        value = ast.literal_eval(written)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return [text]
    kinds = [token.type for token in tokenize.generate_tokens(io.StringIO(written).readline)]
    if (tokenize.STRING, tokenize.STRING) in pairwise(kinds):  # So NumPy writes them, of which Python makes one text.
        raise DataError(f'{place}: captions lack commas between them: write a list as JSON does, ["one", "two"]')
    return value


def _table(source: str, columns: Mapping[str, str], split: str) -> Iterator[Listed]:
    table = open_table(source, split)
    image = _column(source, table.column_names, "image", columns, _IMAGE_COLUMNS)
    texts = [name for name in table.column_names if _NUMBERED.fullmatch(name)]
    if "captions" in columns or not texts:
        texts = [_column(source, table.column_names, "captions", columns, ("captions", "caption"))]
    number = 0
    for batch in table.batches([image, *texts]):
        for picture, *several in zip(*(batch[name] for name in (image, *texts)), strict=True):
            number += 1
            place = f"{source}, row {number}"
            yield Listed(picture, [text for value in several for text in captions_of(value, place)], place)


def _column(source: str, have: Sequence[str], field: str, names: Mapping[str, str], usual: tuple[str, ...]) -> str:
    wanted = (names[field],) if names.get(field, field) != field else usual
    for name in wanted:
        if name in have:
            return name
    raise missing_column(source, wanted[0], field, have)


def _json_object(file: DataFile) -> dict[str, Any] | None:
    """What a file of one JSON object holds that lists images, as COCO's do; None for any other file."""
    lines = file.lines()
    first = next((line for line in lines if line.strip()), "")
    if not first.lstrip().startswith("{"):
        return None
    with file.reading():
        try:
            content = json.loads("".join(file.lines()))
        except (ValueError, RecursionError):
            return None  # JSON lines, of which a message is the table's.
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        return None
    item = next(iter(content.get("annotations") or content["images"]), None)
    return content if _has(item, "caption") or _has(item, "sentences") else None


def _coco(source: str, content: Mapping[str, Any]) -> Iterator[Listed]:
    """`images` (`id`, `file_name`) and `annotations` (`image_id`, `caption`), as COCO has them (Chen 2015)."""
    names: dict[str, str] = {}
    for number, image in enumerate(content["images"], 1):
        if not _has(image, "id", "file_name") or not isinstance(image["file_name"], str):
            raise DataError(f"{source}, image {number} must have an id and a file_name")
        names[str(image["id"])] = image["file_name"]
    annotations = content["annotations"]
    mentioned = set()
    for number, annotation in enumerate(annotations if isinstance(annotations, list) else [], 1):
        place = f"{source}, annotation {number}"
        if not _has(annotation, "image_id", "caption"):
            raise DataError(f"{place} must have an image_id and a caption")
        name = names.get(str(annotation["image_id"]))
        if name is None:
            raise DataError(f"{place}: there is no image {annotation['image_id']!r} among its images")
        mentioned.add(name)
        yield Listed(name, captions_of(annotation["caption"], place), place, True)
    silent = sorted({*names.values()} - mentioned)
    tell_names(f"{source}: images without a caption are left out ({len(silent):,})", silent)


def _karpathy(source: str, content: Mapping[str, Any]) -> Iterator[Listed]:
    """`images` (`filename`, `split`, `sentences`), as of Karpathy's splits of COCO and Flickr (2015)."""
    for number, image in enumerate(content["images"], 1):
        place = f"{source}, image {number}"
        sentences = image["sentences"] if _has(image, "filename", "sentences") else None
        if not isinstance(sentences, list) or not all(_has(one, "raw") for one in sentences):
            raise DataError(f"{place} must have a filename, and sentences that each have a raw text")
        name = "/".join(str(part) for part in (image.get("filepath"), image["filename"]) if part)
        split = str(image.get("split", ""))
        yield Listed(name, captions_of([one["raw"] for one in sentences], place), place, True, split)


def _has(value: Any, *names: str) -> bool:
    return isinstance(value, dict) and all(name in value for name in names)


def _list_kind(first: str) -> str | None:
    """How a list of Flickr's is written, by its first line."""
    line = first.strip().lower()
    if _TOKEN.fullmatch(first.rstrip("\r\n")):
        return "token"
    if re.match(r"image(_name)?\s*\|\s*comment_number\s*\|", line):
        return "bars"
    return (
        "commas"
        if re.fullmatch(r'"?(image|image_name|file_name|filename)"?\s*,\s*"?(captions?|comment)"?', line)
        else None
    )


def _flickr(file: DataFile) -> Iterator[Listed]:
    """Flickr8k's and Flickr30k's lists: `image,caption`; `name.jpg#0`, a tab and the caption; or divided by bars."""
    lines = file.lines()
    first = next(lines, "")
    kind = _list_kind(first)
    if kind is None:
        raise DataError(
            f"{file.name}, line 1 is neither the header image,caption nor like name.jpg#0, a tab and a caption: lists "
            f"of captions begin so; a table's name ends in {', '.join(FORMATS)}"
        )
    if kind == "commas":
        yield from _commas(file, lines)
        return
    pattern = _TOKEN if kind == "token" else _FLICKR_30K
    rest = [(1, first)] if kind == "token" else []
    for number, line in (*rest, *enumerate(lines, 2)):
        if not line.strip():
            continue
        place = f"{file.name}, line {number}"
        parts = pattern.fullmatch(line.rstrip("\r\n"))
        if parts is None or not parts["caption"].strip():
            raise DataError(f"{place} has no image and caption, as the lines before it")
        yield Listed(parts["image"].strip(), [parts["caption"].strip()], place, True)


def _commas(file: DataFile, lines: Iterator[str]) -> Iterator[Listed]:
    """Lines of an image and a caption, which may hold commas, in quotes or not."""
    rows = csv.reader(lines)
    for number, row in enumerate(rows, 1):
        if not row:
            continue
        place = f"{file.name}, row {number}"
        image, caption = row[0], ",".join(row[1:])
        if not caption.strip():
            raise DataError(f"{place} has no caption behind the image {image!r:.60}")
        yield Listed(image, [caption.strip()], place, True)
