"""Answers of a task to the rows of a table, written as further columns of it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seqcore.cli.answers import Errors
from seqcore.cli.streams import open_binary_output, open_output
from seqcore.cli.table_writers import DelimitedRows, JSONRows, ParquetRows, TableWriter
from seqcore.data import Table, missing_column, open_table
from seqcore.data.json_tables import JSONTable
from seqcore.data.tables import FORMATS
from seqcore.errors import DataError, InputError, SettingsError
from seqcore.tasks.base import Task
from seqcore.tasks.columns import answer_columns, answers_to_columns, input_columns


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
    columns = input_columns(task, columns, table.column_names)
    for field, column in columns.items():
        if column not in table.column_names:
            raise missing_column(source, column, field, table.column_names)
    if not len(table):
        raise DataError(f"{source} has no rows")
    named = answer_columns(task, table.column_names)
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
    for batch in table.batches([*columns.values()]):
        yield from answers_to_columns(task, batch, columns, options)


def _suffix(name: str) -> str:
    return Path(name.lower().removesuffix(".gz")).suffix
