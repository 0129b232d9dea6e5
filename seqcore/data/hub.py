"""Data sets of the Hugging Face hub, by the `datasets` library."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from seqcore.checkpoint import is_hub_reachable
from seqcore.data.arrow import label_names, named_values
from seqcore.data.table import BATCH_ROWS, Batch, Table
from seqcore.errors import DataError, first_line, require


class HubTable(Table):
    """A table of `datasets`; images and films are as they are in their files, `{path, bytes}`."""

    def __init__(self, source: str, table: Any) -> None:
        self._table = table.with_format("arrow")
        self._features = table.features.to_dict()
        super().__init__(source, table.column_names, label_names(self._features))

    def __len__(self) -> int:
        return len(self._table)

    def _batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        chosen = self._table.select_columns([*columns])
        tables = (chosen[start : start + BATCH_ROWS] for start in range(0, len(self), BATCH_ROWS))
        batches = (batch for table in tables for batch in table.to_batches())
        yield from named_values(self.source, batches, columns, self._features)


def download(name: str, split: str) -> HubTable:
    """Open a data set of the hub; without a network, what was downloaded before.

    Args:
        name: `owner/name`.

    Raises:
        DataError: there is none, or it cannot be had.
    """
    datasets = require("datasets", "reading data of the hub needs", "train")
    datasets.disable_progress_bars()
    if is_hub_reachable():
        return _table(name, lambda: datasets.load_dataset(name, split=split))
    try:
        return _table(name, lambda: _downloaded_before(name, split))
    except DataError as error:
        raise DataError(
            f"{name} is no file here and was not downloaded before, and the hub cannot be reached: look at the "
            "network, or fetch the data elsewhere and name its CSV, TSV, JSON lines or Parquet file"
        ) from error


def _downloaded_before(name: str, split: str) -> Any:
    """Open what `load_dataset` itself falls back on without a network, after it has tried again and again.

    To turn `HF_HUB_OFFLINE` on for a moment would do, too, but for every thread of a server.
    """
    from datasets.packaged_modules.cache.cache import Cache

    builder = Cache(repo_id=name, dataset_name=name.rpartition("/")[2], version="auto", hash="auto")
    builder.download_and_prepare()
    return builder.as_dataset(split=split)


def _table(source: str, load: Callable[[], Any]) -> HubTable:
    try:
        return HubTable(source, load())
    except Exception as error:  # Readers of `datasets` raise errors of many kinds.
        if "corresponds to no data" in str(error):
            raise DataError(f"{source} has no rows") from error
        raise DataError(f"{source} cannot be read: {first_line(error.__cause__ or error)}") from error
