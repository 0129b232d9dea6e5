"""Tables of Parquet: the columns that are wanted, a batch of rows at a time."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from seqcore.data.arrow import Features, label_names, named_values
from seqcore.data.table import BATCH_ROWS, Batch, Table
from seqcore.data.text_files import DataFile
from seqcore.errors import DataError, first_line, require


class ParquetTable(Table):
    """A Parquet file; what `datasets` writes into it of the names of labels is used.

    Raises:
        DataError: it is no Parquet.
    """

    def __init__(self, file: DataFile) -> None:
        self.file = file
        with self._opened() as parquet:
            names, self._rows = parquet.schema_arrow.names, parquet.metadata.num_rows
            self._features = _features(parquet.schema_arrow.metadata or {})
        super().__init__(file.name, [*dict.fromkeys(names)], label_names(self._features))

    def __len__(self) -> int:
        return self._rows

    def record_batches(self) -> Iterator[Any]:
        """All columns as Arrow has them, a few thousand rows at a time."""
        with self._opened() as parquet:
            yield from parquet.iter_batches(BATCH_ROWS)

    def _batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        with self._opened() as parquet:
            batches = parquet.iter_batches(BATCH_ROWS, columns=columns)
            yield from named_values(self.source, batches, columns, self._features)

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        parquet = require("pyarrow.parquet", "reading Parquet files needs", "train")
        with self.file.reading(), self.file.open() as file:
            try:
                yield parquet.ParquetFile(file)
            except (DataError, GeneratorExit):
                raise
            except Exception as error:  # Those of Arrow are of many kinds.
                raise DataError(f"{self.file.name} cannot be read: {first_line(error)}") from error


def _features(metadata: dict[bytes, bytes]) -> Features:
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return {}
    return features if isinstance(features, dict) else {}
