"""Many texts: tables and text files, checked before any work begins, then read and classified in chunks."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from apps.sentiment.results import open_result
from apps.ui.progress import Progress
from apps.ui.uploads import check_size, chunks
from seqcore.data.delimited import DelimitedTable
from seqcore.data.json_tables import JSONTable
from seqcore.data.tables import open_file
from seqcore.data.text_files import DataFile
from seqcore.errors import InputError

if TYPE_CHECKING:
    from seqcore.tasks.sentiment import Sentiment, SentimentClassifier

KINDS = (".csv", ".tsv", ".jsonl", ".json", ".txt")
_LISTED = f"{', '.join(KINDS[:-1])} or {KINDS[-1]}"
MAX_FILE_BYTES = 10_000_000
MAX_CELL_CHARS = 200_000
TEXT = "text"
MAX_CHUNK_ROWS, MAX_CHUNK_CHARS = 64, 50_000
_LIKELY = (TEXT, "review", "sentence", "comment", "tweet", "message", "content", "body")


class Table:
    """A file that can be classified.

    Attributes:
        header: the names of its columns; of a text file, `text`.
        rows: how many there are under the header; of a text file, lines.
        content: the table that the library reads; none of a text file.
    """

    def __init__(self, file: DataFile) -> None:
        self.file, self.content = file, None
        if file.suffix == ".txt":
            self.header: tuple[str, ...] = (TEXT,)
            self.rows = sum(1 for _ in file.lines())
            return
        content = open_file(file)
        assert isinstance(content, DelimitedTable | JSONTable)
        self.content, self.rows = content, len(content)
        self.header = content.header if isinstance(content, DelimitedTable) else content.column_names

    def __iter__(self) -> Iterator[list[object]]:
        """The cells of each row."""
        return (cells for _, cells in self.numbered())

    def numbered(self) -> Iterator[tuple[int, list[object]]]:
        """The cells of each row, and the number of the line that it ends on; of JSON, that of the row."""
        if isinstance(self.content, DelimitedTable):
            for number, cells in self.content.rows():
                yield number, [*cells]
        elif self.content is not None:
            for number, row in enumerate(self.content.rows(), 1):
                yield number, [row.get(name) for name in self.header]
        else:
            for number, line in enumerate(self.file.lines(), 1):
                yield number, [line.rstrip("\r\n")]

    def column(self, name: str | None) -> int:
        """The place of the column with the texts; without a name the one called `text`, or the only one.

        Raises:
            InputError: there is no such column, or several that it could be.
        """
        title, have = self.file.name, ", ".join(self.header)
        name = name or (TEXT if TEXT in self.header else self.header[0] if len(self.header) == 1 else None)
        if name is None:
            raise InputError(f"Say which column of {title} holds the texts; it has: {have}.")
        if name not in self.header:
            raise InputError(f"The file {title} has no column {name!r}; it has: {have}.")
        return self.header.index(name)

    def texts(self, place: int) -> Iterator[tuple[str, list[object]]]:
        """The text of each row, and all its cells.

        Raises:
            InputError: a row holds no text there.
        """
        for number, cells in enumerate(self, 1):
            text = cells[place]
            if not isinstance(text, str):
                kind = "nothing" if text is None else type(text).__name__
                what = f"holds {kind} in column {self.header[place]!r}, where a text must be"
                raise InputError(f"Row {number} of {self.file.name} {what}.")
            yield text, cells

    def likely_column(self) -> str:
        """The name of the column that seems to hold the texts: by its name, else the first."""
        return next((name for name in self.header if name.strip().lower() in _LIKELY), self.header[0])


def open_table(path: object) -> Table:
    """Look through a file, which is read as the library reads it for training.

    Raises:
        InputError: no table or text file of at most 10 MB, without rows, or with one that is too long.
        DataError: it is no UTF-8, or has a row that does not fit the header; the message names the line.
    """
    if not isinstance(path, str):
        raise InputError(f"Choose a {_LISTED} file first.")
    file = DataFile(Path(path), Path(path).name)
    if file.path.suffix.lower() not in KINDS:
        raise InputError(f"The file {file.name} is none of {', '.join(KINDS)}: save it as one of them.")
    check_size(path, MAX_FILE_BYTES)
    table = Table(file)
    if not table.rows:
        raise InputError(
            f"The file {file.name} {'is empty' if table.content is None else 'has no rows under its header'}."
        )
    if table.content is not None:
        what = "Line" if isinstance(table.content, DelimitedTable) else "Row"
        for number, cells in table.numbered():
            if any(isinstance(cell, str) and len(cell) > MAX_CELL_CHARS for cell in cells):
                fault = f"cannot be read as a row of a table: it has a cell of more than {MAX_CELL_CHARS:,} characters"
                raise InputError(f"{what} {number} of {file.name} {fault}.")
    return table


def classify_table(
    classifier: "SentimentClassifier", table: Table, column: str | None, unsure_below: float
) -> "Iterator[Progress[tuple[str, Sentiment]]]":
    """Classify every row into a file written as the table is, with the same columns, and the answer in further ones.

    The last item has the path of the result, which exists until the iterator is resumed or closed.

    Raises:
        InputError: the table has no such column, or a row has no text in it.
    """
    rows = table.texts(table.column(column))
    with tempfile.TemporaryDirectory(prefix="seqcore-") as folder:
        with open_result(Path(folder), table.file, table.content, table.header, classifier.config.labels) as result:
            done = 0
            yield Progress(0, table.rows)
            for chunk in chunks(rows, lambda row: len(row[0]), MAX_CHUNK_ROWS, MAX_CHUNK_CHARS):
                texts = [text for text, _ in chunk]
                answers = classifier.classify(texts, unsure_below=unsure_below)
                for (_, cells), answer in zip(chunk, answers, strict=True):
                    result.write(cells, answer)
                done += len(chunk)
                yield Progress(done, table.rows, list(zip(texts, answers, strict=True)))
        yield Progress(table.rows, table.rows, files=(str(result.path),))


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
