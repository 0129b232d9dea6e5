"""Tables of every format, and of folders that say what is in them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from seqcore.checkpoint import is_hub_id
from seqcore.data.delimited import DelimitedTable
from seqcore.data.hub import download
from seqcore.data.json_tables import JSONTable
from seqcore.data.parquet import ParquetTable
from seqcore.data.table import Batch, Table
from seqcore.data.text_files import DataFile, is_file
from seqcore.errors import DataError

FORMATS: Mapping[str, Callable[[DataFile], Table]] = {
    ".csv": DelimitedTable,
    ".tsv": DelimitedTable,
    ".json": JSONTable,
    ".jsonl": JSONTable,
    ".ndjson": JSONTable,
    ".parquet": ParquetTable,
}
_METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")


def open_table(source: str | Path, split: str = "train") -> Table:
    """Open a table; its values are not checked yet.

    Args:
        source: a file of `FORMATS`, which may be compressed (`.csv.gz`); a folder of images with a `metadata.csv`,
            `.jsonl` or `.parquet` in it; or a hub id (`owner/name`, and `owner/name:split` for another split).

    Raises:
        DataError: no such source, or it cannot be read; the message names the line where that can be said.
    """
    source = str(source)
    file = DataFile(Path(source), source)
    name, _, part = source.partition(":")
    if is_file(source):
        return open_file(file)
    if file.path.is_dir():
        return FolderTable(source)
    if file.suffix not in FORMATS and is_hub_id(name):
        return download(name, part or split)
    raise DataError(f"there is no file {source}{_beside(file.path)}")


def open_file(file: DataFile) -> Table:
    """Open a table of a file that is there.

    Raises:
        DataError: it is empty, of another format, or cannot be read.
    """
    if file.suffix not in FORMATS:
        raise DataError(
            f"{file.name}: files may be {', '.join(FORMATS)}, each also .gz, not {file.suffix or 'without an ending'}"
        )
    with file.reading():
        if not file.path.stat().st_size:
            raise DataError(f"{file.name} is empty")
    return FORMATS[file.suffix](file)


def _beside(path: Path) -> str:
    """What begins like a file that is not there, for a message."""
    try:
        names = sorted(one.name for one in path.parent.iterdir() if one.name.startswith(f"{path.name}."))
    except (OSError, ValueError):
        names = []
    if not names:
        return ""
    parallel = "; lines of two files that belong together are read by their languages, --source en --target de"
    return f", but {', '.join(names[:4])}{' …' if len(names) > 4 else ''}{parallel * (len(names) > 1)}"


class FolderTable(Table):
    """What the metadata files in a folder and in those within say of its images; the column `image` has their paths."""

    def __init__(self, source: str) -> None:
        files = sorted(path for name in _METADATA for path in Path(source).rglob(name) if path.is_file())
        if not files:
            raise DataError(f"{source} has no {' or '.join(_METADATA)} that says what its files are")
        self._tables = {path.parent: open_file(DataFile(path, str(path))) for path in files}
        names = dict.fromkeys(name for table in self._tables.values() for name in table.column_names)
        super().__init__(source, ["image", *(name for name in names if name not in {"file_name", "image"})])

    def __len__(self) -> int:
        return sum(map(len, self._tables.values()))

    def _batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        for folder, table in self._tables.items():
            own = {name: "file_name" if name == "image" else name for name in columns}
            present = [name for name in own.values() if name in table.column_names or name == "file_name"]
            for batch in table.batches(present):
                size = len(batch[present[0]])
                values = {name: batch.get(column, [None] * size) for name, column in own.items()}
                if "image" in values:
                    values["image"] = [str(folder / str(name)) if name else None for name in values["image"]]
                yield values
