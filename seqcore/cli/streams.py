"""What the command line reads: lines of any number of files, and whole documents."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from seqcore.data.text_files import DataFile
from seqcore.errors import DataError, InputError


class PlacedText(NamedTuple):
    """A text, and where it stands, for messages."""

    text: str
    place: str


def read_lines(files: Iterable[str]) -> Iterator[PlacedText]:
    """The lines of files, one after the other; `-` is standard input, and `.gz` is read as what was compressed.

    Raises:
        DataError: a file cannot be read.
        InputError: a line is not UTF-8; the message names it.
    """
    for name in files:
        opened = DataFile(Path(name), name)
        file = "standard input" if name == "-" else name
        with ExitStack() as stack:
            if name != "-":
                stack.enter_context(opened.reading())
            stream = sys.stdin.buffer if name == "-" else stack.enter_context(opened.open())
            for number, line in enumerate(stream, 1):
                place = f"{file}, line {number}"
                try:
                    text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                except UnicodeDecodeError as error:
                    raise InputError(f"{place} is not UTF-8: convert it first (iconv -t UTF-8)") from error
                yield PlacedText(text, place)


def read_document(name: str) -> str:
    """All of a text file, with its own line breaks and byte order mark.

    Raises:
        DataError: it cannot be read, or a line is not UTF-8; the message names it.
    """
    try:
        data = Path(name).read_bytes()
        return data.decode()
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{name}, line {number} is not UTF-8: convert it first (iconv -t UTF-8)") from error


def count_lines(files: Iterable[str]) -> int:
    """How many lines files have that can be read twice. Raises `DataError` as `read_lines` does."""
    count = 0
    for name in files:
        opened = DataFile(Path(name), name)
        with opened.reading(), opened.open() as stream:
            count += sum(1 for _ in stream)
    return count
