"""Training files of labelled data sets: what is held out stays out, and numbers get their names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas  # type: ignore[import-untyped]
import pytest

from seqcore.errors import DataError, SettingsError
from seqcore.recipes.corpora.sentiment import Labelled, build

NAMES = {0: "bad", 2: "good"}


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    pandas.DataFrame(rows).to_parquet(path)
    return str(path)


def read(path: Path) -> list[Mapping[str, Any]]:
    return [dict(row) for row in pandas.read_parquet(path).to_dict("records")]


@pytest.fixture
def phrases(tmp_path: Path) -> str:
    """Ten sentences with two phrases each; one phrase stands in all of them."""
    rows = []
    for number in range(10):
        whole = {"sentence": number, "text": f"It is {number} good .", "label": number % 3, "is_sentence": True}
        rows += [whole, {**whole, "text": f"is {number}", "is_sentence": False}]
        rows.append({**whole, "text": "good", "label": 2, "is_sentence": False})
    return write(tmp_path / "phrases.parquet", rows)


@pytest.fixture
def reviews(tmp_path: Path) -> str:
    rows = [{"text": f"review {number % 20}", "label": 2 * (number % 2)} for number in range(30)]
    return write(tmp_path / "reviews.parquet", rows)


def test_whole_groups_are_held_out_and_whole_texts_validated(phrases: str, tmp_path: Path) -> None:
    build([Labelled("sst", phrases, NAMES, 3, "sentence", "is_sentence", test=phrases)], str(tmp_path / "out"))
    train, held = read(tmp_path / "out" / "train.parquet"), read(tmp_path / "out" / "validation-sst.parquet")
    numbers = {row["text"].split()[2] for row in held}
    assert all(row["text"].endswith(".") for row in held)
    assert all(row["label"] in NAMES.values() for row in [*train, *held])
    assert not any(row["text"] in {f"is {number}", f"It is {number} good ."} for row in train for number in numbers)
    assert sum(row["text"] == "good" for row in train) == 7  # a phrase of other sentences too is no secret
    assert len(read(tmp_path / "out" / "test-sst.parquet")) == 7  # of ten sentences, three have another label


@pytest.mark.parametrize("seed", range(4))
def test_no_text_that_is_held_out_is_trained_on(seed: int, reviews: str, phrases: str, tmp_path: Path) -> None:
    more = write(tmp_path / "more.parquet", [{"text": f"review {number}"} for number in range(40)])
    sets = [
        Labelled("imdb", reviews, NAMES, 5, unlabelled=[more]),
        Labelled("sst", phrases, NAMES, 2, "sentence", "is_sentence"),
    ]
    build(sets, str(tmp_path / "out"), seed)
    held = {row["text"] for row in read(tmp_path / "out" / "validation.parquet")}
    train = {row["text"] for row in read(tmp_path / "out" / "train.parquet")}
    texts = {row["text"] for row in read(tmp_path / "out" / "texts.parquet")}
    assert not held & (train | texts)
    assert {f"review {number}" for number in range(20, 40)} <= texts
    assert {row["text"] for row in read(tmp_path / "out" / "texts-validation.parquet")} <= held


def test_what_cannot_be_held_out_is_named(reviews: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="imdb: 20 are too few to hold 20 of them out"):
        build([Labelled("imdb", reviews, NAMES, 20)], str(tmp_path / "out"))
    with pytest.raises(SettingsError, match="hold must be at least 1"):
        Labelled("imdb", reviews, NAMES, 0)
    with pytest.raises(DataError, match="cannot be written"):
        build([Labelled("imdb", reviews, NAMES, 5)], "/proc/nowhere")
