"""Tables of every format, opened by the name of their file, and those of the hub."""

from collections.abc import Callable, Mapping
from pathlib import Path

from seqcore.checkpoint import is_hub_id
from seqcore.data.delimited import DelimitedTable
from seqcore.data.hub import download
from seqcore.data.json_tables import JSONTable
from seqcore.data.parquet import ParquetTable
from seqcore.data.table import Table
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


def open_table(source: str | Path, split: str = "train") -> Table:
    """Open a table; its values are not checked yet.

    Args:
        source: a file of `FORMATS`, which may be compressed (`.csv.gz`); or a hub id (`owner/name`, and
            `owner/name:split` for another split).

    Raises:
        DataError: no such source, or it cannot be read; the message names the line where that can be said.
    """
    source = str(source)
    file = DataFile(Path(source), source)
    name, _, part = source.partition(":")
    if is_file(source):
        return open_file(file)
    if file.path.is_dir():
        raise DataError(f"{source} is a folder, and no table: name a file in it")
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
