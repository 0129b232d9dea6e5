"""Uploaded text files: what both sides of a page want to know of one before any work begins."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seqcore.errors import InputError


def check_size(path: str, most: int) -> None:
    """Raises `InputError` for a file of more than `most` bytes."""
    size = Path(path).stat().st_size
    if size > most:
        limit = f"{most // 1_000_000} MB"
        raise InputError(
            f"The file {Path(path).name} has {size / 1e6:,.1f} MB, and this page takes {limit}: break it up."
        )


@contextmanager
def only_utf8(path: str) -> Iterator[None]:
    """Name the line of what is no UTF-8 text. Raises `InputError` where reading inside raised `UnicodeDecodeError`."""
    try:
        yield
    except UnicodeDecodeError:
        message = f"Line {_first_bad_line(path)} of {Path(path).name} is no UTF-8 text: save the file as UTF-8."
        raise InputError(message) from None


def _first_bad_line(path: str) -> int:
    data = Path(path).read_bytes()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return before.count(b"\n") + 1
    return 1
