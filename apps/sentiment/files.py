"""Many texts, classified in chunks, so that memory does not grow with the file."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from apps.sentiment.tables import MAX_FILE_BYTES, Table
from apps.ui.csv_writer import SafeRows
from seqcore.errors import InputError

if TYPE_CHECKING:
    from seqcore.tasks.sentiment import Sentiment, SentimentClassifier

TEXTS_TOGETHER, CHARACTERS_TOGETHER = 64, 50_000


@dataclass(frozen=True)
class Progress:
    """How far a table is: rows of all rows, the last ones with their results, and the new file once it is complete."""

    rows: int
    all_rows: int
    results: "Sequence[tuple[str, Sentiment]]" = ()
    path: str | None = None


def classify_table(
    classifier: "SentimentClassifier", table: Table, column: str | None, unsure_below: float
) -> Iterator[Progress]:
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
            writer = SafeRows(output, delimiter=";" if table.delimiter == ";" else ",")
            writer.write([*table.header, *_new_columns(table.header, labels)])
            done = 0
            yield Progress(0, table.rows)
            for chunk in _chunks(table, place):
                texts = [row[place] for row in chunk]
                answers = classifier.classify(texts, unsure_below=unsure_below)
                for row, answer in zip(chunk, answers, strict=True):
                    writer.write([*row, *_cells(answer, labels)])
                done += len(chunk)
                yield Progress(done, table.rows, list(zip(texts, answers, strict=True)))
        yield Progress(table.rows, table.rows, path=str(result))


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


def _chunks(rows: Iterable[list[str]], place: int) -> Iterator[list[list[str]]]:
    """Rows that are classified at once: not many, and of long texts fewer."""
    chunk: list[list[str]] = []
    characters = 0
    for row in rows:
        chunk.append(row)
        characters += len(row[place])
        if len(chunk) == TEXTS_TOGETHER or characters >= CHARACTERS_TOGETHER:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


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
