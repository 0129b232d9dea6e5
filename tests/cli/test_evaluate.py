"""`seqcore evaluate` on people's own tables: labels and directions are understood rightly, or refused."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_sentiment import tiny_checkpoint
from training_runs import write_csv

from seqcore.cli import main
from seqcore.tasks.translation import Translator, TranslatorConfig

LOVED, HATED = "It was a lovely and moving film.", "It was a boring and awful film."


@pytest.fixture(scope="module")
def sentiment(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_checkpoint(tmp_path_factory.mktemp("sentiment") / "model"))


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An untrained translator of three directions."""
    torch.manual_seed(0)
    config = TranslatorConfig(
        ("en-de", "en-fr", "fr-en"), 300, 8, encoder_hidden_size=8, decoder_hidden_size=8, max_target_length=9
    )
    folder = tmp_path_factory.mktemp("translator") / "model"
    Translator.create(config, [{"source": "a dog runs", "target": "un chien court"}] * 20).save_pretrained(folder)
    return str(folder)


def scored(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[dict[str, Any], list[str]]:
    """The JSON of an evaluation, and the lines on standard error."""
    assert main(["evaluate", *map(str, arguments)]) == 0
    printed = capsys.readouterr()
    return dict(json.loads(printed.out)), printed.err.splitlines()


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert main(["evaluate", *map(str, arguments)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err.splitlines()[-1]


def labelled(path: Path, labels: Sequence[str]) -> Path:
    return write_csv(path, [{"text": [HATED, LOVED][n % 2], "label": label} for n, label in enumerate(labels)])


def test_numbers_that_stand_for_labels_are_said(
    sentiment: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = labelled(tmp_path / "numbers.csv", ["0", "1"] * 5)
    scores, lines = scored(capsys, sentiment, file)
    assert lines == [f"warning: {file}: labels 0 and 1 are taken for negative and positive"]
    assert (scores["accuracy"], scores["rows"]) == (100, 10)
    assert scores["columns"] == {"text": "text", "label": "label"}
    scores, lines = scored(capsys, sentiment, labelled(tmp_path / "names.csv", ["negative", " positive "] * 5))
    assert (scores["accuracy"], lines) == (100, [])


def test_labels_of_one_class_alone_are_scored(
    sentiment: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_csv(tmp_path / "one.csv", [{"text": LOVED, "label": "1"}] * 3)
    assert scored(capsys, sentiment, file)[0]["confusion"] == [[0, 0], [0, 3]]


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (["1", "2"], "row 2 of {}: '2' is no label of this model, which knows negative, positive"),
        (["0", "1", "positive"], "row 3 has 'positive'"),
        (["False", "True"], "row 1 of {}: 'False' is no label of this model, which knows negative, positive; nor is"),
        (["negative", ""], "row 2 of {} has no label"),
        (["positive", "negative"] * 500 + ["neutral"], "row 1001 of {}: 'neutral' is no label"),
        (["['positive']", "negative"], "row 1 of {}: the label is a list"),
    ],
)  # fmt: skip
def test_labels_that_cannot_be_the_models_are_refused(
    labels: list[str], says: str, sentiment: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = labelled(tmp_path / "labels.csv", labels)
    assert says.format(file) in refused(capsys, sentiment, file)


def test_truth_values_of_a_parquet_file_are_no_places(
    sentiment: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import pandas  # type: ignore[import-untyped]

    file = tmp_path / "labels.parquet"
    for labels, says in (([True, False], "'True' is no label"), ([1.5, 0.0], "'1.5' is no label")):
        pandas.DataFrame({"text": [LOVED, HATED], "label": labels}).to_parquet(file)
        assert says in refused(capsys, sentiment, file)
    for labels in ([1.0, 0.0], [1, 0], ["positive", "negative"]):  # type: ignore[assignment]
        pandas.DataFrame({"text": [LOVED, HATED], "label": labels}).to_parquet(file)
        assert scored(capsys, sentiment, file)[0]["accuracy"] == 100


def test_names_that_come_with_the_numbers_of_a_file_are_used(
    sentiment: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import datasets  # type: ignore[import-untyped]

    text, file = datasets.Value("string"), tmp_path / "named.parquet"
    for names, accuracy in ((["positive", "negative"], 100), (["negative", "positive"], 0), (["pos", "neg"], None)):
        features = datasets.Features({"text": text, "label": datasets.ClassLabel(names=names)})
        rows = {"text": [LOVED, HATED], "label": [0, 1]}
        datasets.Dataset.from_dict(rows, features=features).to_parquet(str(file))
        if accuracy is None:
            assert "'pos' is no label of this model" in refused(capsys, sentiment, file)
        else:
            assert scored(capsys, sentiment, file)[0]["accuracy"] == accuracy


# Translators

PAIRS = [("A dog runs.", "Un chien court."), ("Two men.", "Deux hommes.")]


def test_columns_called_by_languages_say_the_direction(
    translator: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_csv(tmp_path / "pairs.csv", [{"en": english, "fr": french} for english, french in PAIRS])
    for source, target in (("en", "fr"), ("fr", "en")):
        columns = ("--columns.source", source, "--columns.target", target)
        scores, _ = scored(capsys, translator, file, *columns)
        named, _ = scored(capsys, translator, file, *columns, "--source", source, "--target", target)
        assert scores["directions"] == named["directions"] == [f"{source}-{target}"]
        assert scores["columns"] == {"source": source, "target": target}
        assert (scores["rows"], scores["bleu"], scores["chrf"]) == (2, named["bleu"], named["chrf"])
    capitals = write_csv(tmp_path / "capitals.csv", [{"EN": english, "FR": french} for english, french in PAIRS])
    scores, _ = scored(capsys, translator, capitals, "--columns.source", "FR", "--columns.target", "EN")
    assert scores["directions"] == ["fr-en"]


def test_rows_that_leave_the_direction_open_are_refused_as_in_training(
    translator: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_csv(tmp_path / "pairs.csv", [{"source": english, "target": french} for english, french in PAIRS])
    assert "the model knows en-de, en-fr, fr-en, and no row does say" in refused(capsys, translator, file)
    assert "--source and --target" in refused(capsys, translator, file, "--source", "en")
    only = scored(capsys, translator, file, "--source", "fr")[0]
    assert only["directions"] == ["fr-en"]
    assert scored(capsys, translator, file, "--target", "fr")[0]["directions"] == ["en-fr"]
    assert "does not translate from 'de' to 'en'" in refused(
        capsys, translator, file, "--source", "de", "--target", "en"
    )
    columns = ("--columns.source", "de", "--columns.target", "en")
    renamed = write_csv(tmp_path / "de.csv", [{"de": "Ein Hund", "en": "A dog"}])
    assert "does not translate from 'de' to 'en'" in refused(capsys, translator, renamed, *columns)


def test_each_direction_of_a_file_is_scored_and_named(
    translator: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ways = [("en", "fr"), ("fr", "en")]
    rows = [
        {"source": pair[way], "target": pair[1 - way], "source_lang": ways[way][0], "target_lang": ways[way][1]}
        for pair in PAIRS
        for way in range(2)
    ]
    file = write_csv(tmp_path / "pairs.csv", rows)
    scores, _ = scored(capsys, translator, file)
    assert scores["directions"] == ["en-fr", "fr-en"]
    assert scores["chrf"] == pytest.approx((scores["chrf_en-fr"] + scores["chrf_fr-en"]) / 2, abs=1e-3)
    rows[1]["source_lang"] = ""
    assert "some rows do not say of which languages" in refused(capsys, translator, write_csv(file, rows))


def test_empty_sentences_are_warned_of(translator: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [*PAIRS, ("A cat.", ""), (" ", "Un chat."), ("", "")]
    file = write_csv(tmp_path / "pairs.csv", [{"en": english, "fr": french} for english, french in pairs])
    scores, lines = scored(capsys, translator, file, "--columns.source", "en", "--columns.target", "fr")
    assert scores["rows"] == 5
    assert lines == [
        f"warning: {file}: 2 of 5 rows have an empty source: rows 4, 5",
        f"warning: {file}: 2 of 5 rows have an empty target: rows 3, 5",
    ]


def test_the_library_refuses_an_open_direction_too(translator: str) -> None:
    from seqcore.errors import SettingsError

    task = Translator.from_pretrained(translator, device="cpu")
    rows = [{"source": english, "target": french} for english, french in PAIRS]
    with pytest.raises(SettingsError, match="the model knows en-de, en-fr, fr-en"):
        task.evaluate(rows, beam_size=1)
    assert task.evaluate(rows, source="en", target="fr", beam_size=1)["directions"] == ["en-fr"]
