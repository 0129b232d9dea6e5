"""Files of texts, classified in chunks, so that memory does not grow with the file."""

import csv
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from seqcore.errors import InputError

if TYPE_CHECKING:
    from seqcore.tasks.sentiment import Sentiment, SentimentClassifier

LARGEST_FILE = 10_000_000
LONGEST_CELL = 200_000
TOGETHER = 64  # texts classified at once
DELIMITERS = {".csv": ",", ".tsv": "\t"}
TEXT = "text"
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?%?")


@dataclass(frozen=True)
class Progress:
    """How far a file is: rows of all rows, the last ones with their results, and the new file once it is complete."""

    rows: int
    all_rows: int
    results: "Sequence[tuple[str, Sentiment]]" = ()
    path: str | None = None


def columns(path: str) -> list[str]:
    """The names of a table's columns; of a text file, ``text``.

    Raises:
        InputError: no file that can be classified.
    """
    _check(path)
    with _opened(path) as file:
        return next(_rows(path, file), [])


def classify_file(
    classifier: "SentimentClassifier", path: str, column: str | None, unsure_below: float
) -> Iterator[Progress]:
    """Classify every row of a CSV or TSV file, or every line of a text file, into a CSV file with the same columns.

    The last item has the path of the result, which exists until the iterator is resumed or closed.

    Raises:
        InputError: not UTF-8, too large, another kind of file, no such column, or a row that does not fit the others.
    """
    header = columns(path)
    column = _column(path, header, column)
    place, all_rows = header.index(column), _count(path, len(header))
    labels = classifier.config.labels
    with tempfile.TemporaryDirectory(prefix="seqcore-") as folder:
        result = Path(folder) / f"{Path(path).stem}.classified.csv"
        with _opened(path) as file, open(result, "w", encoding="utf-8", newline="") as output:
            writer, rows, done = csv.writer(output), _rows(path, file), 0
            next(rows)
            writer.writerow(map(harmless, [*header, *_new_columns(header, labels)]))
            yield Progress(0, all_rows)
            while chunk := list(islice(rows, TOGETHER)):
                found = classifier.classify([row[place] for row in chunk], unsure_below=unsure_below)
                for row, answer in zip(chunk, found, strict=True):
                    writer.writerow(map(harmless, [*row, *_cells(answer, labels)]))
                done += len(chunk)
                yield Progress(done, all_rows, [(row[place], one) for row, one in zip(chunk, found, strict=True)])
        yield Progress(all_rows, all_rows, path=str(result))


def harmless(cell: str) -> str:
    """A cell that a spreadsheet shows and does not run as a formula: with an apostrophe before it."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def _new_columns(header: Sequence[str], labels: Sequence[str]) -> list[str]:
    names = ["label", "probability", *(f"probability of {name}" for name in labels), "unsure", "out of domain"]
    return [f"predicted {name}" if name in header else name for name in names]


def _cells(answer: "Sentiment", labels: Sequence[str]) -> list[str]:
    flags = ["yes" if flag else "no" for flag in (answer.unsure, answer.out_of_domain)]
    return [
        answer.label,
        f"{answer.probability:.4f}",
        *(f"{answer.probabilities[name]:.4f}" for name in labels),
        *flags,
    ]


def _column(path: str, header: Sequence[str], wanted: str | None) -> str:
    if wanted and wanted in header:
        return wanted
    if not wanted and TEXT in header:
        return TEXT
    if not wanted and len(header) == 1:
        return header[0]
    have = ", ".join(header)
    if wanted:
        raise InputError(f"The file {Path(path).name} has no column {wanted!r}; it has: {have}.")
    raise InputError(f"Say which column of {Path(path).name} holds the texts; it has: {have}.")


def _check(path: str) -> None:
    title = Path(path).name
    if Path(path).suffix.lower() not in {*DELIMITERS, ".txt"}:
        raise InputError(f"The file {title} is none of .csv, .tsv and .txt: save it as one of them.")
    size = Path(path).stat().st_size
    if size > LARGEST_FILE:
        limit = f"{LARGEST_FILE // 1_000_000} MB"
        raise InputError(f"The file {title} has {size / 1e6:,.1f} MB, and this page takes {limit}: break it up.")
    with _opened(path) as file:
        number = 0
        try:
            for number, _line in enumerate(file, 1):  # noqa: B007
                pass
        except UnicodeDecodeError:
            raise InputError(f"Line {_bad_line(path)} of {title} is no UTF-8 text: save the file as UTF-8.") from None
    if not number:
        raise InputError(f"The file {title} is empty.")


def _bad_line(path: str) -> int:
    data = Path(path).read_bytes()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return data[: error.start].count(b"\n") + 1
    return 1


def _count(path: str, width: int) -> int:
    """Rows without the header. Refuses a row of another width than the header, and one that is too long."""
    title, number = Path(path).name, 0
    with _opened(path) as file:
        for number, row in enumerate(_rows(path, file)):
            if len(row) != width:
                raise InputError(f"Row {number} of {title} has {len(row)} cells, but the header has {width}.")
    if not number:
        raise InputError(f"The file {title} has no rows under its header.")
    return number


@contextmanager
def _opened(path: str) -> Iterator[TextIO]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        yield file


def _rows(path: str, file: TextIO) -> Iterator[list[str]]:
    """The header, then the rows; a text file has one column."""
    delimiter = DELIMITERS.get(Path(path).suffix.lower())
    if delimiter is None:
        yield [TEXT]
        yield from ([line.rstrip("\r\n")] for line in file)
        return
    csv.field_size_limit(LONGEST_CELL)
    try:
        lines = (line.replace("\0", " ") for line in file)
        yield from (
            row
            for row in csv.reader(
                lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE
            )
            if row
        )
    except csv.Error as error:
        raise InputError(f"The file {Path(path).name} cannot be read as a table: {error}.") from error


@contextmanager
def of_lines(text: str) -> Iterator[str]:
    """The path of a text file with these lines, which exists as long as it is worked on; empty ones are left out."""
    with tempfile.TemporaryDirectory(prefix="seqcore-") as folder:
        path = Path(folder) / "texts.txt"
        lines = [line for line in text.splitlines() if line.strip()]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="replace")
        yield str(path)
