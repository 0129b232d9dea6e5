"""What a verb is given, checked before any work begins."""

import math
from collections.abc import Iterable
from typing import Any

from seqcore.errors import InputError


def as_list(values: Iterable[Any], what: str) -> list[Any]:
    """A list of whatever can be gone through.

    Args:
        what: one of them, with its article, for the message: ``a text``.

    Raises:
        InputError: it is no list or the like.
    """
    try:
        return list(values)
    except TypeError as error:
        raise InputError(f"{what} or a list of them was expected, not {type(values).__name__}") from error


def check_whole(name: str, value: object, least: int) -> None:
    """Raises `InputError` for anything but a whole number of at least so much."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InputError(f"{name} must be a whole number of at least {least}, not {shown(value)}")


def check_probability(name: str, value: object) -> None:
    """Raises `InputError` for anything but a number from 0 to 1."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not 0 <= value <= 1:  # type: ignore[operator]
        raise InputError(f"{name} is a probability, from 0 to 1, not {shown(value)}")


def check_flag(name: str, value: object) -> None:
    """Raises `InputError` for what is neither True nor False."""
    if not isinstance(value, bool):
        raise InputError(f"{name} must be True or False, not {shown(value)}")


def shown(value: object) -> str:
    """A value as a message shows it: not more than a line of it."""
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}…"
