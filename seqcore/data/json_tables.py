"""Tables of JSON objects: one a line, or an array of them."""

import json
import re
from collections.abc import Iterator, Sequence
from operator import methodcaller
from typing import Any

from seqcore.data.table import Batch, Table, in_batches
from seqcore.data.text_files import DataFile, PlaceError
from seqcore.errors import DataError

_HALF = re.compile("[\ud800-\udfff]")


class WrittenFloat(float):
    """A number that is, as text, what stands in its file: `1.10` and `5.0` stay so.

    Example:
        >>> number = WrittenFloat("1.10")
        >>> number + 1, str(number)
        (2.1, '1.10')
    """

    def __new__(cls, text: str) -> "WrittenFloat":
        number = super().__new__(cls, text)
        number._text = text
        return number

    _text: str

    def __str__(self) -> str:
        return self._text

    def __getnewargs__(self) -> tuple[str]:  # type: ignore[override]
        return (self._text,)


class JSONTable(Table):
    """A file of JSON lines, or of one JSON array; an array of texts is a column `text`.

    Attributes:
        file: where it is.
        is_lines: whether it has an object a line, and is no array.

    Raises:
        DataError: it is empty or no UTF-8, or a line or an item is no JSON object; the message names it.
    """

    def __init__(self, file: DataFile) -> None:
        self.file = file
        names: dict[str, None] = {}
        self._rows = 0
        self.is_lines = True
        for row in self._read():
            self._rows += 1
            if not row.keys() <= names.keys():
                names.update(dict.fromkeys(row))
        super().__init__(file.name, [*names])

    def __len__(self) -> int:
        return self._rows

    def rows(self) -> Iterator[dict[str, Any]]:
        """All that each object holds."""
        return self._read()

    def _batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        yield from in_batches(self._read(), {name: methodcaller("get", name) for name in columns})

    def _read(self) -> Iterator[dict[str, Any]]:
        lines = ((number, line) for number, line in enumerate(self.file.lines(), 1) if line.strip())
        first = next(lines, None)
        if first is None:
            raise DataError(f"{self.file.name} is empty")
        if first[1].lstrip().startswith("["):
            self.is_lines = False
            yield from self._items()
            return
        yield self._object(*first, is_first=True)
        for number, line in lines:
            yield self._object(number, line)

    def _object(self, number: int, line: str, is_first: bool = False) -> dict[str, Any]:
        text = line.strip()
        if text.startswith("null") and not is_first:
            raise PlaceError(self.file.name, "is null, and no JSON object: leave it out", line=number)
        if not text.startswith("{"):
            raise PlaceError(self.file.name, "is no JSON object: each line must be one, like {...}", line=number)
        try:
            row: dict[str, Any] = _parsed(text)
        except (ValueError, RecursionError) as error:
            what = f"cannot be read: each line must be a JSON object, like {{...}}: {_fault(error)}"
            raise PlaceError(self.file.name, what, line=number) from error
        return row

    def _items(self) -> Iterator[dict[str, Any]]:
        try:
            items = _parsed("".join(self.file.lines()))
        except (ValueError, RecursionError) as error:
            raise DataError(f"{self.file.name} is no JSON: {error}") from error
        kind = str if items and isinstance(items[0], str) else dict
        for number, item in enumerate(items, 1):
            if not isinstance(item, kind):
                what = "text, as the first is" if kind is str else "JSON object, like {...}"
                raise DataError(f"{self.file.name}, item {number} is no {what}: leave it out")
            yield item if isinstance(item, dict) else {"text": item}


def _fault(error: Exception) -> str:
    """What is wrong with a line, whose number is said already."""
    return f"{error.msg}, character {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)


def _constant(name: str) -> WrittenFloat | None:
    return None if name == "NaN" else WrittenFloat(name)


_DECODER = json.JSONDecoder(strict=False, parse_float=WrittenFloat, parse_constant=_constant)


def _parsed(text: str) -> Any:
    """JSON whose numbers keep how they are written; NaN is nothing, and half a character is an unknown one."""
    # `decode` takes as long again to look for blanks around it.
    value, end = _DECODER.raw_decode(text, len(text) - len(text.lstrip()))
    if text[end:].strip():
        raise json.JSONDecodeError("Extra data", text, end)
    return _whole(value) if "\\u" in text and re.search(r"\\u[dD][89a-fA-F]", text) else value


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return {_whole(name): _whole(item) for name, item in value.items()} if isinstance(value, dict) else value
