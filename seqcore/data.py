"""Rows in: read a file or a hub id, rename and check columns."""

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqcore.checkpoint import is_hub_id, is_hub_reachable
from seqcore.errors import DataError, first_line, require
from seqcore.table_files import check_file, delimiting

FORMATS = {".csv": "csv", ".tsv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet"}

Row = Mapping[str, Any]


def read_rows(
    source: str,
    fields: Mapping[str, type],
    columns: Mapping[str, str] | None = None,
    split: str = "train",
    optional: Mapping[str, type] | None = None,
) -> list[Row]:
    """Read every row of a data set and check it, so that a wrong one is found before any work begins.

    Args:
        source: a CSV, TSV, JSON lines or Parquet file, or a Hugging Face `datasets` id (`owner/name`, and
            `owner/name:split` for another split than `split`).
        fields: what each row must have, and of which type: `str`, `int`, `float` (which a whole number is, too),
            `list`, `dict`, or `object` for any.
        columns: where a field has another name in the file, `{"source": "en"}`; such a column must be there.
        optional: what rows may have besides.

    Raises:
        DataError: no such file, not readable, no rows, or a column or a value missing or of another type; the
            message names the row (from 1) and the column.
    """
    names = {field: (columns or {}).get(field, field) for field in (*fields, *(optional or {}))}
    kinds = {**fields, **(optional or {})}
    table = open_table(source, split, [names[field] for field, kind in kinds.items() if kind is str])
    for field in names:
        is_needed = field in fields or names[field] != field  # Whoever names a column counts on it.
        if is_needed and names[field] not in table.column_names:
            raise missing_column(source, names[field], field, table.column_names)
    if not len(table):
        raise DataError(f"{source} has no rows")
    columns_by_field = {field: table[name][:] for field, name in names.items() if name in table.column_names}
    for field, values in columns_by_field.items():
        for number, value in enumerate(values, 1):
            kind = float | int if kinds[field] is float else kinds[field]  # A file says 1 where 1.0 is meant.
            is_right = field not in fields if value is None else isinstance(value, kind)
            if is_right:
                continue
            fault = "is empty" if value is None else f"holds {type(value).__name__}, not {kinds[field].__name__}"
            raise DataError(f"{source}, row {number}: column {names[field]!r} {fault}")
    return [dict(zip(columns_by_field, values, strict=True)) for values in zip(*columns_by_field.values(), strict=True)]


def filled(rows: Sequence[Row], values: Mapping[str, str], source: str) -> list[Row]:
    """Give rows the values of fields that they do not have.

    Args:
        source: where the rows are from, for messages.

    Raises:
        DataError: a row has another value; the message names the row (from 1).
    """
    filled_rows: list[Row] = []
    for number, row in enumerate(rows, 1):
        for field, value in values.items():
            if row.get(field) not in {None, "", value}:
                raise DataError(f"{source}, row {number}: {field} is {row[field]!r}, but {value!r} was asked for")
        filled_rows.append({**row, **values})
    return filled_rows


class PartOfRows(list[Row]):
    """Some rows of a source, which know their numbers there, from 1: messages name them so."""

    def __init__(self, rows: Sequence[Row], places: Sequence[int]) -> None:
        super().__init__(rows[place] for place in places)
        self.numbers = [place + 1 for place in places]


def row_number(rows: Sequence[Row], place: int) -> int:
    """The number, from 1, that the row at a place of a list has in its source."""
    return rows.numbers[place] if isinstance(rows, PartOfRows) else place + 1


def hold_out(rows: Sequence[Row], count: int, seed: int) -> tuple[list[Row], list[Row], list[int]]:
    """Split off `count` rows at random: the rest, those held out, and their row numbers (from 0, sorted).

    Both parts know the numbers that their rows had: see `row_number`.

    Raises:
        DataError: not more than `count` rows.
    """
    if len(rows) <= count:
        raise DataError(f"{len(rows)} rows are too few to hold {count} of them out")
    numbers = sorted(random.Random(seed).sample(range(len(rows)), count))
    rest = sorted({*range(len(rows))}.difference(numbers))
    return PartOfRows(rows, rest), PartOfRows(rows, numbers), numbers


def is_file(path: str | Path) -> bool:
    """Whether there is such a file; what no file can be called, such as a name that is too long, is none."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def missing_column(source: str, column: str, field: str, present: Sequence[str]) -> DataError:
    """The error to raise where a table lacks the column of a field."""
    advice = f"Say which one to use with --columns.{field} NAME."
    return DataError(f"{source} has no column {column!r}; it has: {', '.join(present)}. {advice}")


def undecoded(table: Any, column: str) -> Any:
    """A table whose images or videos are as they are in their files, which is checked when they are opened."""
    feature = table.features[column]
    return table.cast_column(column, type(feature)(decode=False)) if hasattr(feature, "decode") else table


def file_or_bytes(value: Any, folder: Path, place: str, kind: str) -> str | bytes:
    """What a table says of an image or a video: its path, or what its file holds.

    Args:
        folder: where relative paths begin.
        place: the row, for messages.
        kind: `an image` or `a video`.

    Raises:
        DataError: it is neither, or there is no such file.
    """
    if isinstance(value, dict):
        path = value.get("path")
        value = path if isinstance(path, str) and is_file(path) else value.get("bytes") or path
    if isinstance(value, bytes) and value:
        return value
    name = kind.split()[1]
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{place}: the {name} must be a path or {kind}, not {type(value).__name__}")
    if not is_file(folder / value):
        raise DataError(f"{place}: there is no {name} {folder / value}")
    return str(folder / value)


def open_table(source: str, split: str = "train", texts: Sequence[str] = ()) -> Any:
    """Open a `datasets` table of a file, of a folder of images, or of a hub id; its rows are not checked.

    Args:
        texts: columns of a CSV or TSV file that are text whatever they look like.

    Raises:
        DataError: no such source, or it cannot be read.
    """
    datasets = require("datasets", "reading data needs", "train")
    datasets.disable_progress_bars()
    path = Path(source)
    suffix = path.suffix.lower()
    name, _, part = source.partition(":")
    if not path.exists() and suffix not in FORMATS and is_hub_id(name):
        return _download(name, part or split)
    if path.is_dir():
        for file in sorted((*path.rglob("metadata.csv"), *path.rglob("metadata.jsonl"))):
            if file.is_file():
                check_file(file)
        return _load(source, "imagefolder", data_dir=str(path), split="train")
    if not path.is_file():
        raise DataError(f"there is no file {source}")
    if suffix not in FORMATS:
        raise DataError(f"{source}: files may be {', '.join(FORMATS)}, not {suffix or 'without an ending'}")
    if not path.stat().st_size:
        raise DataError(f"{source} is empty")
    check_file(path)
    options = delimiting(suffix)
    if suffix in {".csv", ".tsv"}:
        # "NA" and "null" are words, and so is "12" in a column of text.
        options |= {"keep_default_na": False, "converters": dict.fromkeys(texts, str)}
    return _load(source, FORMATS[suffix], data_files=str(path), split="train", **options)


def _download(name: str, split: str):  # type: ignore[no-untyped-def]
    """Open a data set of the hub; without a network, what was downloaded before."""
    if is_hub_reachable():
        return _load(name, name, split=split)
    try:
        return _table_of(name, lambda: _downloaded_before(name, split))
    except DataError as error:
        raise DataError(
            f"{name} is no file here and was not downloaded before, and the hub cannot be reached: look at the "
            "network, or fetch the data elsewhere and name its CSV, TSV, JSON lines or Parquet file"
        ) from error


def _downloaded_before(name: str, split: str):  # type: ignore[no-untyped-def]
    """Open what `load_dataset` itself falls back on without a network, after it has tried again and again.

    To turn `HF_HUB_OFFLINE` on for a moment would do, too, but for every thread of a server.
    """
    from datasets.packaged_modules.cache.cache import Cache

    builder = Cache(repo_id=name, dataset_name=name.rpartition("/")[2], version="auto", hash="auto")
    builder.download_and_prepare()
    return builder.as_dataset(split=split)


def _load(source: str, *arguments: Any, **options: Any):  # type: ignore[no-untyped-def]
    import datasets

    return _table_of(source, lambda: datasets.load_dataset(*arguments, **options))


def _table_of(source: str, load: Callable[[], Any]):  # type: ignore[no-untyped-def]
    try:
        table = load()
        table.data.table.validate(full=True)  # Of Parquet files nobody else looks whether texts are UTF-8.
        return table
    except Exception as error:  # Readers of `datasets` raise errors of many kinds.
        if "corresponds to no data" in str(error):
            raise DataError(f"{source} has no rows") from error
        raise DataError(f"{source} cannot be read: {first_line(error.__cause__ or error)}") from error
