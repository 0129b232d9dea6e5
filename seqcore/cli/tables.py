"""Answers of a task to the rows of a table, written as further columns of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from seqcore.cli.runs import Run
from seqcore.cli.table_writers import Cell, DelimitedRows, JSONRows, ParquetRows, TableWriter
from seqcore.data import Table, missing_column, open_table
from seqcore.data.json_tables import JSONTable
from seqcore.data.tables import FORMATS
from seqcore.errors import DataError, InputError, SettingsError
from seqcore.tasks.base import Task
from seqcore.tasks.columns import answer_columns, answers_to_columns, input_columns


class Row(NamedTuple):
    """What is answered of a row.

    Attributes:
        number: from 1.
        cells: of the columns that the task reads, that of its input first.
    """

    number: int
    cells: tuple[Any, ...]


def is_table(name: str) -> bool:
    """Whether a file is a table, by the ending of its name."""
    return _suffix(name) in FORMATS


@dataclass(frozen=True)
class AnsweredTable:
    """A table, and what it is to be written as.

    Attributes:
        columns: for fields of the task the names of their columns, that of its input first.
        added: names and types of the columns for the answers.
        suffix: the ending that says the format.
    """

    table: Table
    columns: Mapping[str, str]
    added: Mapping[str, type]
    suffix: str

    @property
    def is_array(self) -> bool:
        """Whether it is written as one JSON array."""
        return self.suffix == ".json" and not (isinstance(self.table, JSONTable) and self.table.is_lines)


def open_answered(
    task: Task, source: str, columns: Mapping[str, str], output: str | None, suffix: str = ""
) -> AnsweredTable:
    """Open a table whose rows are to be answered.

    Args:
        columns: for fields of the task the names of their columns.
        output: a file, whose ending says the format; without it, standard output.
        suffix: the format where no ending says it; by default that of the table.

    Raises:
        DataError: the table cannot be read, has no such column, or no rows.
        SettingsError: it cannot be written there.
    """
    table = open_table(source)
    columns = input_columns(task, columns, table.column_names)
    for field, column in columns.items():
        if column not in table.column_names:
            raise missing_column(source, column, field, table.column_names)
    if not len(table):
        raise DataError(f"{source} has no rows")
    added = answer_columns(task, table.column_names)
    suffix = _suffix(output or "") if is_table(output or "") else suffix or _suffix(source)
    is_file = output is not None and (Path(output).is_file() or not Path(output).exists())
    if suffix == ".parquet" and not is_file:
        raise SettingsError("Parquet is no text: name a file with --output, such as answers.parquet or answers.csv")
    return AnsweredTable(table, columns, added, suffix)


def answer_table(run: Run, answered: AnsweredTable) -> None:
    """Write a table with the answers to its rows as further columns, in constant memory.

    A row that cannot be answered has empty cells there, in JSON an `error`.

    Raises:
        SomeFailedError: at the end, if there was a row that could not be answered.
    """
    table, added, suffix = answered.table, answered.added, answered.suffix
    writer: TableWriter
    if suffix == ".parquet":
        writer = ParquetRows(table, added, run.output)
    elif suffix in {".csv", ".tsv"}:
        writer = DelimitedRows(table, added, run.out, suffix)
    else:
        writer = JSONRows(table, added, run.out, answered.is_array)
    of_rows = partial(_of_rows, options=run.options, columns=answered.columns)
    rows = _rows(table, [*answered.columns.values()])
    for row, cells in run.answered(of_rows, rows, lambda: len(table), lambda row: repr(row.cells)):
        error = cells.message if isinstance(cells, InputError) else ""
        if isinstance(cells, InputError):
            run.errors.add(f"{table.source}, row {row.number}", cells)
            cells = [None] * len(added)
        writer.write(row.number, cells, error)
    writer.end()
    run.errors.end()


def _rows(table: Table, columns: Sequence[str]) -> Iterator[Row]:
    numbers = count(1)
    for batch in table.batches(columns):
        for cells in zip(*(batch[name] for name in columns), strict=True):
            yield Row(next(numbers), cells)


def _of_rows(
    task: Task, rows: Sequence[Row], options: Mapping[str, Any], columns: Mapping[str, str]
) -> list[Sequence[Cell] | InputError]:
    """The cells of each row's answer, where the task is."""
    batch = dict(zip(columns.values(), zip(*(row.cells for row in rows), strict=True), strict=True))
    results = answers_to_columns(task, batch, columns, options)
    return [result if isinstance(result, InputError) else task.to_cells(result) for result in results]


def _suffix(name: str) -> str:
    return Path(name.lower().removesuffix(".gz")).suffix
