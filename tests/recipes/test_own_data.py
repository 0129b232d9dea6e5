"""Training on people's own tables: labels that are understood, rows that are held out, and what is warned of."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from training_runs import finish, made_up_rows, refused, write_csv

from seqcore.errors import DataError
from seqcore.recipes.sentiment import SentimentRecipe
from seqcore.recipes.translation import TranslationRecipe
from seqcore.tasks.sentiment import SentimentClassifier, SentimentConfig
from seqcore.tasks.translation import TranslatorConfig
from seqcore.training import TrainingSettings

MODEL = SentimentConfig(vocab_size=340, embedding_size=4, hidden_size=4, num_layers=1, head_size=4)
TINY = {
    "model.vocab_size": 340, "model.embedding_size": 8, "model.hidden_size": 8, "model.head_size": 4,
    "training.batch_tokens": 200, "training.precision": "32-true", "training.accelerator": "cpu", "training.threads": 1,
    "training.epochs": 1, "training.average": 1, "training.progress": "false",
}  # fmt: skip

CHECKPOINTS = {
    "polar": ("negative", "positive"),
    "stars": ("1", "2", "3", "4", "5"),
    "halves": ("0.5", "1.0", "1.5", "2.0"),
}


def reviews(labels: Sequence[Any]) -> list[dict[str, Any]]:
    return [{"text": f"number {number} was {label}, I think", "label": label} for number, label in enumerate(labels)]


def stars(*labels: Any, count: int = 60) -> list[dict[str, Any]]:
    return reviews([labels[number % len(labels)] for number in range(count)])


def write_json(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read(path: Path, **options: Any) -> tuple[Any, SentimentRecipe]:
    """What a recipe does before it trains, and the recipe."""
    recipe = SentimentRecipe(train=str(path), output=str(path.with_suffix("")), **{"model": MODEL, **options})
    recipe.check()
    rows, validation = recipe.read()
    task = recipe.make_task(rows, validation)
    recipe.examine(task, rows, validation)
    return (task, rows, validation), recipe


def labels_after(path: Path, **options: Any) -> tuple[str, ...]:
    labels: tuple[str, ...] = read(path, **options)[0][0].config.labels
    return labels


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Untrained checkpoints of several labels."""
    folder = tmp_path_factory.mktemp("checkpoints")
    texts = [{"text": row["text"]} for row in stars("good", "bad")]
    for name, labels in CHECKPOINTS.items():
        SentimentClassifier.create(replace(MODEL, labels=labels), texts).save_pretrained(folder / name)
    return {name: str(folder / name) for name in CHECKPOINTS}


@pytest.mark.parametrize(
    ("init", "data", "labels", "says"),
    [
        ("polar", ["negative", "positive"], ("negative", "positive"), ""),
        ("polar", ["0", "1"], ("negative", "positive"), "labels 0 and 1 are taken for negative and positive"),
        ("polar", ["Positive", "Negative"], ("negative", "positive"), "labels Positive and Negative are taken for"),
        ("polar", ["0", "1", "2"], ("0", "1", "2"), "labels are learned anew: 0, 1, 2"),
        ("polar", ["pos", "neg"], ("neg", "pos"), "'pos' is no label of this model"),
        ("polar", ["0", "1", "positive"], ("0", "1", "positive"), "names labels and counts them"),
        ("stars", ["0", "1", "2", "3", "4"], ("0", "1", "2", "3", "4"), "row 1 of training: '0' is no label"),
        ("stars", ["1.0", "5.0"], ("1", "2", "3", "4", "5"), "labels 1.0 and 5.0 are taken for 1 and 5"),
        ("halves", ["1", "2"], ("0.5", "1.0", "1.5", "2.0"), "labels 1 and 2 are taken for 1.0 and 2.0"),
        ("halves", ["1", "2", "3"], ("1", "2", "3"), "'3' is no label of this model, which knows 0.5, 1.0"),
    ],
)  # fmt: skip
def test_a_checkpoints_labels_stay_where_they_are_those_of_the_data(
    init: str,
    data: list[str],
    labels: tuple[str, ...],
    says: str,
    checkpoints: dict[str, str],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    checks = write_csv(tmp_path / "checks.csv", stars(*data, count=len(data)))
    file = write_csv(tmp_path / "train.csv", stars(*data))
    assert labels_after(file, init=checkpoints[init], validation=str(checks)) == labels
    printed = "".join(capfd.readouterr())
    assert says in printed
    assert ("learned anew" in printed) == (labels != CHECKPOINTS[init])


@pytest.mark.parametrize(
    ("data", "labels", "says"),
    [
        (["1", "1.0", "2"], ("1", "2"), "label 1.0 is taken for 1"),
        ([" good", "good ", "bad"], ("bad", "good"), "labels: good "),
        (["Good", "good"], ("Good", "good"), "labels that differ only in capitals are learned as different ones"),
        (["a|b", "a"], ("a", "a|b"), "--model.multi-label true: a|b"),
        (["01", "02"], ("01", "02"), "labels: 0"),
        (["NA", "null", "None"], ("NA", "None", "null"), "labels: "),
    ],
)  # fmt: skip
def test_new_labels_are_those_of_the_file(
    data: list[str], labels: tuple[str, ...], says: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert labels_after(write_csv(tmp_path / "train.csv", stars(*data))) == labels
    assert says in "".join(capfd.readouterr())


def test_lists_of_labels_are_trained_where_several_are_meant(tmp_path: Path) -> None:
    several = replace(MODEL, multi_label=True)
    lists = write_json(tmp_path / "lists.jsonl", stars(["b", "a"], ["c"], [], None, "a|c"))
    assert labels_after(lists, model=several) == ("a", "b", "c")
    with pytest.raises(DataError, match=r"row 1 of training: the label is a list.*--model.multi-label true"):
        read(lists)
    numbers = write_json(tmp_path / "numbers.jsonl", stars(0, 1, [2, 0], False))
    task, rows, _ = read(numbers, model=several)[0]
    assert task.config.labels == ("0", "1", "2", "False")
    assert all(sum(task.class_number(row["label"])) >= 1 for row in rows)
    with pytest.raises(DataError, match="no column 'tags'"):
        read(numbers, model=several, columns={"label": "tags"})
    text = write_csv(tmp_path / "text.csv", stars("0", "1 | 2", "", "['1', '0']"))
    task, rows, _ = read(text, model=several)[0]
    assert task.config.labels == ("0", "1", "2")
    assert {sum(task.class_number(row["label"])) for row in rows} == {0, 1, 2}


def test_a_row_without_a_label_is_named_before_rows_are_held_out(tmp_path: Path) -> None:
    rows = stars("good", "bad")
    for write, missing in ((write_csv, " "), (write_json, None), (write_json, "")):
        rows[41]["label"] = missing
        with pytest.raises(DataError, match="row 42 of training has no label"):
            read(write(tmp_path / "train", rows).rename(tmp_path / f"train.{write.__name__.split('_')[1]}"))


def test_rare_labels_stay_in_training_and_that_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = write_json(tmp_path / "train.jsonl", reviews(["good", "bad"] * 10 + ["so-so", "odd", "1", "1.0"]))
    spared = 0
    for seed in range(30):
        (task, rows, validation), _ = read(file, training=TrainingSettings(seed=seed), hold=8)
        assert task.config.labels[1:] == ("bad", "good", "odd", "so-so")
        assert {"good", "bad", "so-so", "odd"} < {row["label"] for row in rows}
        printed = capfd.readouterr().out
        numbers = ", ".join(map(str, validation.numbers))
        assert f"held out for validation: row{'s' * (len(validation) > 1)} {numbers}\n" in printed
        spared += "kept in training, as the only ones of their class there: row" in printed
    assert 0 < spared < 30


def test_rows_that_are_trained_and_validated_on_are_warned_of(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = stars("good", "bad")
    again = [{"text": f" {row['text']}", "label": row["label"]} for row in (rows[3], rows[9])]
    checks = write_csv(tmp_path / "checks.csv", [*stars("bad", "good", count=2), *again, {**rows[0], "text": ""}])
    read(write_csv(tmp_path / "train.csv", rows), validation=str(checks))
    lines = capfd.readouterr().err.splitlines()
    assert "warning: 2 of 5 validation rows also stand in training: rows 3, 4" in lines
    assert "warning: validation: 1 of 5 rows have an empty text: row 5" in lines


def test_incomplete_pairs_are_left_out_and_repeated_ones_warned_of(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pairs = made_up_rows(40)
    pairs[3]["target"], pairs[7]["source"], pairs[9] = "", " ", dict(pairs[8])
    checks = write_csv(tmp_path / "checks.csv", [pairs[30], {"source": "a cat", "target": ""}, pairs[31]])
    file = write_csv(tmp_path / "train.csv", pairs)
    sizes = {"vocab_size": 300, "embedding_size": 8, "encoder_hidden_size": 8, "decoder_hidden_size": 8}
    model = TranslatorConfig(**sizes)  # type: ignore[arg-type]
    recipe = TranslationRecipe(train=str(file), output=str(tmp_path / "run"), validation=str(checks), model=model)
    rows, validation = recipe.read()
    recipe.examine(recipe.make_task(rows, validation), rows, validation)
    assert (len(rows), len(validation)) == (38, 2)
    printed = capfd.readouterr()
    assert printed.err.splitlines() == [
        f"warning: {file}: 2 of 40 pairs are left out, for their source or target is empty: rows 4, 8",
        f"warning: {checks}: 1 of 3 pairs are left out, for their source or target is empty: row 2",
        "warning: 2 of 2 validation rows also stand in training: rows 1, 3",
    ]
    rest, held = TranslationRecipe(train=str(file), output=str(tmp_path / "run"), model=model).read()
    assert not {4, 8} & {*rest.numbers, *held.numbers}  # type: ignore[attr-defined]
    assert [pairs[number - 1]["source"] for number in held.numbers] == [row["source"] for row in held]  # type: ignore[attr-defined]


def test_the_only_pair_of_a_direction_is_trained_on(tmp_path: Path) -> None:
    pairs = [{**pair, "source_lang": "en", "target_lang": "de"} for pair in made_up_rows(8)]
    pairs[5] |= {"source_lang": "de", "target_lang": "en"}
    file = write_csv(tmp_path / "train.csv", pairs)
    for seed in range(9):
        recipe = TranslationRecipe(train=str(file), output="-", hold=4, training=TrainingSettings(seed=seed))
        assert "de" in {row["source_lang"] for row in recipe.read()[0]}


def test_a_run_is_not_resumed_with_other_labels(tmp_path: Path) -> None:
    def command(names: Sequence[str]) -> list[str]:
        file = write_csv(tmp_path / "train.csv", stars(*names))
        settings = [part for name, value in TINY.items() for part in (f"--{name}", str(value))]
        return ["--train", str(file), "--output", str(tmp_path / "run"), *settings]

    first = finish(command(["good", "bad"]), script="apps.sentiment.finetune")
    assert first.status == 0, first.said
    message = refused([*command(["good", "evil"]), "--resume"], script="apps.sentiment.finetune")
    assert "a run of another model, whose labels changed from ['bad', 'good'] to ['evil', 'good']" in message
