"""Tables with further columns. In the format that it came in, each row stays as it was written."""

import csv
import io
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, TextIO

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
    """Writes all rows of a table, one after the other, with further cells.

    Args:
        table: its rows.
        columns: names and types of the further columns.
    """

    def __init__(self, table: Table, columns: Mapping[str, type]) -> None:
        self.table, self.columns = table, columns

    @abstractmethod
    def write(self, cells: Sequence[Cell], error: str = "") -> None:
        """Write the next row; its cells are None, and the error says why, where there is no answer."""

    @abstractmethod
    def end(self) -> None:
        """Write what belongs after the last row."""

    def _values(self) -> Iterator[tuple[Any, ...]]:
        names = self.table.column_names
        for batch in self.table.batches(names):
            yield from zip(*(batch[name] for name in names), strict=True)


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
            self._rows: Iterator[Any] = _written_rows(table)
            out.write("\ufeff" * table.file.has_byte_order_mark())
            out.write(next(self._rows) if self._dialect.has_separator_line else "")
            self._append(next(self._rows), [*columns])
        else:
            self._dialect = Dialect("\t" if suffix == ".tsv" else ",")
            self._rows = self._values()
            out.write(self._line([*table.column_names, *columns]) + "\n")

    def write(self, cells: Sequence[Cell], error: str = "") -> None:
        row = next(self._rows)
        if self._copies:
            self._append(row, cells)
        else:
            self._out.write(self._line([*row, *cells]) + "\n")

    def end(self) -> None:
        """There is nothing after the last row."""

    def _append(self, row: str, cells: Sequence[Cell]) -> None:
        end = _LINE_END.search(row)
        assert end is not None
        self._out.write(f"{row[: end.start()]}{self._dialect.delimiter}{self._line(cells)}{end[0]}")

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
        self._out = out
        self._error = new_name("error", [*table.column_names, *columns])
        self._copies = isinstance(table, JSONTable) and table.is_lines and not is_array
        lines = (line for line in table.file.lines() if line.strip()) if isinstance(table, JSONTable) else iter(())
        self._rows: Iterator[Any] = lines if self._copies else self._values()
        self._divider, self._close = ("[\n", "\n]\n") if is_array else ("", "" if self._copies else "\n")

    def write(self, cells: Sequence[Cell], error: str = "") -> None:
        answer = {self._error: error} if error else dict(zip(self.columns, cells, strict=True))
        row = next(self._rows)
        if not self._copies:
            named = {**dict(zip(self.table.column_names, row, strict=True)), **answer}
            self._out.write(self._divider + json.dumps(named, ensure_ascii=False, default=str))
            self._divider = ",\n" if self._close == "\n]\n" else "\n"
            return
        end = _LINE_END.search(row)
        assert end is not None
        body = row[: end.start()].rstrip()[:-1].rstrip()
        self._out.write(body + ", " * (body.strip() != "{") + json.dumps(answer, ensure_ascii=False)[1:] + end[0])

    def end(self) -> None:
        self._out.write(self._close)


class ParquetRows(TableWriter):
    """Parquet. Of such a table, columns keep their types, and the file what it says of them."""

    def __init__(self, table: Table, columns: Mapping[str, type], out: IO[bytes]) -> None:
        super().__init__(table, columns)
        self._arrow = require("pyarrow", "writing Parquet files needs", "train")
        self._parquet = require("pyarrow.parquet", "writing Parquet files needs", "train")
        self._out = out
        self._writer: Any = None
        self._batches = table.record_batches() if isinstance(table, ParquetTable) else self._made_batches()
        self._batch = next(self._batches)
        self._waiting: list[Sequence[Cell]] = []

    def write(self, cells: Sequence[Cell], error: str = "") -> None:
        self._waiting.append(cells)
        if len(self._waiting) == self._batch.num_rows:
            self._flush()
            self._batch = next(self._batches, None)

    def end(self) -> None:
        self._writer.close()

    def _flush(self) -> None:
        arrow, batch = self._arrow, self._batch
        types = {str: arrow.string(), int: arrow.int64(), float: arrow.float64(), bool: arrow.bool_()}
        for place, (name, kind) in enumerate(self.columns.items()):
            cells = arrow.array([cells[place] for cells in self._waiting], types[kind])
            batch = batch.append_column(arrow.field(name, types[kind]), cells)
        if self._writer is None:
            self._writer = self._parquet.ParquetWriter(self._out, batch.schema)
        self._writer.write_batch(batch.cast(self._writer.schema) if batch.schema != self._writer.schema else batch)
        self._waiting = []

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
