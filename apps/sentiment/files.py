"""Many texts: tables and text files, checked before any work begins, then read and classified in chunks."""

import csv
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps.ui.csv_writer import SafeCsvWriter
from apps.ui.progress import Progress
from apps.ui.uploads import check_size, chunks, utf8_errors
from seqcore.errors import InputError

if TYPE_CHECKING:
    from seqcore.tasks.sentiment import Sentiment, SentimentClassifier

KINDS = (".csv", ".tsv", ".txt")
MAX_FILE_BYTES = 10_000_000
MAX_CELL_CHARS = 200_000
TEXT = "text"
MAX_CHUNK_ROWS, MAX_CHUNK_CHARS = 64, 50_000
_LIKELY = (TEXT, "review", "sentence", "comment", "tweet", "message", "content", "body")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Table:
    """A file that can be classified.

    Attributes:
        header: the names of its columns; of a text file, `text`.
        rows: how many there are under the header; of a text file, lines.
        delimiter: what divides cells; nothing does in a text file.
        marked: the file begins with a byte order mark, as spreadsheets want it.
    """

    path: str
    header: tuple[str, ...]
    rows: int
    delimiter: str
    marked: bool

    def __iter__(self) -> Iterator[list[str]]:
        rows = _rows(self.path, self.delimiter)
        next(rows)
        return (row for _, row in rows)

    def column(self, name: str | None) -> int:
        """The place of the column with the texts; without a name the one called `text`, or the only one.

        Raises:
            InputError: there is no such column, or several that it could be.
        """
        title, have = Path(self.path).name, ", ".join(self.header)
        name = name or (TEXT if TEXT in self.header else self.header[0] if len(self.header) == 1 else None)
        if name is None:
            raise InputError(f"Say which column of {title} holds the texts; it has: {have}.")
        if name not in self.header:
            raise InputError(f"The file {title} has no column {name!r}; it has: {have}.")
        return self.header.index(name)

    def likely_column(self) -> str:
        """The name of the column that seems to hold the texts: by its name, else the first."""
        return next((name for name in self.header if name.strip().lower() in _LIKELY), self.header[0])


def open_table(path: object) -> Table:
    """Look through a file.

    Raises:
        InputError: no CSV, TSV or text file in UTF-8 of at most 10 MB, without rows, or with one that does not fit the
            header; the message names the line.
    """
    if not isinstance(path, str):
        raise InputError("Choose a .csv, .tsv or .txt file first.")
    title, kind = Path(path).name, Path(path).suffix.lower()
    if kind not in KINDS:
        raise InputError(f"The file {title} is none of {', '.join(KINDS)}: save it as one of them.")
    check_size(path, MAX_FILE_BYTES)
    with utf8_errors(path):
        delimiter = {".csv": _delimiter(path), ".tsv": "\t", ".txt": ""}[kind]
        header, rows = _survey(path, delimiter)
    with open(path, "rb") as file:
        marked = file.read(len(_BYTE_ORDER_MARK)) == _BYTE_ORDER_MARK
    return Table(path, tuple(header), rows, delimiter, marked)


def _survey(path: str, delimiter: str) -> tuple[Sequence[str], int]:
    """The header, and the number of rows under it. Refuses a row of another width."""
    title, count = Path(path).name, 0
    rows = _rows(path, delimiter)
    _, header = next(rows, (0, []))
    for line, row in rows:
        count += 1
        if len(row) != len(header):
            raise InputError(
                f"Line {line} of {title} has {len(row)} cells, but the header ({', '.join(header)}) has "
                f"{len(header)}: put a text that holds the separator in double quotes."
            )
    if not count:
        raise InputError(f"The file {title} {'has no rows under its header' if delimiter and header else 'is empty'}.")
    return header, count


def _rows(path: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The header, then the rows, each with the number of the line where it ends; empty lines of a table are no rows."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        if not delimiter:
            yield 0, [TEXT]
            for number, line in enumerate(file, start=1):
                yield number, [line.rstrip("\r\n")]
            return
        csv.field_size_limit(MAX_CELL_CHARS)
        # Quotes are text in a TSV file, where tabs alone divide.
        form: dict[str, Any] = {"quoting": csv.QUOTE_NONE} if Path(path).suffix.lower() == ".tsv" else {}
        reader = csv.reader((line.replace("\0", " ") for line in file), delimiter=delimiter, **form)
        try:
            yield from ((reader.line_num, row) for row in reader if row)
        except csv.Error as error:
            where = f"Line {reader.line_num} of {Path(path).name}"
            raise InputError(f"{where} cannot be read as a row of a table: {error}.") from error


def _delimiter(path: str) -> str:
    """What divides the header into most cells: spreadsheets of half the world write semicolons."""
    with open(path, encoding="utf-8-sig") as file:
        header = file.readline(MAX_CELL_CHARS)
    return max(",;\t", key=lambda sign: len(next(csv.reader([header], delimiter=sign), [])))


def classify_table(
    classifier: "SentimentClassifier", table: Table, column: str | None, unsure_below: float
) -> "Iterator[Progress[tuple[str, Sentiment]]]":
    """Classify every row into a CSV file with the same columns, and the answer in further ones.

    The last item has the path of the result, which exists until the iterator is resumed or closed.

    Raises:
        InputError: the table has no such column.
    """
    place, labels = table.column(column), classifier.config.labels
    with tempfile.TemporaryDirectory(prefix="seqcore-") as folder:
        result = Path(folder) / f"{Path(table.path).stem}.classified.csv"
        encoding = "utf-8-sig" if table.marked else "utf-8"
        with open(result, "w", encoding=encoding, newline="") as output:
            writer = SafeCsvWriter(output, delimiter=";" if table.delimiter == ";" else ",")
            writer.write([*table.header, *_new_columns(table.header, labels)])
            done = 0
            yield Progress(0, table.rows)
            for chunk in chunks(table, lambda row: len(row[place]), MAX_CHUNK_ROWS, MAX_CHUNK_CHARS):
                texts = [row[place] for row in chunk]
                answers = classifier.classify(texts, unsure_below=unsure_below)
                for row, answer in zip(chunk, answers, strict=True):
                    writer.write([*row, *_cells(answer, labels)])
                done += len(chunk)
                yield Progress(done, table.rows, list(zip(texts, answers, strict=True)))
        yield Progress(table.rows, table.rows, files=(str(result),))


@contextmanager
def file_of_lines(text: str) -> Iterator[str]:
    """The path of a text file with these lines, which exists as long as it is worked on; empty ones are left out.

    Raises:
        InputError: there is none.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise InputError("Write texts, one a line, or choose a file first.")
    if len(text) > MAX_FILE_BYTES:
        raise InputError(f"These are {len(text):,} characters, and this page takes {MAX_FILE_BYTES:,}: break them up.")
    with tempfile.TemporaryDirectory(prefix="seqcore-") as folder:
        path = Path(folder) / "texts.txt"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="replace")
        yield str(path)


def _new_columns(header: Sequence[str], labels: Sequence[str]) -> list[str]:
    """Names of the columns with the answer; none that the table has already."""
    each = [f"probability_{name}" for name in labels]
    names = ["label", "probability", *each, "unsure", "out_of_domain", "characters_cut"]
    for place in range(len(names)):
        while names[place] in header or names[place] in names[:place]:
            names[place] = f"predicted_{names[place]}"
    return names


def _cells(answer: "Sentiment", labels: Sequence[str]) -> list[str]:
    return [
        answer.label,
        f"{answer.probability:.4f}",
        *(f"{answer.probabilities[name]:.4f}" for name in labels),
        str(answer.unsure).lower(),
        str(answer.out_of_domain).lower(),
        str(answer.characters_cut),
    ]
