"""Tables of delimited rows: CSV, TSV and their kin."""

import csv
from collections.abc import Iterator, Sequence
from operator import itemgetter

from seqcore.data.surveys import Fault, choose_dialect
from seqcore.data.table import Batch, Table, in_batches, named_once
from seqcore.data.text_files import DataFile, PlaceError
from seqcore.errors import DataError


class DelimitedTable(Table):
    """A CSV or TSV file; each value is the text that stands there.

    Attributes:
        file: where it is.
        dialect: how it is written.
        header: the names of its columns as they stand there; `column_names` are without blanks around them.

    Raises:
        DataError: it is empty or no UTF-8, or a row is not as the header, or a quote was left open; the message names
            the line and the row.
    """

    has_types = False

    def __init__(self, file: DataFile) -> None:
        self.file = file
        survey = choose_dialect(file.lines, file.suffix == ".tsv")
        if survey.fault:
            raise self._error(survey.fault)
        if not survey.header:
            raise DataError(f"{file.name} is empty")
        self.dialect, self.header, self._rows = survey.dialect, tuple(survey.header), survey.rows
        super().__init__(file.name, named_once([name.strip() for name in self.header]))

    def __len__(self) -> int:
        return self._rows

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """All cells of each row under the header, and the number of the line that it ends on."""
        line = 0

        def counted() -> Iterator[str]:
            nonlocal line
            for line, text in enumerate(self.file.lines(), 1):
                if line > 1 or not self.dialect.has_separator_line:
                    yield text

        rows = filter(None, self.dialect.rows(counted()))
        try:
            width = len(next(rows, []))
            for row in rows:
                if len(row) != width:
                    raise DataError(f"{self.source} was changed while it was read")
                yield line, row
        except csv.Error as error:
            raise DataError(f"{self.source} was changed while it was read: {error}") from error

    def _batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        places = {name: itemgetter(self.column_names.index(name)) for name in columns}
        yield from in_batches((cells for _, cells in self.rows()), places)

    def _error(self, fault: Fault) -> PlaceError:
        return PlaceError(self.file.name, fault.what, fault.row or None, fault.line)
