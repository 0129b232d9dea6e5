"""Files as they lie on disk: opened plain or compressed, with the line named that is no UTF-8."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from seqcore.errors import DataError, first_line

_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class PlaceError(DataError):
    """Something at a known place of a file is wrong.

    Attributes:
        what: the message without the place, beginning with a verb.
        row: from 1, where it is a row of a table.
        line: from 1, where the file has lines.
    """

    def __init__(self, source: str, what: str, row: int | None = None, line: int | None = None) -> None:
        place = [source, *([f"line {line}"] if line else []), *([f"row {row}"] if row else [])]
        super().__init__(f"{', '.join(place)} {what}")
        self.what, self.row, self.line = what, row, line


def is_file(path: str | Path) -> bool:
    """Whether there is such a file; what no file can be called, such as a name that is too long, is none."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


@dataclass(frozen=True)
class DataFile:
    """A file of data, which may be compressed by gzip.

    Attributes:
        path: where it is.
        name: what messages call it.
    """

    path: Path
    name: str

    @property
    def suffix(self) -> str:
        """The ending that says the format, in small letters: `.csv` of `a.CSV.gz`."""
        name = self.path.name.lower()
        return Path(name.removesuffix(".gz")).suffix

    def open(self) -> IO[bytes]:
        """Open what the file holds, uncompressed; what is only called `.gz` is read as it is."""
        if self.path.suffix.lower() == ".gz" and self._begins_with(_GZIP):
            return io.BufferedReader(gzip.open(self.path, "rb"), 2**18)  # type: ignore[arg-type]
        return self.path.open("rb")

    def has_byte_order_mark(self) -> bool:
        """Whether it begins with the mark that spreadsheets want of UTF-8."""
        with self.reading(), self.open() as file:
            return file.read(len(_BYTE_ORDER_MARK)) == _BYTE_ORDER_MARK

    def lines(self, newline: str = "") -> Iterator[str]:
        r"""The lines with their ends, without a byte order mark.

        Args:
            newline: what ends a line: by default `\n`, `\r` and `\r\n`; `\n` for that alone.

        Raises:
            DataError: it cannot be read, or is no UTF-8; the message names the line.
        """
        with self.reading(), self.open() as file, io.TextIOWrapper(file, "utf-8-sig", newline=newline) as text:
            try:
                yield from text
            except UnicodeDecodeError:
                raise self._not_utf8(newline) from None

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Raise `DataError` for what the system, or who compressed the file, did wrong."""
        try:
            yield
        except (OSError, EOFError, zlib.error) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else first_line(error)
            raise DataError(f"{self.name} cannot be read: {why}") from error

    def _begins_with(self, mark: bytes) -> bool:
        with self.path.open("rb") as file:
            return file.read(len(mark)) == mark

    def _not_utf8(self, newline: str) -> PlaceError:
        if self._begins_with(_GZIP):
            return PlaceError(self.name, "is compressed: call it something that ends in .gz", line=1)
        with self.open() as file, io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline) as text:
            bad = (number for number, line in enumerate(text, 1) if not line.isascii() and _has_surrogates(line))
            return PlaceError(
                self.name, "is not UTF-8 text: convert it first (iconv -t UTF-8), or save it as UTF-8", line=next(bad)
            )


def _has_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
