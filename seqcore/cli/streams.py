"""What the command line reads and writes: lines of any number of files, and a file that is whole or not there."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from seqcore.errors import DataError, InputError


class SomeFailedError(Exception):
    """Some answers could not be given, and what was wrong with each was printed."""


def read_lines(files: Iterable[str]) -> Iterator[str]:
    """The lines of files, one after the other; `-` is standard input.

    Raises:
        DataError: a file cannot be read.
        InputError: a line is not UTF-8; the message names it.
    """
    with ExitStack() as stack:
        for name in files:
            try:
                stream = sys.stdin.buffer if name == "-" else stack.enter_context(Path(name).open("rb"))
            except OSError as error:
                raise DataError(f"{name} cannot be read: {error.strerror}") from error
            for number, line in enumerate(stream, 1):
                try:
                    yield line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                except UnicodeDecodeError as error:
                    place = "standard input" if name == "-" else name
                    advice = "convert it first (iconv -t UTF-8)"
                    raise InputError(f"{place}, line {number} is not UTF-8: {advice}") from error


@contextmanager
def open_output(name: str | None) -> Iterator[TextIO]:
    """Standard output, or a file that appears under its name when it is whole.

    Raises:
        DataError: it cannot be written.
    """
    if name is None:
        sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
        yield sys.stdout
        return
    target = Path(name).resolve()
    special = target.exists() and not target.is_file()  # A pipe or a device is never replaced.
    partial = target if special else target.with_name(f"{target.name}.partial")
    try:
        out = open(partial, "w", encoding="utf-8")  # noqa: SIM115  closed below, and only then renamed
    except OSError as error:
        raise DataError(f"{name} cannot be written: {error.strerror}") from error
    try:
        with out:
            yield out
    except SomeFailedError:
        if not special:
            partial.replace(target)
        raise
    except BaseException:
        if not special:
            print(f"what was done before it stopped is in {partial}", file=sys.stderr)
        raise
    if not special:
        partial.replace(target)
