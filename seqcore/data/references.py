"""Images and films as tables name them: by a path, or by what the file holds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqcore.data.text_files import is_file
from seqcore.errors import DataError


def named_file(value: Mapping[str, Any]) -> Any:
    """Of a `path` and `bytes`, as tables of the hub have them, the path where that file is here, or else the bytes."""
    path = value.get("path")
    return path if isinstance(path, str) and is_file(path) else value.get("bytes") or path


def file_or_bytes(value: Any, folder: Path, place: str, kind: str) -> str | bytes:
    """What a table says of an image or a video: its path, or what its file holds.

    Args:
        folder: where relative paths begin.
        place: the row, for messages.
        kind: `an image` or `a video`.

    Raises:
        DataError: it is neither, or there is no such file.
    """
    if isinstance(value, dict):
        value = named_file(value)
    if isinstance(value, bytes) and value:
        return value
    name = kind.split()[1]
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{place}: the {name} must be a path or {kind}, not {type(value).__name__}")
    if not is_file(folder / value):
        raise DataError(f"{place}: there is no {name} {folder / value}")
    return str(folder / value)
