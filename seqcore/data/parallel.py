"""Parallel texts: a plain file for each language, whose lines belong together (`corpus.en`, `corpus.de`)."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from seqcore.data.table import BATCH_ROWS, Batch, Table
from seqcore.data.text_files import DataFile, is_file
from seqcore.errors import DataError


class ParallelTable(Table):
    r"""Files of lines, each a column that is called as the file ends; only `\n` and `\r\n` end a line.

    Raises:
        DataError: there is no such file, it is no UTF-8, or one has more lines than another.
    """

    has_types = False

    def __init__(self, source: str, columns: Sequence[str]) -> None:
        files = {column: _file(source, column) for column in columns}
        for column, file in files.items():
            if file is None:
                beside = ", ".join(other.name for other in files.values() if other)
                raise DataError(f"there is no file {source}.{column} (or .{column}.gz) beside {beside}")
        self._files = {column: file for column, file in files.items() if file}
        counts = {file.name: sum(1 for _ in file.lines("\n")) for file in self._files.values()}
        if len({*counts.values()}) > 1:
            each = ", ".join(f"{name} has {count:,}" for name, count in counts.items())
            raise DataError(f"lines of these files do not belong together, since {each}: each must have as many")
        self._rows = next(iter(counts.values()))
        super().__init__(source, columns)

    def __len__(self) -> int:
        return self._rows

    def _batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        lines = {column: self._files[column].lines("\n") for column in columns}
        for start in range(0, self._rows, BATCH_ROWS):
            size = min(BATCH_ROWS, self._rows - start)
            batch = {
                column: [line.removesuffix("\n").removesuffix("\r") for line in islice(of_file, size)]
                for column, of_file in lines.items()
            }
            if any(len(cells) != size for cells in batch.values()):
                raise DataError(f"{self.source} was changed while it was read")
            yield batch


def parallel_table(source: str, columns: Sequence[str]) -> ParallelTable | None:
    """Open parallel files, where `source` is no file itself and stands, with the names of columns behind it, for some.

    Raises:
        DataError: see `ParallelTable`.
    """
    is_meant = len({*columns}) > 1 and not is_file(source) and any(_file(source, name) for name in columns)
    return ParallelTable(source, columns) if is_meant else None


def parallel_columns(source: str, endings: Mapping[str, str | None]) -> dict[str, str]:
    """The columns of parallel files that are named by their languages; none where `source` stands for no such files.

    Args:
        endings: by field, the language that the name of its file ends in: `{"source": "en", "target": "de"}`.
    """
    columns = {field: ending for field, ending in endings.items() if ending}
    is_meant = len(columns) == len(endings) > 1 and not is_file(source)
    return columns if is_meant and any(_file(source, ending) for ending in columns.values()) else {}


def _file(source: str, ending: str) -> DataFile | None:
    """The file of a column, plain or compressed."""
    for name in (f"{source}.{ending}", f"{source}.{ending}.gz"):
        if is_file(name):
            return DataFile(Path(name), name)
    return None
