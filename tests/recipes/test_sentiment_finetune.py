"""Fine-tuning the sentiment classifier as people do it: both steps, any labels, and rude input."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from training_runs import Run, finish, refused, write_csv

import seqcore
from seqcore.tasks.language import LanguageModel
from seqcore.tasks.sentiment import SentimentClassifier

SCRIPT = "apps.sentiment.finetune"
GOOD, BAD = ["good", "great", "lovely", "fine"], ["bad", "awful", "boring", "poor"]
NOUNS = ["film", "plot", "music", "story", "cast"]
TINY = {
    "model.dropout": 0, "model.input_dropout": 0, "model.embedding_dropout": 0, "model.weight_dropout": 0,
    "model.head_dropout": 0, "model.vocab_size": 330, "model.embedding_size": 16, "model.hidden_size": 32,
    "model.head_size": 8,
    "language_model.vocab_size": 330, "language_model.embedding_size": 16, "language_model.hidden_size": 32,
    "training.batch_tokens": 200, "training.bptt": 10, "training.precision": "32-true", "training.accelerator": "cpu",
    "training.threads": 1, "training.learning_rate": 0.01, "training.warmup_steps": 5, "training.epochs": 4,
    "training.average": 2, "training.progress": "false",
}  # fmt: skip


def reviews(count: int, seed: int = 0, labels: Sequence[str] = ("negative", "positive")) -> list[dict[str, str]]:
    chance = random.Random(seed)
    rows = []
    for number in range(count):
        word = chance.choice([BAD, GOOD][number % 2])
        text = f"The {chance.choice(NOUNS)} was {word}"
        rows.append({"text": text, "label": labels[number % 2]})
    return rows


def command(train: Path, output: Path, *flags: str, **settings: Any) -> list[str]:
    chosen = TINY | {name.replace("__", "."): value for name, value in settings.items()}
    named = [part for name, value in chosen.items() for part in (f"--{name}", str(value))]
    return ["--train", str(train), "--output", str(output), *named, *flags]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("reviews") / "train.csv", reviews(500))


@pytest.fixture(scope="module")
def pretrained(rows: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    output = tmp_path_factory.mktemp("pretrained") / "run"
    return done(finish(command(rows, output, "--pretrain"), script=SCRIPT))


@pytest.fixture(scope="module")
def trained(rows: Path, pretrained: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    output = tmp_path_factory.mktemp("trained") / "run"
    flags = ("--init", str(pretrained.output))
    settings = {"training__layer_decay": 0.7, "training__unfreeze_steps": 3, "training__epochs": 6}
    return done(finish(command(rows, output, *flags, **settings), script=SCRIPT))


def done(run: Run) -> Run:
    assert run.status == 0, run.said
    return run


def config(run: Run) -> dict[str, Any]:
    return dict(json.loads((run.output / "config.json").read_text(encoding="utf-8")))


def test_pretraining_learns_the_texts(pretrained: Run) -> None:
    validation = [float(row["val_perplexity"]) for row in pretrained.log() if row.get("val_perplexity")]
    assert validation[-1] < validation[0] < 100  # of 330 pieces
    model = seqcore.load(pretrained.output)
    assert isinstance(model, LanguageModel)
    likely, unlikely = model.score(["The film was good", "Film saw doog eht"])
    assert likely.perplexity < unlikely.perplexity


def test_a_classifier_on_a_language_model_learns_its_labels(trained: Run) -> None:
    model = seqcore.load(trained.output)
    assert isinstance(model, SentimentClassifier)
    unseen = reviews(40, seed=9)
    assert model.evaluate(unseen)["accuracy"] > 90
    assert config(trained)["temperature"] != 1
    assert "calibrated on validation: temperature" in trained.said
    assert "with the embeddings they had" in trained.said
    assert "labels: " in trained.said
    assert trained.last_line() == f"To try it: python -m apps.sentiment --checkpoint {trained.output}"


def test_layers_are_unfrozen_one_after_another(trained: Run, pretrained: Run, rows: Path, tmp_path: Path) -> None:
    """As long as only the classes are trained, everything below them stays as it was pretrained."""
    frozen = done(
        finish(
            command(
                rows, tmp_path / "frozen", "--init", str(pretrained.output),
                training__unfreeze_steps=10_000, training__epochs=1, training__average=1,
            ),
            script=SCRIPT,
        )
    )  # fmt: skip
    before, after, unfrozen = pretrained.weights(), frozen.weights(), trained.weights()
    for name in ("weight_hh_l0", "weight_ih_l0"):
        for layer in range(2):
            old = before[f"decoder.stack.layers.{layer}.{name}"]
            assert old.equal(after[f"encoder.stack.layers.{layer}.{name}"])
            assert not old.equal(unfrozen[f"encoder.stack.layers.{layer}.{name}"])
    assert before["decoder.embedding.weight"].equal(after["embedding.weight"])
    assert all(weight.requires_grad for weight in seqcore.load(frozen.output).network.parameters())


def test_pretraining_goes_on_after_ctrl_c(rows: Path, pretrained: Run, tmp_path: Path) -> None:
    half = done(finish(command(rows, tmp_path / "run", "--pretrain", training__epochs=2), script=SCRIPT))
    again = done(finish(command(rows, half.output, "--pretrain", "--resume"), script=SCRIPT))
    assert again.state()["global_step"] == pretrained.state()["global_step"]
    carried = again.state()["carried_state"].lstm.h
    assert carried.shape[2] == 1
    assert carried.abs().sum() > 0


def test_a_resumed_stream_gives_the_same_numbers(rows: Path, pretrained: Run, tmp_path: Path) -> None:
    class_free = command(rows, tmp_path / "run", "--pretrain", training__save_every=3)
    cut = finish(class_free, before=StopAt(7), script=SCRIPT)
    assert cut.status != 0
    again = done(finish([*class_free, "--resume"], script=SCRIPT))
    for name, weight in pretrained.weights().items():
        torch.testing.assert_close(again.weights()[name], weight)


class StopAt:
    """Kills the process after a training step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def __call__(self) -> None:
        from training_runs import KillAt

        KillAt("step", self.step)()


def test_five_classes_of_numbers_and_renamed_columns(trained: Run, tmp_path: Path) -> None:
    stars = [{"review": row["text"], "stars": str(1 + number % 5)} for number, row in enumerate(reviews(100))]
    file = write_csv(tmp_path / "stars.csv", stars)
    columns = ("--columns.text", "review", "--columns.label", "stars", "--init", str(trained.output))
    run = done(finish(command(file, tmp_path / "run", *columns, training__epochs=1), script=SCRIPT))
    assert config(run)["labels"] == ["1", "2", "3", "4", "5"]


def test_a_new_tokenizer_keeps_what_both_know(rows: Path, trained: Run, tmp_path: Path) -> None:
    flags = ("--init", str(trained.output), "--new_tokenizer")
    run = done(
        finish(command(rows, tmp_path / "run", *flags, training__epochs=1, model__vocab_size=310), script=SCRIPT)
    )
    assert "new tokenizer: " in run.said
    assert "with the embeddings they had" in run.said
    assert config(run)["labels"] == ["negative", "positive"]


def test_several_labels_at_once(tmp_path: Path) -> None:
    labels = ["joy|relief", "", "anger"]
    rows = [{**row, "label": labels[number % 3]} for number, row in enumerate(reviews(60))]
    file = write_csv(tmp_path / "many.csv", rows)
    settings = {"model__multi_label": "true", "training__epochs": 1}
    run = done(finish(command(file, tmp_path / "run", "--balance", **settings), script=SCRIPT))
    assert config(run)["labels"] == ["anger", "joy", "relief"]
    assert config(run)["multi_label"] is True


def test_a_rare_class_counts_when_classes_are_balanced(tmp_path: Path) -> None:
    """99 to 1: without weights the rare class is never said."""
    bad, good = reviews(3960)[0::2], reviews(3960)[1::2]
    rows = [*good, *bad[:20]]
    file, checks = write_csv(tmp_path / "train.csv", rows), write_csv(tmp_path / "checks.csv", reviews(60, seed=5))
    flags = ("--validation", str(checks), "--balance")
    run = done(finish(command(file, tmp_path / "run", *flags, training__epochs=3), script=SCRIPT))
    model = seqcore.load(run.output)
    results = model.predict([row["text"] for row in reviews(60, seed=7)])
    assert {result.label for result in results} == {"negative", "positive"}


def test_word_vectors_are_taken_and_their_coverage_said(rows: Path, tmp_path: Path) -> None:
    chance = random.Random(0)
    words = [*GOOD, *BAD, *NOUNS, "the", "was", "and"]
    file = tmp_path / "vectors.txt"
    lines = (f"{word} {' '.join(f'{chance.gauss(0, 1):.3f}' for _ in range(7))}\n" for word in words)
    file.write_text("".join(lines), encoding="utf-8")
    run = done(finish(command(rows, tmp_path / "run", "--vectors", str(file), training__epochs=1), script=SCRIPT))
    assert config(run)["embedding_size"] == 7
    assert "% of the pieces in the texts" in run.said


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("text,label\n", "has no rows"),
        ("text\ngood\n", "no column 'label'"),
        ("review,label\ngood,1\n", "no column 'text'"),
        ("text,label\n" + "good,1\n" * 30, "at least two labels, but has only 1"),
        ("text,label\n" + "good,1\nbad,\n" * 30, "row 2 of training has no label"),
        ("text,label\n" + "good,1\nbad,0,x\n" * 3, "row 2 has 3 fields"),
    ],
)  # fmt: skip
def test_wrong_data_is_named(content: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "wrong.csv"
    file.write_text(content, encoding="utf-8")
    checks = write_csv(tmp_path / "checks.csv", reviews(10, labels=("0", "1")))
    said = refused(command(file, tmp_path / "run", "--validation", str(checks)), script=SCRIPT)
    assert says in said


def test_a_label_that_only_validation_has_is_named(rows: Path, tmp_path: Path) -> None:
    checks = write_csv(tmp_path / "checks.csv", [*reviews(4), {"text": "so-so", "label": "neutral"}])
    said = refused(command(rows, tmp_path / "run", "--validation", str(checks)), script=SCRIPT)
    assert "row 5 of validation: 'neutral' is no label of this model" in said


def test_a_column_of_numbers_is_no_text(tmp_path: Path) -> None:
    import pandas  # type: ignore[import-untyped]

    file = tmp_path / "numbers.parquet"
    pandas.DataFrame({"text": [1, 2, 3], "label": ["a", "b", "a"]}).to_parquet(file)
    assert "column 'text' holds int, not str" in refused(command(file, tmp_path / "run"), script=SCRIPT)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--new_tokenizer",), "--new-tokenizer needs --init"),
        (("--vectors", "x", "--init", "y/z"), "--vectors are for a new model"),
        (("--vectors", "missing.txt"), "there is no file missing.txt"),
        (("--columns.label", "text"), "text and label are both the column 'text'"),
        (("--training.layer_decay", "0"), "training.layer_decay"),
    ],
)  # fmt: skip
def test_flags_that_cannot_be_are_named(flags: tuple[str, ...], says: str, rows: Path, tmp_path: Path) -> None:
    assert says in refused(command(rows, tmp_path / "run", *flags), script=SCRIPT)


def test_another_tasks_checkpoint_is_refused(rows: Path, trained: Run, tmp_path: Path) -> None:
    translator = Path(__file__).parents[1] / "fixtures" / "translator-v1"
    said = refused(command(rows, tmp_path / "run", "--init", str(translator)), script=SCRIPT)
    assert "a checkpoint for 'translation'" in said
    said = refused(command(rows, tmp_path / "run", "--pretrain", "--init", str(trained.output)), script=SCRIPT)
    assert "a checkpoint for 'sentiment', not for 'language-model'" in said
