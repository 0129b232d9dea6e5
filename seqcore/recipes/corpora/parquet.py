"""Rows written as Parquet, as those who make training files do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqcore.errors import DataError


def write_rows(path: Path, rows: Sequence[Any], columns: Sequence[str] | None = None) -> None:
    """Write a file, and its folder if there is none.

    Args:
        rows: mappings by column, or tuples.
        columns: names of the columns, for tuples.

    Raises:
        DataError: it cannot be written.
    """
    import pandas  # type: ignore[import-untyped]

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pandas.DataFrame(rows, columns=columns).to_parquet(path, index=False)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from error
