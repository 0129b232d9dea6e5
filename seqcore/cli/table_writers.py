"""Tables with further columns. In the format that it came in, each row stays as it was written."""

import csv
import io
import json
import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, TextIO

from seqcore.cli.outputs import Output
from seqcore.data import Table
from seqcore.data.delimited import DelimitedTable
from seqcore.data.dialects import Dialect
from seqcore.data.json_tables import JSONTable
from seqcore.data.parquet import ParquetTable
from seqcore.errors import DataError, first_line, require
from seqcore.tasks.columns import new_name
from seqcore.tasks.prediction import in_one_field

Cell = str | int | float | bool | None
_LINE_END = re.compile(r"(?:\r\n|\n|\r)?\Z")


class TableWriter(ABC):
    """Writes rows of a table, one after the other, with further cells; what belongs before the first goes with it.

    Args:
        table: its rows.
        columns: names and types of the further columns.
    """

    def __init__(self, table: Table, columns: Mapping[str, type]) -> None:
        self.table, self.columns = table, columns
        self._numbered: Iterator[tuple[int, Any]] = iter(())

    @abstractmethod
    def write(self, number: int, cells: Sequence[Cell], error: str = "") -> None:
        """Write the row with this number, from 1, or a later one than before.

        Args:
            cells: all None where there is no answer.
            error: why there is none.
        """

    @abstractmethod
    def end(self) -> None:
        """Write what belongs after the last row."""

    def _row(self, number: int) -> Any:
        return next(row for place, row in self._numbered if place == number)


class DelimitedRows(TableWriter):
    """CSV or TSV. A row of such a table, whose ending is the same, is copied as it stands.

    Cells are not changed for spreadsheets, which take some texts for formulas: what was read is what is written.

    Args:
        suffix: `.csv` or `.tsv`.
    """

    def __init__(self, table: Table, columns: Mapping[str, type], out: TextIO, suffix: str) -> None:
        super().__init__(table, columns)
        self._out = out
        self._copies = isinstance(table, DelimitedTable) and table.file.suffix == suffix
        if isinstance(table, DelimitedTable) and self._copies:
            self._dialect = table.dialect
            rows: Iterator[Any] = _written_rows(table)
            self._head = "\ufeff" * table.file.has_byte_order_mark()
            self._head += next(rows) if self._dialect.has_separator_line else ""
            self._head += self._with(next(rows), [*columns])
        else:
            self._dialect = Dialect("\t" if suffix == ".tsv" else ",")
            rows = _values(table)
            self._head = self._line([*table.column_names, *columns]) + "\n"
        self._numbered = enumerate(rows, 1)

    def write(self, number: int, cells: Sequence[Cell], error: str = "") -> None:
        row = self._row(number)
        line = self._with(row, cells) if self._copies else self._line([*row, *cells]) + "\n"
        self._out.write(self._head + line if number == 1 else line)

    def end(self) -> None:
        """There is nothing after the last row."""

    def _with(self, row: str, cells: Sequence[Cell]) -> str:
        end = _LINE_END.search(row)
        assert end is not None
        return f"{row[: end.start()]}{self._dialect.delimiter}{self._line(cells)}{end[0]}"

    def _line(self, cells: Sequence[Any]) -> str:
        line, texts = io.StringIO(), [_as_text(cell) for cell in cells]
        if texts == [""]:  # A row of its own would have it in quotes.
            return ""
        options = self._dialect.options(to_write=True)
        if self._dialect.quoting == "none":
            texts = [in_one_field(text) for text in texts]
            return self._dialect.delimiter.join(texts)
        csv.writer(line, lineterminator="", **options).writerow(texts)
        return line.getvalue()


class JSONRows(TableWriter):
    """JSON lines, or an array. A row of JSON lines is copied as it stands; one without an answer has an `error`.

    Args:
        is_array: whether it is one array.
    """

    def __init__(self, table: Table, columns: Mapping[str, type], out: TextIO, is_array: bool) -> None:
        super().__init__(table, columns)
        self._out, self._is_array = out, is_array
        self._error = new_name("error", [*table.column_names, *columns])
        self._copies = isinstance(table, JSONTable) and table.is_lines and not is_array
        lines = (line for line in table.file.lines() if line.strip()) if isinstance(table, JSONTable) else iter(())
        self._numbered = enumerate(lines if self._copies else _values(table), 1)

    def write(self, number: int, cells: Sequence[Cell], error: str = "") -> None:
        answer = {self._error: error} if error else dict(zip(self.columns, cells, strict=True))
        row = self._row(number)
        if not self._copies:
            named = {**dict(zip(self.table.column_names, row, strict=True)), **answer}
            text = json.dumps(named, ensure_ascii=False, default=str)
            self._out.write(("[\n" if number == 1 else ",\n") + text if self._is_array else text + "\n")
            return
        end = _LINE_END.search(row)
        assert end is not None
        body = row[: end.start()].rstrip()[:-1].rstrip()
        self._out.write(body + ", " * (body.strip() != "{") + json.dumps(answer, ensure_ascii=False)[1:] + end[0])

    def end(self) -> None:
        if self._is_array:
            self._out.write("\n]\n")


class ParquetRows(TableWriter):
    """Parquet. Of such a table, columns keep their types, and the file what it says of them.

    It is made at the end, of cells that are written as lines until then: nobody could go on with a file of Parquet that
    was not ended.

    Raises:
        DataError: rows of another format cannot stand in Parquet, since their values are of several types.
    """

    def __init__(self, table: Table, columns: Mapping[str, type], output: Output) -> None:
        super().__init__(table, columns)
        self._output = output
        self._arrow = require("pyarrow", "writing Parquet files needs", "train")
        self._parquet = require("pyarrow.parquet", "writing Parquet files needs", "train")
        if not isinstance(table, ParquetTable):  # It would be late to say so when all is answered.
            deque(self._made_batches(), 0)

    def write(self, number: int, cells: Sequence[Cell], error: str = "") -> None:
        print(json.dumps([number, cells]), file=self._output.text)

    def end(self) -> None:
        self._output.make(self._write_all)

    def _write_all(self, lines: TextIO, out: IO[bytes]) -> None:
        """Write the rows that are answered, which lie one after the other, with their cells."""
        table, before, waiting = self.table, 0, map(json.loads, lines)
        writer: Any = None
        number, cells = next(waiting, (0, []))
        for batch in table.record_batches() if isinstance(table, ParquetTable) else self._made_batches():
            first = number
            rows: list[Sequence[Cell]] = []
            while before < number <= before + batch.num_rows:
                rows.append(cells)
                number, cells = next(waiting, (0, []))
            whole = self._with(batch.slice(first - before - 1 if rows else 0, len(rows)), rows)
            if writer is None:
                writer = self._parquet.ParquetWriter(out, whole.schema)
            if rows:
                writer.write_batch(whole.cast(writer.schema) if whole.schema != writer.schema else whole)
            before += batch.num_rows
        writer.close()

    def _with(self, batch: Any, rows: Sequence[Sequence[Cell]]) -> Any:
        arrow = self._arrow
        types = {str: arrow.string(), int: arrow.int64(), float: arrow.float64(), bool: arrow.bool_()}
        for place, (name, kind) in enumerate(self.columns.items()):
            cells = arrow.array([cells[place] for cells in rows], types[kind])
            batch = batch.append_column(arrow.field(name, types[kind]), cells)
        return batch

    def _made_batches(self) -> Iterator[Any]:
        schema = None
        for batch in self.table.batches(self.table.column_names):
            try:
                made = self._arrow.RecordBatch.from_pydict(dict(batch), schema)
            except Exception as error:  # Those of Arrow are of many kinds.
                advice = "write .jsonl or .csv, where they may differ"
                raise DataError(
                    f"{self.table.source} cannot be written as Parquet: {first_line(error)}: {advice}"
                ) from error
            schema = made.schema
            yield made


def _values(table: Table) -> Iterator[tuple[Any, ...]]:
    for batch in table.batches(table.column_names):
        yield from zip(*(batch[name] for name in table.column_names), strict=True)


def _written_rows(table: DelimitedTable) -> Iterator[str]:
    """Header and rows as they stand in the file, each with the line break that ends it; `sep=` is a row before them."""
    lines = table.file.lines()
    if table.dialect.has_separator_line:
        yield next(lines)
    read: list[str] = []

    def reading() -> Iterator[str]:
        for line in lines:
            read.append(line)
            yield line

    for row in table.dialect.rows(reading()):
        if row:
            yield "".join(read)
            read.clear()


def _as_text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    return json.dumps(cell, ensure_ascii=False, default=str) if isinstance(cell, list | dict) else str(cell)
