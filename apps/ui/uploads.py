"""What visitors give a page, checked before any work begins: settings, texts, sizes of files, lines in UTF-8."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import BeforeValidator

from seqcore.errors import InputError

MAX_IMAGE_BYTES = 20_000_000

_Item = TypeVar("_Item")


# To be named last in a type of whole numbers: browsers and JSON may give 5.0 for 5.
WHOLE = BeforeValidator(lambda value: int(value) if isinstance(value, float) and value.is_integer() else value)


def in_words(message: str) -> InputError:
    """The error of `settings` for what a visitor chose: the setting, which a message begins with, as people read it."""
    name, _, rest = message.partition(" ")
    return InputError(f"{name.replace('_', ' ')} {rest}")


def check_text(text: object, max_characters: int, advice: str, noun: str = "text") -> None:
    """Raises `InputError` for a text that is too long, with what to do about it, and for anything that is no text."""
    if not isinstance(text, str):
        raise InputError(f"The {noun} must be a string.")
    if len(text) > max_characters:
        size = f"{len(text):,} characters, and this page takes {max_characters:,} at a time"
        raise InputError(f"The {noun} has {size}. {advice}")


def check_size(path: str, max_bytes: int, advice: str = "break it up") -> None:
    """Raises `InputError` for a file that is too large, with what to do about it."""
    size = Path(path).stat().st_size
    if size > max_bytes:
        limit = f"{max_bytes // 1_000_000} MB"
        raise InputError(f"The file {Path(path).name} has {size / 1e6:,.1f} MB, and this page takes {limit}: {advice}.")


def check_image_size(path: str) -> None:
    """Raises `InputError` for a file that is larger than an image may be."""
    check_size(path, MAX_IMAGE_BYTES, "make it smaller")


@contextmanager
def utf8_errors(path: str) -> Iterator[None]:
    """Name the line of what is no UTF-8 text. Raises `InputError` where reading inside raised `UnicodeDecodeError`."""
    try:
        yield
    except UnicodeDecodeError:
        message = f"Line {_first_bad_line(path)} of {Path(path).name} is no UTF-8 text: save the file as UTF-8."
        raise InputError(message) from None


def chunks(
    items: Iterable[_Item], length: Callable[[_Item], int], max_items: int, max_characters: int
) -> Iterator[list[_Item]]:
    """Items that are worked on at once: not many, and of long texts fewer, so that memory does not grow with a file.

    Args:
        length: the characters of an item.
    """
    chunk: list[_Item] = []
    characters = 0
    for item in items:
        chunk.append(item)
        characters += length(item)
        if len(chunk) == max_items or characters >= max_characters:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def _first_bad_line(path: str) -> int:
    data = Path(path).read_bytes()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return before.count(b"\n") + 1
    return 1
