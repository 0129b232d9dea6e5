"""Answers of a task to the rows of a table, written as further columns of it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seqcore.cli.answers import Errors
from seqcore.cli.streams import open_binary_output, open_output
from seqcore.cli.table_writers import DelimitedRows, JSONRows, ParquetRows, TableWriter, new_name
from seqcore.data import Table, missing_column, open_table
from seqcore.data.json_tables import JSONTable
from seqcore.data.tables import FORMATS
from seqcore.errors import DataError, InputError, SettingsError
from seqcore.tasks.base import Task


def is_table(name: str) -> bool:
    """Whether a file is a table, by the ending of its name."""
    return _suffix(name) in FORMATS


def answer_table(
    task: Task,
    source: str,
    columns: Mapping[str, str],
    options: Mapping[str, Any],
    output: str | None,
    suffix: str = "",
) -> None:
    """Write a table with the answers to its rows as further columns, in constant memory.

    A row that cannot be answered has empty cells there, in JSON an `error`.

    Args:
        columns: for fields of the task the names of their columns.
        output: a file, whose ending says the format; without it, standard output.
        suffix: the format where no ending says it; by default that of the table.

    Raises:
        DataError: the table cannot be read, has no such column, or no rows.
        SomeFailedError: at the end, if there was a row that could not be answered.
    """
    table = open_table(source)
    columns = _with_input(task, table, columns)
    if not len(table):
        raise DataError(f"{source} has no rows")
    named: dict[str, type] = {}
    for name, kind in task.answer_columns.items():
        named[new_name(name, [*table.column_names, *named])] = kind
    suffix = _suffix(output or "") if is_table(output or "") else suffix or _suffix(source)
    if suffix == ".parquet":
        if output is None:
            raise SettingsError("Parquet is no text: name a file with --output, such as answers.parquet or answers.csv")
        with open_binary_output(output, [source]) as file:
            _write(task, ParquetRows(table, named, file), columns, options)
        return
    with open_output(output, [source]) as out:
        if suffix in {".csv", ".tsv"}:
            _write(task, DelimitedRows(table, named, out, suffix), columns, options)
        else:
            is_array = suffix == ".json" and not (isinstance(table, JSONTable) and table.is_lines)
            _write(task, JSONRows(table, named, out, is_array), columns, options)


def _write(task: Task, writer: TableWriter, columns: Mapping[str, str], options: Mapping[str, Any]) -> None:
    errors = Errors()
    for number, result in enumerate(table_answers(task, writer.table, columns, options), 1):
        if isinstance(result, InputError):
            errors.add(f"{writer.table.source}, row {number}", result)
            writer.write([None] * len(writer.columns), result.message)
        else:
            writer.write(task.to_cells(result))
    writer.end()
    errors.end()


def table_answers(task: Task, table: Table, columns: Mapping[str, str], options: Mapping[str, Any]) -> Iterator[Any]:
    """A result for each row, or its `InputError`."""
    field = next(iter(task.fields))
    for batch in table.batches([*columns.values()]):
        cells = {name: batch[column] for name, column in columns.items()}
        read = [_input(value, task.fields[field], columns[field]) for value in cells[field]]
        cells[field] = ["" if isinstance(value, InputError) else value for value in read]
        rows = [dict(zip(cells, values, strict=True)) for values in zip(*cells.values(), strict=True)]
        inputs, of_rows = task.inputs(rows) if len(columns) > 1 else (cells[field], {})
        for value, result in zip(read, task.predict_each(inputs, **{**of_rows, **options}), strict=True):
            yield value if isinstance(value, InputError) else result


def _with_input(task: Task, table: Table, columns: Mapping[str, str]) -> dict[str, str]:
    """The columns that were named, and that of what the task answers: by its name, or the only one."""
    field = next(iter(task.fields))
    named = dict(columns)
    if field not in named and field not in table.column_names and len(table.column_names) == 1:
        named[field] = table.column_names[0]
    named.setdefault(field, field)
    for name, column in named.items():
        if column not in table.column_names:
            raise missing_column(table.source, column, name, table.column_names)
    return {field: named.pop(field), **named}


def _input(value: Any, kind: type, column: str) -> Any:
    """What a task is given of a cell, or what is wrong with it; a number is the text that it is written with."""
    if value is None:
        return InputError(f"column {column!r} is empty")
    if kind is not str or isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return InputError(f"column {column!r} holds {type(value).__name__}, not text")


def _suffix(name: str) -> str:
    return Path(name.lower().removesuffix(".gz")).suffix
