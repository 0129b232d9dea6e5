"""Make training files of several labelled data sets: `seqcore corpus sentiment --help`."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqcore.data import read_rows
from seqcore.errors import DataError, SettingsError
from seqcore.recipes.corpora.parquet import write_rows

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Labelled:
    """A data set of texts with numbered labels.

    Attributes:
        name: what the file of its validation rows is called by.
        file: with the columns `text` and `label`.
        labels: what the numbers mean; rows of other numbers are left out.
        hold: texts to hold out for validation, or groups of them.
        group: a column of numbers; rows that share one are held out together, such as phrases of a sentence.
        whole: a column of truth values: only rows where it is true are validated on.
        unlabelled: more files, with the column `text`, for the language model alone.
        test: a file like the first, never trained on; what is whole in it is written with its labels' names.
    """

    name: str
    file: str
    labels: dict[int, str]
    hold: int
    group: str | None = None
    whole: str | None = None
    unlabelled: list[str] = field(default_factory=list)
    test: str | None = None

    def __post_init__(self) -> None:
        if self.hold < 1:
            raise SettingsError(f"{self.name}: hold must be at least 1, but is {self.hold}")


def build(sets: list[Labelled], output: str, seed: int = 1) -> None:
    """Write training and validation files for the language model and for the classifier.

    `train.parquet` and `validation.parquet` have the columns text and label, as `validation-NAME.parquet` and
    `test-NAME.parquet` of each set. `texts.parquet` and `texts-validation.parquet` have the column text, and hold
    unlabelled texts too. What is held out is in neither of the training files, wherever its text stands.

    Args:
        sets: what to read.
        output: folder to write to.
        seed: fixes what is held out.

    Raises:
        DataError: a file that cannot be read or written, lacks a column, or has too few rows to hold out.
    """
    folder = Path(output).expanduser()
    train: list[Row] = []
    checks: list[Row] = []
    texts: list[str] = []
    for labelled in sets:
        rest, held = split(labelled, random.Random(seed))
        held_texts = {row["text"] for row in held}
        train += [_named(labelled, row) for row in rest if row["label"] in labelled.labels]
        validation = _whole(labelled, held)
        checks += validation
        if labelled.test:
            write_rows(folder / f"test-{labelled.name}.parquet", _whole(labelled, _read(labelled, labelled.test)))
        texts += [row["text"] for row in rest if labelled.whole is None or row[labelled.whole]]
        for file in labelled.unlabelled:
            texts += [row["text"] for row in read_rows(file, {"text": str}) if row["text"] not in held_texts]
        write_rows(folder / f"validation-{labelled.name}.parquet", validation)
        print(f"{labelled.name}: {dict(sorted(Counter(row['label'] for row in validation).items()))} to validate on")
    random.Random(seed).shuffle(texts)
    write_rows(folder / "train.parquet", train)
    write_rows(folder / "validation.parquet", checks)
    write_rows(folder / "texts.parquet", [{"text": text} for text in texts])
    sample = random.Random(seed).sample(checks, min(500, len(checks)))
    write_rows(folder / "texts-validation.parquet", [{"text": row["text"]} for row in sample])
    counts = dict(sorted(Counter(row["label"] for row in train).items()))
    print(f"{counts} to train on, {len(texts):,} texts, in {folder}")


def split(labelled: Labelled, rng: random.Random) -> tuple[list[Row], list[Row]]:
    """The rows of a set to train on and those held out; no text is in both.

    Raises:
        DataError: a file that cannot be read, lacks a column, or has too few rows to hold out.
    """
    rows = _read(labelled, labelled.file)
    groups = [row[labelled.group] if labelled.group else row["text"] for row in rows]
    known = sorted(set(groups))
    if len(known) <= labelled.hold:
        raise DataError(f"{labelled.name}: {len(known)} are too few to hold {labelled.hold} of them out")
    chosen = set(rng.sample(known, labelled.hold))
    held = [row for row, group in zip(rows, groups, strict=True) if group in chosen]
    texts = {row["text"] for row in held if labelled.whole is None or row[labelled.whole]}
    rest = [row for row, group in zip(rows, groups, strict=True) if group not in chosen and row["text"] not in texts]
    return rest, held


def _read(labelled: Labelled, file: str) -> list[Row]:
    kinds = {"text": str, "label": int}
    kinds |= {labelled.group: int} if labelled.group else {}
    kinds |= {labelled.whole: bool} if labelled.whole else {}
    return read_rows(file, kinds)


def _whole(labelled: Labelled, rows: Sequence[Row]) -> list[Row]:
    whole = [row for row in rows if labelled.whole is None or row[labelled.whole]]
    return [_named(labelled, row) for row in whole if row["label"] in labelled.labels]


def _named(labelled: Labelled, row: Row) -> Row:
    return {"text": row["text"], "label": labelled.labels[row["label"]]}
