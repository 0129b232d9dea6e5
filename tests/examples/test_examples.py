"""The examples do what they say: they are trained, and what they made is loaded, served and resumed."""

import csv
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from stopping import StopAt

import seqcore
from examples import forecasting, seq2seq
from seqcore.cli import main
from seqcore.errors import InputError

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def forecaster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("forecasting") / "run"
    result = forecasting.train(str(output))
    assert 0.01 < result.scores["rmse"] < 0.12  # The noise is 0.02; to say the last value again is off by 0.5.
    return output


def log(output: Path) -> list[dict[str, str]]:
    with (output / "training" / "csv" / "metrics.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_forecast_of_a_loaded_checkpoint_follows_the_wave(forecaster: Path) -> None:
    task = seqcore.load(forecaster, device="cpu")
    rows = forecasting.made_up_series(5, seed=3)
    numbers = [[float(number) for number in row["series"].split()] for row in rows]
    given = [" ".join(row["series"].split()[:-5]) for row in rows]
    forecasts = task.predict(given, steps=5)
    differences = torch.tensor([row[-5:] for row in numbers]) - torch.tensor(forecasts)
    assert float(differences.abs().mean()) < 0.25
    assert task.predict(given[2:3], steps=5) == [pytest.approx(forecasts[2], abs=1e-5)]
    assert task.evaluate(rows)["rmse"] < 0.2


def test_the_least_error_is_the_best(forecaster: Path) -> None:
    errors = [float(row["val_rmse"]) for row in log(forecaster) if row["val_rmse"]]
    state = torch.load(forecaster / "training" / "last.ckpt", weights_only=False)
    best = next(value for name, value in state["callbacks"].items() if name.startswith("ModelCheckpoint"))
    assert float(best["best_model_score"]) == pytest.approx(min(errors))
    assert sorted(map(float, best["best_k_models"].values())) == pytest.approx(sorted(errors)[:5])


def test_a_forecaster_is_served_by_the_command_line(forecaster: Path, tmp_path: Path) -> None:
    (tmp_path / "series.txt").write_text("0 0.5 0.87 1 0.87 0.5 0 -0.5\n0 0 0 0\n")
    command = [sys.executable, "-m", "seqcore.cli", "predict", str(forecaster), str(tmp_path / "series.txt")]
    run = subprocess.run(
        [*command, "--import", "examples.forecasting", "--steps", "2", "--device", "cpu"],
        capture_output=True, text=True, cwd=ROOT, check=True,
    )  # fmt: skip
    assert [len(line.split()) for line in run.stdout.splitlines()] == [2, 2]
    assert float(run.stdout.split()[0]) < -0.6
    with pytest.raises(InputError, match=r"text 2: a series is numbers with spaces between: .*'x'"):
        seqcore.load(forecaster).predict(["1 2", "1 x"])


def test_a_task_that_was_imported_by_name_trains_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "series.csv"
    lines = [row["series"] for row in forecasting.made_up_series(30, seed=4)]
    table.write_text("\n".join(["series", *lines]) + "\n", encoding="utf-8")
    flags = ["--training.epochs", "1", "--training.batch-tokens", "64", "--training.bptt", "16"]
    output = str(tmp_path / "run")
    words = ["--import", "examples.forecasting", "train", "forecasting", "--train", str(table), "--output", output]
    assert main([*words, *flags]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"To try it: seqcore --import examples.forecasting predict {output}"


def test_a_stopped_forecaster_goes_on_with_the_state_it_carried(forecaster: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stopped by the test"):
        forecasting.train(str(tmp_path / "run"), callbacks=[StopAt(35)])
    state = torch.load(tmp_path / "run" / "training" / "last.ckpt", weights_only=False)
    assert isinstance(state["carried_state"], forecasting.Carried)
    forecasting.train(str(tmp_path / "run"), resume=True)
    assert log(tmp_path / "run") == log(forecaster)


def test_digits_are_written_backwards() -> None:
    model = seq2seq.train(steps=300)
    sources, targets = seq2seq.made_up_pairs(100, random.Random(2))
    expected = [[token for token in row if token >= seq2seq.FIRST] for row in targets.tolist()]
    answers = seq2seq.reverse(model, sources)
    assert sum(answer == wanted for answer, wanted in zip(answers, expected, strict=True)) >= 95


@pytest.mark.parametrize("name", ["forecasting", "seq2seq"])
def test_an_example_is_short(name: str) -> None:
    lines = (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8").splitlines()
    assert sum(bool(line.strip()) for line in lines) < 100
