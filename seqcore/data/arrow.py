"""Columns of Arrow, as Parquet files and data sets of the hub have them, with names for numbers that stand for such."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from seqcore.data.table import Batch
from seqcore.data.text_files import PlaceError
from seqcore.errors import first_line

_LISTS = {"Sequence", "List", "LargeList"}
_Naming = Callable[[Any], Any]
Features = Mapping[str, Any]  # What `datasets` says of columns, as it writes it into a file.


def label_names(features: Features) -> dict[str, list[str]]:
    """Names of the numbers in each column that has such, also where the numbers are in lists."""
    names = {column: _names(feature) for column, feature in features.items()}
    return {column: of_column for column, of_column in names.items() if of_column}


def named_values(source: str, batches: Iterable[Any], columns: Sequence[str], features: Features) -> Iterator[Batch]:
    """The values of record batches, with names for the numbers of labels.

    Raises:
        DataError: a text that is no UTF-8, or a number without a name; the message names the row, from 1.
    """
    before = 0
    naming = {name: _naming(features.get(name)) for name in columns}
    for batch in batches:
        result: dict[str, Sequence[Any]] = {}
        for name in columns:
            place = batch.schema.get_all_field_indices(name)[0]
            cells = _checked(source, batch.column(place), name, before)
            give_names = naming[name]
            if give_names is not None:
                cells = _named(source, cells, give_names, name, before)
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


def _named(source: str, cells: Sequence[Any], give_names: _Naming, column: str, before: int) -> list[Any]:
    named = []
    for row, cell in enumerate(cells, before + 1):
        try:
            named.append(give_names(cell))
        except IndexError as error:
            raise PlaceError(source, f"has in column {column!r} {error}", row=row) from None
    return named


def _names(feature: Any) -> list[str]:
    """The names of a feature, or of what its lists hold; none where it has none."""
    if isinstance(feature, list):
        return _names(feature[0]) if feature else []
    if not isinstance(feature, Mapping):
        return []
    if feature.get("_type") == "ClassLabel":
        names = feature.get("names")
        return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else []
    return _names(feature.get("feature")) if feature.get("_type") in _LISTS else []


def _naming(feature: Any) -> _Naming | None:
    """What puts names in the place of numbers in values of a feature; None where there are none to put."""
    if isinstance(feature, list):
        return _in_lists(_naming(feature[0]), {}) if feature else None
    if not isinstance(feature, Mapping):
        return None
    kind = feature.get("_type")
    if kind == "ClassLabel":
        names = _names(feature)
        return partial(_name, names) if names else None
    if kind in _LISTS:
        inner = feature.get("feature")
        return _in_lists(_naming(inner), inner if isinstance(inner, Mapping) else {})
    return _in_records({key: _naming(value) for key, value in feature.items()})


def _in_lists(naming: _Naming | None, record: Features) -> _Naming | None:
    """The same for lists; lists of records may be written as a record of lists."""
    if naming is None:
        return None
    of_record = _in_records({key: _in_lists(_naming(value), {}) for key, value in record.items()})

    def give_names(value: Any) -> Any:
        if isinstance(value, list):
            return [naming(item) for item in value]
        return of_record(value) if of_record else value

    return give_names


def _in_records(namings: Mapping[str, _Naming | None]) -> _Naming | None:
    chosen = {key: naming for key, naming in namings.items() if naming is not None}

    def give_names(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: chosen[key](item) if key in chosen else item for key, item in value.items()}

    return give_names if chosen else None


def _name(names: Sequence[str], value: Any) -> Any:
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    if value == -1:  # What has no label yet, as in the tests of many a data set.
        return None
    if not 0 <= value < len(names):
        raise IndexError(f"the number {value}, but there are names for 0 to {len(names) - 1}")
    return names[value]
