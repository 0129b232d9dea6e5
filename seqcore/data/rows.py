"""Rows in: columns are renamed, values are checked and, where a file has no types, read as what they are declared."""

import json
import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from seqcore.data.parallel import parallel_table
from seqcore.data.parts import row_number
from seqcore.data.table import Table, missing_column
from seqcore.data.tables import open_table
from seqcore.errors import DataError

Row = Mapping[str, Any]


def read_rows(
    source: str,
    fields: Mapping[str, type],
    columns: Mapping[str, str] | None = None,
    split: str = "train",
    optional: Mapping[str, type] | None = None,
) -> list[Row]:
    """Read every row of a data set and check it, so that a wrong one is found before any work begins.

    Columns that nobody asks for are not looked at. What stands in a CSV or TSV file is text, `007` and `NA` too; only
    fields that are declared as numbers, lists or objects (as JSON writes them) are read as such.

    Args:
        source: a CSV, TSV, JSON lines or Parquet file, which may be compressed (`.gz`); `corpus` for plain files whose
            lines belong together and that are called `corpus.en` and `corpus.de` by the columns `en` and `de`; or a
            Hugging Face `datasets` id (`owner/name`, and `owner/name:split` for another split than `split`).
        fields: what each row must have, and of which type: `str`, `int`, `float` (which a whole number is, too),
            `bool`, `list`, `dict`, or `object` for any.
        columns: where a field has another name in the file, `{"source": "en"}`; such a column must be there.
        optional: what rows may have besides.

    Raises:
        DataError: no such file, not readable, no rows, or a column or a value missing or of another type; the
            message names the row (from 1) and the column.
    """
    kinds = {**fields, **(optional or {})}
    names = {field: (columns or {}).get(field, field) for field in kinds}
    parallel = parallel_table(source, [names[field] for field in fields])
    table = open_table(source, split) if parallel is None else parallel
    for field in names:
        is_needed = field in fields or names[field] != field  # Whoever names a column counts on it.
        if is_needed and names[field] not in table.column_names:
            raise missing_column(source, names[field], field, table.column_names)
    present = {field: name for field, name in names.items() if name in table.column_names}
    rows: list[Row] = []
    for batch in table.batches([*present.values()]):
        values = [
            _checked(table, batch[name], name, kinds[field], field in fields, len(rows))
            for field, name in present.items()
        ]
        rows += [dict(zip(present, cells, strict=True)) for cells in zip(*values, strict=True)]
    if not rows:
        raise DataError(f"{source} has no rows")
    return rows


def _checked(
    table: Table, values: Sequence[Any], column: str, kind: type, is_needed: bool, before: int
) -> Sequence[Any]:
    """The values of a column, each of which is of its kind. Raises `DataError` for another, and for a missing one."""
    if not table.has_types and kind not in {str, object}:
        values = [_read(table, text, column, kind, is_needed, row) for row, text in enumerate(values, before + 1)]
    right = (float, int) if kind is float else kind  # A file says 1 where 1.0 is meant.
    if {*map(type, values)} <= {kind} and kind is not object:
        return values
    for row, value in enumerate(values, before + 1):
        if value is None and is_needed:
            raise _wrong(table, row, column, "is empty")
        if value is not None and not isinstance(value, right):
            raise _wrong(table, row, column, f"holds {type(value).__name__}, not {kind.__name__}")
    return values


def _wrong(table: Table, row: int, column: str, what: str) -> DataError:
    return DataError(f"{table.source}, row {row}: column {column!r} {what}")


_WORDS = {int: "whole number", float: "number", bool: "true or false", list: "list in JSON", dict: "object in JSON"}


def _read(table: Table, text: str, column: str, kind: type, is_needed: bool, row: int) -> Any:
    """What a text of a file without types means; an empty one is nothing, where there may be nothing."""
    if not text.strip():
        if is_needed:
            raise _wrong(table, row, column, "is empty")
        return None
    try:
        value = _parsed(text.strip(), kind)
        if isinstance(value, kind):
            return value
    except (ValueError, RecursionError):
        pass
    raise _wrong(table, row, column, f"holds {text[:40]!r}, which is no {_WORDS.get(kind, kind.__name__)}")


def _parsed(text: str, kind: type) -> Any:
    if kind is int:
        return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) else None
    if kind is float:
        return float(text) if re.fullmatch(r"[+-]?([0-9]|\.[0-9])[0-9.eE+-]*", text) and isfinite(float(text)) else None
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower())
    return json.loads(text)


def filled(rows: Sequence[Row], values: Mapping[str, str], source: str) -> list[Row]:
    """Give rows the values of fields that they do not have.

    Args:
        source: where the rows are from, for messages.

    Raises:
        DataError: a row has another value; the message names the row (from 1).
    """
    filled_rows: list[Row] = []
    for place, row in enumerate(rows):
        for field, value in values.items():
            if row.get(field) not in {None, "", value}:
                raise DataError(
                    f"{source}, row {row_number(rows, place)}: {field} is {row[field]!r}, but {value!r} was asked for"
                )
        filled_rows.append({**row, **values})
    return filled_rows
