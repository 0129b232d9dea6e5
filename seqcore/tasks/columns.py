"""Answers of a task to columns of values, written as further columns: of a table, or of what an engine hands over."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from seqcore.data.references import named_file
from seqcore.errors import InputError
from seqcore.tasks.base import Task


def input_columns(task: Task, columns: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """For each field that is read the name of its column, that of what the task answers first.

    Args:
        columns: those that were chosen; what the task answers is else in the column of its name, or in the only one.
        names: of all columns.
    """
    field = next(iter(task.fields))
    chosen = dict(columns)
    if field not in chosen and field not in names and len(names) == 1:
        chosen[field] = next(iter(names))
    return {field: chosen.pop(field, field), **chosen}


def answer_columns(task: Task, names: Collection[str]) -> dict[str, type]:
    """Names and types of the columns that hold the answers, none of which is one of those that are there."""
    added: dict[str, type] = {}
    for name, kind in task.answer_columns.items():
        added[new_name(name, [*names, *added])] = kind
    return added


def answers_to_columns(
    task: Task, batch: Mapping[str, Sequence[Any]], columns: Mapping[str, str], options: Mapping[str, Any]
) -> Iterator[Any]:
    """Answer rows that are given as columns: a result each, or its `InputError`, in order.

    Args:
        batch: the values of each column.
        columns: as `input_columns` gives them.
        options: of `predict`.

    Raises:
        InputError: an option is wrong, which no row can help.
    """
    field = next(iter(task.fields))
    cells = {name: batch[column] for name, column in columns.items()}
    read = [_input(value, task.fields[field], columns[field]) for value in cells[field]]
    cells[field] = ["" if isinstance(value, InputError) else value for value in read]
    rows = [dict(zip(cells, values, strict=True)) for values in zip(*cells.values(), strict=True)]
    inputs, of_rows = task.inputs(rows) if len(columns) > 1 else (cells[field], {})
    for value, result in zip(read, task.predict_each(inputs, **{**of_rows, **options}), strict=True):
        yield value if isinstance(value, InputError) else result


def new_name(name: str, taken: Collection[str]) -> str:
    """A name of a column that none has yet.

    Example:
        >>> new_name("label", ["text", "label"])
        'predicted_label'
    """
    while name in taken:
        name = f"predicted_{name}"
    return name


def _input(value: Any, kind: type, column: str) -> Any:
    """What a task is given of a cell, or what is wrong with it; a number is the text that it is written with."""
    if value is None or (isinstance(value, float) and value != value):
        return InputError(f"column {column!r} is empty")
    if isinstance(value, dict) and kind is object:
        value = named_file(value)
        if value is None:
            return InputError(f"column {column!r} has neither a path nor bytes")
    if kind is not str or isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return InputError(f"column {column!r} holds {type(value).__name__}, not text")
