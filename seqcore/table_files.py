"""Files of rows, looked through before a library reads them: what readers shift, drop or end the program at."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from seqcore.errors import DataError


def check_file(path: Path) -> None:
    """Raises `DataError`, which names the line, for text that is not UTF-8 and for rows that no table has."""
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        lines = _in_utf8(path, file)
        if suffix in {".csv", ".tsv"}:
            lines = _without_nul(path, lines) if int(version("pandas").partition(".")[0]) < 3 else lines
            _check_widths(path, lines, delimiting(suffix))
        else:
            _check_objects(path, lines)
        for _ in lines:
            pass


def delimiting(suffix: str) -> dict[str, Any]:
    """How a file of that ending is divided: quotes are text in a TSV file, where tabs alone divide."""
    return {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if suffix == ".tsv" else {}


def _in_utf8(path: Path, lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        try:
            line.encode()
        except UnicodeEncodeError as error:  # what cannot be decoded was escaped
            raise DataError(f"{path}, line {number} is not UTF-8: convert it first (iconv -t UTF-8)") from error
        yield line


def _without_nul(path: Path, lines: Iterable[str]) -> Iterator[str]:
    """The lines, but NUL is refused: pandas before 3 drops the rest of a text there, and says nothing."""
    for number, line in enumerate(lines, 1):
        if "\0" in line:
            raise DataError(f"{path}, line {number} holds NUL, which is no text: remove it first (tr -d '\\000')")
        yield line


def _check_widths(path: Path, lines: Iterable[str], options: Mapping[str, Any]) -> None:
    """Every row must have as many fields as the header: readers shift or drop what does not fit, and say nothing."""
    csv.field_size_limit(2**31 - 1)
    rows = csv.reader((line.replace("\0", " ") for line in lines), **options)
    header = next(rows, [])
    for number, row in enumerate(filter(None, rows), 1):
        if len(row) != len(header):
            raise DataError(
                f"{path}, row {number} has {len(row)} fields, but the header ({', '.join(header)}) {len(header)}: "
                "put a text that holds the separator in double quotes"
            )


def _check_objects(path: Path, lines: Iterable[str]) -> None:
    """Rows must be objects: pyarrow ends the whole program where a block of lines begins with `null`."""
    first, array = "", []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not first and text and text[0] not in "{[":
            raise DataError(f"{path}, line {number} is no JSON object: each line must be one, like {{...}}")
        first = first or text[:1]
        if first == "[":
            array.append(line)
        elif text.startswith("null"):
            raise DataError(f"{path}, line {number} is null, and no JSON object: leave it out")
    if array:
        _check_items(path, "".join(array))


def _check_items(path: Path, text: str) -> None:
    """The same for a file that is one array: datasets writes its items in lines, or takes each for a text."""
    try:
        items = json.loads(text, strict=False)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no JSON: {error}") from error
    kind = str if items and isinstance(items[0], str) else dict
    for number, item in enumerate(items, 1):
        if not isinstance(item, kind):
            what = "text, as the first is" if kind is str else "JSON object, like {...}"
            raise DataError(f"{path}, item {number} is no {what}: leave it out")
