"""Answers for many texts, written as the file that they are from."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from apps.ui.csv_writer import SafeCsvWriter
from seqcore.data.delimited import DelimitedTable
from seqcore.data.dialects import Dialect
from seqcore.data.json_tables import JSONTable
from seqcore.data.table import Table
from seqcore.data.text_files import DataFile

if TYPE_CHECKING:
    from seqcore.tasks.sentiment import Sentiment


class Result:
    """A file of rows and their answers: delimited as the table is, or JSON lines.

    Args:
        dialect: how to write rows; without one, JSON lines.
        header: the columns of the table.
    """

    def __init__(
        self, path: Path, file: IO[str], dialect: Dialect | None, header: Sequence[str], labels: Sequence[str]
    ) -> None:
        self.path, self._file, self._dialect, self._labels = path, file, dialect, labels
        self._names = [*header, *_new_columns(header, labels)]
        if dialect is not None:
            if dialect.has_separator_line:
                file.write(f"sep={dialect.delimiter}\r\n")
            self._writer = SafeCsvWriter(file, **dialect.options(to_write=True))
            self._write_cells(self._names)

    def write(self, cells: Sequence[object], answer: "Sentiment") -> None:
        """Write a row and what was said of its text."""
        values = _values(answer, self._labels)
        if self._dialect is None:
            row = dict(zip(self._names, [*cells, *values], strict=True))
            self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
        else:
            self._write_cells([*cells, *map(_cell, values)])

    def _write_cells(self, cells: Sequence[Any]) -> None:
        if self._dialect is not None and self._dialect.quoting == "none":  # Nothing can stand around a tab there.
            cells = [re.sub(r"[\t\r\n]", " ", str(cell)) for cell in cells]
        self._writer.write(cells)


@contextmanager
def open_result(
    folder: Path, source: DataFile, table: Table | None, header: Sequence[str], labels: Sequence[str]
) -> Iterator[Result]:
    """Open a file in a folder for the answers to a file, or to a table: `reviews.classified.csv` for `reviews.csv`."""
    dialect = None if isinstance(table, JSONTable) else Dialect()
    if isinstance(table, DelimitedTable):
        dialect = table.dialect
    suffix = ".jsonl" if dialect is None else ".tsv" if source.suffix == ".tsv" else ".csv"
    path = folder / f"{source.path.stem}.classified{suffix}"
    encoding = "utf-8-sig" if dialect is not None and source.has_byte_order_mark() else "utf-8"
    with path.open("w", encoding=encoding, newline="") as file:
        yield Result(path, file, dialect, header, labels)


def _new_columns(header: Sequence[str], labels: Sequence[str]) -> list[str]:
    """Names of the columns with the answer; none that the table has already."""
    each = [f"probability_{name}" for name in labels]
    names = ["label", "probability", *each, "unsure", "out_of_domain", "characters_cut"]
    for place in range(len(names)):
        while names[place] in header or names[place] in names[:place]:
            names[place] = f"predicted_{names[place]}"
    return names


def _values(answer: "Sentiment", labels: Sequence[str]) -> list[str | float | bool]:
    probabilities = [round(answer.probabilities[name], 4) for name in labels]
    known = [answer.unsure, answer.out_of_domain, answer.characters_cut]
    return [answer.label, round(answer.probability, 4), *probabilities, *known]


def _cell(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4f}" if isinstance(value, float) else str(value)
