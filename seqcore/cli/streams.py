"""What the command line reads and writes: lines of any number of files, and a file that is whole or not there."""

import gzip
import io
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, TextIO

from seqcore.data.text_files import DataFile
from seqcore.errors import DataError, InputError


class SomeFailedError(Exception):
    """Some answers could not be given, and what was wrong with each was printed."""


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


@contextmanager
def open_output(name: str | None, inputs: Collection[str] = ()) -> Iterator[TextIO]:
    """Standard output, or a text file that appears under its name when it is whole; `.gz` is compressed.

    Line breaks are written as they are given. What was read is overwritten by nothing that lacks an answer.

    Args:
        inputs: files that are read.

    Raises:
        DataError: it cannot be written.
    """
    if name is None:
        sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
        yield sys.stdout
        return
    with open_binary_output(name, inputs) as file:
        raw: Any = gzip.GzipFile(fileobj=file, mode="wb", mtime=0) if name.lower().endswith(".gz") else file
        out = io.TextIOWrapper(raw, encoding="utf-8", newline="")
        try:
            yield out
        finally:
            out.close()


@contextmanager
def open_binary_output(name: str, inputs: Collection[str] = ()) -> Iterator[IO[bytes]]:
    """As `open_output`, for what is no text."""
    target = Path(name).resolve()
    special = target.exists() and not target.is_file()  # A pipe or a device is never replaced.
    partial = target if special else target.with_name(f"{target.name}.partial")
    try:
        out = partial.open("wb")
    except OSError as error:
        raise DataError(f"{name} cannot be written: {error.strerror}") from error
    is_input = any(Path(file).exists() and target.exists() and target.samefile(file) for file in inputs)
    try:
        with out:
            yield out
    except SomeFailedError:
        if is_input:
            print(f"{name} stays as it was, for answers are missing: they are in {partial}", file=sys.stderr)
        elif not special:
            partial.replace(target)
        raise
    except BaseException:
        if not special:
            print(f"what was done before it stopped is in {partial}", file=sys.stderr)
        raise
    if not special:
        partial.replace(target)
