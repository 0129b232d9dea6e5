"""What a table is, whatever its format."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from seqcore.errors import DataError

BATCH_ROWS = 8192
Batch = Mapping[str, Sequence[Any]]


class Table(ABC):
    """Rows of named columns, read from their file each time that they are asked for, and never held or kept elsewhere.

    Attributes:
        source: what messages call it.
        column_names: in the order of the file, each once: of two columns `a` the second is `a.1`.
        label_names: of columns whose numbers stand for names, the names; such a column gives them, not numbers.
        has_types: whether values have types; in a table without, each is the text that stands there.
    """

    has_types = True

    def __init__(
        self, source: str, column_names: Sequence[str], label_names: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.source = source
        self.column_names = tuple(column_names)
        self.label_names: Mapping[str, Sequence[str]] = label_names or {}

    @abstractmethod
    def __len__(self) -> int:
        """How many rows there are."""

    @abstractmethod
    def _batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        """The rows of columns that are there."""

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        """Read some columns, a few thousand rows at a time; what stands in others is not looked at.

        Yields:
            The values of each column.

        Raises:
            DataError: there is no such column, or a row cannot be read; the message names it, from 1.
        """
        for name in columns:
            if name not in self.column_names:
                raise missing_column(self.source, name, name, self.column_names)
        yield from self._batches([*dict.fromkeys(columns)])

    def column(self, name: str) -> list[Any]:
        """All values of a column. Raises `DataError` as `batches` does."""
        return [value for batch in self.batches([name]) for value in batch[name]]


def in_batches(rows: Iterable[Any], cells_of: Mapping[str, Callable[[Any], Any]]) -> Iterator[Batch]:
    """Columns of rows, a batch at a time; no row is held, since Python would search them all for circles ever again.

    Args:
        cells_of: what gives the cell of each column.
    """
    batch: dict[str, list[Any]] = {name: [] for name in cells_of}
    takers = [(batch[name].append, cell_of) for name, cell_of in cells_of.items()]
    size = 0
    for size, row in enumerate(rows, 1):
        for take, cell_of in takers:
            take(cell_of(row))
        if size % BATCH_ROWS == 0:
            yield {name: [*cells] for name, cells in batch.items()}
            for cells in batch.values():
                cells.clear()
    if size % BATCH_ROWS:
        yield batch


def missing_column(source: str, column: str, field: str, present: Sequence[str]) -> DataError:
    """The error to raise where a table lacks the column of a field."""
    advice = f"Say which one to use with --columns.{field} NAME."
    return DataError(f"{source} has no column {column!r}; it has: {', '.join(present)}. {advice}")


def named_once(names: Sequence[str]) -> list[str]:
    """Names of columns, each once, as other readers have them.

    Example:
        >>> named_once(["text", "label", "text"])
        ['text', 'label', 'text.1']
    """
    unique: dict[str, None] = {}
    for name in names:
        new, number = name, 0
        while new in unique or (number and new in names):
            number += 1
            new = f"{name}.{number}"
        unique[new] = None
    return [*unique]
