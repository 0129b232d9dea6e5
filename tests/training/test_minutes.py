"""Training by the clock: a budget in minutes, validation and saving that count minutes. No test waits for any."""

import csv
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from lightning.pytorch import callbacks
from stopping import StopAt
from training_runs import Run, command_line, finish, made_up_rows, start, write_csv

from examples.forecasting import Forecaster, ForecasterConfig, made_up_series
from seqcore.training import FitResult, TrainingSettings, fit
from seqcore.training.clock import Clock
from seqcore.training.resuming import AtomicCheckpointIO, read_state

SETTINGS: dict[str, Any] = {
    "epochs": 1, "batch_tokens": 128, "bptt": 16, "warmup_steps": 4, "learning_rate": 0.01, "precision": "32-true",
    "save_every": 3, "epoch_steps": 5, "accelerator": "cpu", "threads": 1, "progress": False, "patience": 99,
}  # fmt: skip
ROWS, CHECKS = made_up_series(40, seed=1), made_up_series(6, seed=2)
STEP, VALIDATION = 2, 4  # Seconds that they take.


class Pace(callbacks.Callback):
    """Lets time go by as steps and validations do, and writes down what was done when."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.rates: list[float] = []
        self.validated: list[int] = []

    def on_train_batch_start(self, trainer: Any, *_: Any) -> None:
        self.seconds += STEP
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"] / SETTINGS["learning_rate"])

    def on_validation_epoch_end(self, trainer: Any, *_: Any) -> None:
        self.seconds += VALIDATION
        self.validated.append(trainer.global_step)


@pytest.fixture
def pace(monkeypatch: pytest.MonkeyPatch) -> Pace:
    pace = Pace()
    monkeypatch.setattr(Clock, "now", staticmethod(lambda: pace.seconds))
    return pace


def run(output: Path, pace: Pace, *hooks: Any, resume: bool = False, **options: Any) -> FitResult:
    torch.manual_seed(1)
    task = Forecaster.create(ForecasterConfig(hidden_size=8), ROWS)
    settings = TrainingSettings(**{**SETTINGS, **options})
    return fit(task, ROWS, CHECKS, settings, output, resume, callbacks=[pace, *hooks])


def log(output: Path) -> list[dict[str, str]]:
    with (output / "training" / "csv" / "metrics.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_budget_ends_on_time_with_a_validation_and_a_rate_that_has_come_down(tmp_path: Path, pace: Pace) -> None:
    result = run(tmp_path / "run", pace, minutes=1.1, epochs=1)
    assert pace.validated == [5, 10, 15, 20, 23] == [*pace.validated[:-1], result.steps]
    assert pace.seconds == 1000 + 66 == 1000 + 23 * STEP + 5 * VALIDATION
    assert not result.interrupted
    assert pace.rates[:4] == pytest.approx([0.25, 0.5, 0.75 * (1 - 2 / 66), 1 - 4 / 66])
    # Linear in time: that of the last validation is kept free as soon as it is known.
    assert pace.rates[12] == pytest.approx(1 - (11 * STEP + 2 * VALIDATION) / (66 - VALIDATION))
    assert 0 < pace.rates[-1] < 0.1
    assert pace.rates[3:] == sorted(pace.rates[3:], reverse=True)


@pytest.mark.slow
def test_a_warm_up_that_is_longer_than_the_budget_takes_a_tenth_of_it(tmp_path: Path, pace: Pace) -> None:
    run(tmp_path / "run", pace, minutes=1, warmup_steps=10_000)
    assert pace.rates.index(max(pace.rates)) in {3, 4}


def test_validation_counts_minutes_in_the_midst_of_epochs(tmp_path: Path, pace: Pace) -> None:
    result = run(tmp_path / "run", pace, minutes=1.1, validate_minutes=0.4)
    assert pace.validated == [12, 24, 27] == [12, 24, result.steps]
    pace.validated.clear()
    run(tmp_path / "epochs", pace, epochs=3, validate_minutes=0.2)
    assert pace.validated == [6, 12, 15]  # The last epoch is validated, whatever the clock says.


@pytest.mark.slow
def test_patience_counts_validations_in_the_midst_of_epochs(tmp_path: Path, pace: Pace) -> None:
    hopeless: dict[str, Any] = {"minutes": 5, "validate_minutes": 0.1, "patience": 2, "learning_rate": 1e-12}
    result = run(tmp_path / "run", pace, **hopeless)
    assert pace.validated == [3, 6, 9] == [3, 6, result.steps]
    again = run(tmp_path / "run", pace, resume=True, **hopeless)
    assert (again.steps, len(pace.validated)) == (9, 3)
    assert run(tmp_path / "run", pace, resume=True, **hopeless | {"patience": 3}).steps == 12


@pytest.mark.parametrize(
    "step", [8, pytest.param(13, marks=pytest.mark.slow), pytest.param(17, marks=pytest.mark.slow)]
)
def test_a_run_that_is_stopped_has_the_rest_of_its_budget(step: int, tmp_path: Path, pace: Pace) -> None:
    settings: dict[str, Any] = {"minutes": 0.9, "validate_minutes": 0.2}
    whole = run(tmp_path / "whole", pace, **settings)
    unbroken = pace.validated.copy()
    pace.validated.clear()
    with pytest.raises(RuntimeError, match="stopped by the test"):
        run(tmp_path / "run", pace, StopAt(step), **settings)
    pace.seconds += 86_400  # A day between the sessions is not of the run.
    result = run(tmp_path / "run", pace, resume=True, **settings)
    assert result.steps == whole.steps > step
    assert result.scores == whole.scores
    assert log(tmp_path / "run") == log(tmp_path / "whole")
    assert sorted({*pace.validated}) == unbroken


@pytest.mark.slow
def test_a_finished_run_trains_no_further_unless_it_is_given_more(tmp_path: Path, pace: Pace) -> None:
    first = run(tmp_path / "run", pace, minutes=0.4)
    assert run(tmp_path / "run", pace, resume=True, minutes=0.4).steps == first.steps == len(pace.rates) == 8
    longer = run(tmp_path / "run", pace, resume=True, minutes=0.8)
    assert pace.validated == [5, 8, 13, longer.steps]  # An epoch begins where the run had ended.
    state = read_state(tmp_path / "run" / "training" / "last.ckpt", Forecaster.state_types)
    place = state["callbacks"]["LastState"]
    assert place["epoch"] * 5 + place["position"] - place["cut"] == longer.steps  # No batch was left out.
    assert run(tmp_path / "run", pace, resume=True, epochs=state["epoch"] + 2).steps == longer.steps + 5


def saves(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The steps at which the state of the run will have been saved."""
    steps: list[int] = []
    save = AtomicCheckpointIO.save_checkpoint

    def save_checkpoint(files: AtomicCheckpointIO, checkpoint: dict[str, Any], path: Any, **options: Any) -> None:
        if Path(path).name == "last.ckpt":
            steps.append(checkpoint["global_step"])
        save(files, checkpoint, path, **options)

    monkeypatch.setattr(AtomicCheckpointIO, "save_checkpoint", save_checkpoint)
    return steps


@pytest.mark.slow
def test_saving_counts_minutes_but_not_before_the_first_validation(
    tmp_path: Path, pace: Pace, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = saves(monkeypatch)
    run(tmp_path / "run", pace, epochs=5, save_every=0, save_minutes=0.4)
    assert steps == [5, 15, 25]
    steps.clear()
    pace.validated.clear()
    run(tmp_path / "midst", pace, minutes=0.6, save_every=0, save_minutes=1, validate_minutes=0.1)
    assert steps == [pace.validated[0], pace.validated[-1]]


def test_lines_tell_the_time(tmp_path: Path, pace: Pace, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path / "run", pace, minutes=0.6, validate_minutes=0.4)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("step 12, 0:28 of 0:36 minutes: loss ")
    assert lines[1].startswith("step 14, 0:36 of 0:36 minutes: loss ")
    assert lines[2:] == ["the average of the best 2 checkpoints is scored"]


def be_the_second() -> None:
    from lightning.pytorch.utilities import rank_zero_only

    patch.object(rank_zero_only, "rank", 1).start()  # Read from the environment at import, which was long ago.
    patch.object(Clock, "now", staticmethod(lambda: 0.0)).start()


@pytest.mark.slow
def test_two_processes_go_by_the_clock_of_the_first(tmp_path: Path, free_port: Any) -> None:
    rows = write_csv(tmp_path / "train.csv", made_up_rows(160))
    common: dict[str, Any] = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "NODE_RANK": "0",
        "WORLD_SIZE": "2",
    }
    budget = {"training__minutes": 0.06, "training__validate_minutes": 0.02, "training__devices": 2}
    arguments = command_line(rows, tmp_path / "run", training__save_every=0, training__save_minutes=0.01, **budget)
    second = start(arguments, tmp_path / "second.said", be_the_second, LOCAL_RANK="1", **common)
    first: Run = finish(arguments, LOCAL_RANK="0", **common)
    second.join(20)
    assert (first.status, second.exitcode) == (0, 0), first.said + (tmp_path / "second.said").read_text()
    assert len([row for row in first.log() if row["val_loss"]]) >= 2
