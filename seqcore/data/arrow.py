"""Columns of Arrow, as Parquet files and data sets of the hub have them, with names for numbers that stand for such."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from seqcore.data.table import Batch
from seqcore.data.text_files import PlaceError
from seqcore.errors import first_line

Features = Mapping[str, Any]  # What `datasets` says of columns, as it writes it into a file.


def label_names(features: Features) -> dict[str, list[str]]:
    """Names of the numbers in each column that has such, also where the numbers are in lists."""
    names = {column: _names(feature) for column, feature in features.items()}
    return {column: [*found] for column, found in names.items() if found}


def named_values(source: str, batches: Iterable[Any], columns: Sequence[str], features: Features) -> Iterator[Batch]:
    """The values of record batches, with names for the numbers of labels.

    Raises:
        DataError: a text that is no UTF-8, or a number without a name; the message names the row, from 1.
    """
    before = 0
    for batch in batches:
        result: dict[str, Sequence[Any]] = {}
        for name in columns:
            place = batch.schema.get_all_field_indices(name)[0]
            cells = _checked(source, batch.column(place), name, before)
            feature = features.get(name)
            if _holds_names(feature):
                cells = [_named(source, cell, feature, name, row) for row, cell in enumerate(cells, before + 1)]
            result[name] = cells
        yield result
        before += batch.num_rows


def _checked(source: str, column: Any, name: str, before: int) -> list[Any]:
    """The values of a column, whose texts nobody else has looked at."""
    try:
        column.validate(full=True)
        cells: list[Any] = column.to_pylist()
        return cells
    except Exception as error:  # Those of Arrow are of many kinds.
        for row in range(len(column)):
            try:
                column.slice(row, 1).validate(full=True)
                column[row].as_py()
            except Exception as of_row:
                what = f"cannot be read: column {name!r}: {first_line(of_row)}"
                raise PlaceError(source, what, row=before + row + 1) from of_row
        raise PlaceError(source, f"cannot be read: column {name!r}: {first_line(error)}") from error


def _names(feature: Any) -> Sequence[str] | None:
    """The names of a feature, or of what its lists hold."""
    if isinstance(feature, list):
        return _names(feature[0]) if feature else None
    if not isinstance(feature, Mapping):
        return None
    if feature.get("_type") == "ClassLabel":
        return feature.get("names")
    return _names(feature.get("feature")) if _is_list(feature) else None


def _holds_names(feature: Any) -> bool:
    """Whether a feature, or anything within it, has names for its numbers."""
    if isinstance(feature, list):
        return any(map(_holds_names, feature))
    if not isinstance(feature, Mapping):
        return False
    if feature.get("_type") == "ClassLabel":
        return bool(feature.get("names"))
    return any(map(_holds_names, feature.values()))


def _is_list(feature: Mapping[str, Any]) -> bool:
    return feature.get("_type") in {"Sequence", "List", "LargeList"}


def _named(source: str, value: Any, feature: Any, column: str, row: int) -> Any:
    """A value with names in the place of numbers."""
    if value is None or not _holds_names(feature):
        return value
    if isinstance(feature, list):
        return [_named(source, item, feature[0], column, row) for item in value]
    if feature.get("_type") == "ClassLabel":
        return _name(source, value, feature["names"], column, row)
    if _is_list(feature):
        inner = feature["feature"]
        if isinstance(value, dict):  # Lists of records are written as a record of lists.
            return {key: _named(source, items, [inner.get(key)], column, row) for key, items in value.items()}
        return [_named(source, item, inner, column, row) for item in value]
    if isinstance(value, dict):
        return {key: _named(source, item, feature.get(key), column, row) for key, item in value.items()}
    return value


def _name(source: str, value: Any, names: Sequence[str], column: str, row: int) -> Any:
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    if value == -1:  # What has no label yet, as in the tests of many a data set.
        return None
    if not 0 <= value < len(names):
        what = f"has the number {value} in column {column!r}, which has names for 0 to {len(names) - 1}"
        raise PlaceError(source, what, row=row)
    return names[value]
