"""Whenever a signal stops a run, it keeps its best and can go on, and its exit status is what a shell expects."""

import os
import signal
import threading
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from training_runs import (
    command_line,
    elsewhere,
    finish,
    killed_at_the_end,
    made_up_rows,
    start,
    wait_for,
    write_csv,
)

import seqcore
from examples.forecasting import Forecaster, ForecasterConfig, made_up_series
from seqcore.training import FitResult, TrainingSettings, fit
from seqcore.training.resuming import AtomicCheckpointIO

SETTINGS: dict[str, Any] = {
    "epochs": 2, "batch_tokens": 128, "bptt": 16, "warmup_steps": 4, "learning_rate": 0.01, "precision": "32-true",
    "epoch_steps": 4, "accelerator": "cpu", "threads": 1, "progress": False, "average": 2,
}  # fmt: skip
ROWS, CHECKS = made_up_series(40, seed=1), made_up_series(6, seed=2)


class Stopping(Forecaster):
    """The example, which sends its process a signal when something is done with it for the so-manieth time."""

    name = "stopping"
    moments: dict[tuple[str, int], int] = {}  # noqa: RUF012
    counts: dict[str, int] = {}  # noqa: RUF012

    @classmethod
    def reach(cls, what: str) -> None:
        cls.counts[what] = cls.counts.get(what, 0) + 1
        if number := cls.moments.pop((what, cls.counts[what]), None):
            os.kill(os.getpid(), number)

    def example(self, row: Any) -> Any:
        self.reach("example")
        return super().example(row)

    def loss(self, batch: Any, state: Any = None) -> Any:
        if self.network.training:
            self.reach("step")
        return super().loss(batch, state)

    def compute_metrics(self, predictions: Any, rows: Any) -> Any:
        if len(rows) == len(CHECKS):
            self.reach("score")
        return super().compute_metrics(predictions, rows)

    def finish_training(self, rows: Any) -> None:
        self.reach("finish")

    def save_pretrained(self, *arguments: Any, **options: Any) -> Any:
        self.reach("write")
        return super().save_pretrained(*arguments, **options)


def run(output: Path, resume: bool = False, **options: Any) -> FitResult:
    torch.manual_seed(1)
    task = Stopping.create(ForecasterConfig(hidden_size=8), ROWS)
    return fit(task, ROWS, CHECKS, TrainingSettings(**{**SETTINGS, **options}), output, resume)


def outcome(output: Path, moments: dict[tuple[str, int], int], **options: Any) -> dict[str, Any]:
    """What became of a run that got signals at these moments, and of the one that went on from there."""
    Stopping.moments, Stopping.counts = moments, {}
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    save = AtomicCheckpointIO.save_checkpoint

    def save_checkpoint(files: Any, checkpoint: Any, path: Any, **more: Any) -> None:
        with patch("os.fsync", lambda _: Stopping.reach(Path(path).name[:4])):  # Its name is not its own yet.
            save(files, checkpoint, path, **more)

    seen: dict[str, Any] = {}
    with patch.object(AtomicCheckpointIO, "save_checkpoint", save_checkpoint):
        try:
            seen["result"] = run(output, **options)
        except KeyboardInterrupt as error:
            seen["raised"] = repr(error)
    seen["rest"] = moments
    seen["handlers"] = before == [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    seen["parts"] = [path.name for path in output.rglob("*.part")]
    seen["rmse"] = seqcore.load(output).evaluate(CHECKS)["rmse"] if (output / "config.json").exists() else None
    if (output / "training" / "last.ckpt").exists():
        seen["resumed"] = run(output, resume=True)
    return seen


def outcomes(folder: Path, moments: list[tuple[dict[tuple[str, int], int], dict[str, Any]]]) -> list[dict[str, Any]]:
    return [outcome(folder / str(number), each, **options) for number, (each, options) in enumerate(moments)]


TERM, INT = signal.SIGTERM, signal.SIGINT
# Examples, two epochs of four steps, each with a validation, after one of a single row; then both are scored again.
MOMENTS: list[Any] = [({("step", 7): TERM}, {}), ({("best", 2): TERM}, {"average": 1}), ({("score", 3): INT}, {})]
MORE_MOMENTS: list[Any] = [
    ({("step", 7): INT}, {}),
    ({("score", 2): TERM}, {}),
    ({("best", 2): TERM}, {}),
    ({("last", 2): TERM}, {}),
    ({("score", 4): TERM}, {}),
]


@pytest.mark.parametrize("chosen", [MOMENTS, pytest.param(MORE_MOMENTS, marks=pytest.mark.slow)])
def test_whenever_a_signal_comes_the_best_is_kept_and_the_run_goes_on(chosen: list[Any], tmp_path: Path) -> None:
    for (moments, _), seen in zip(chosen, elsewhere(outcomes, tmp_path, chosen), strict=True):
        result = seen["result"]
        assert result.interrupted, moments
        assert result.resumable
        assert result.signal in (TERM, INT)
        assert seen["rmse"] == pytest.approx(result.scores["rmse"], abs=1e-3)  # It is saved in half precision.
        assert (seen["parts"], seen["handlers"], seen["rest"]) == ([], True, {})
        assert (seen["resumed"].interrupted, seen["resumed"].steps) == (False, 8)


@pytest.mark.slow
def test_a_signal_while_the_checkpoint_is_written_lets_it_be(tmp_path: Path) -> None:
    for moment in ("finish", "write"):
        seen = elsewhere(outcome, tmp_path / moment, {(moment, 1): TERM})
        assert (seen["result"].interrupted, seen["result"].signal, seen["result"].steps) == (False, TERM, 8)
        assert seen["rmse"] is not None


def test_a_signal_before_the_first_validation_leaves_nothing_half_done(tmp_path: Path) -> None:
    early, soon = elsewhere(
        outcomes, tmp_path, [({("example", 9): TERM}, {}), ({("step", 3): TERM}, {"save_every": 2})]
    )
    assert early["raised"] == "Stopped('SIGTERM')"
    assert (early["handlers"], early["rmse"]) == (True, None)
    assert (soon["result"].scores, soon["result"].steps, soon["rmse"]) == ({}, 2, None)
    assert (soon["resumed"].interrupted, soon["resumed"].steps) == (False, 8)


@pytest.mark.slow
def test_a_second_signal_ends_at_once_and_what_was_saved_stays(tmp_path: Path) -> None:
    twice, late = elsewhere(
        outcomes,
        tmp_path,
        [({("step", 7): TERM, ("finish", 1): INT}, {}), ({("score", 3): INT, ("score", 4): TERM}, {})],
    )
    assert twice["raised"] == "Stopped('SIGINT')"
    assert twice["resumed"].steps == 8
    assert late["result"].averaged == 1  # The best was saved before the average was scored.
    assert late["rmse"] == pytest.approx(late["result"].scores["rmse"], abs=1e-3)


def in_a_thread(output: Path) -> int:
    results: list[FitResult] = []
    thread = threading.Thread(target=lambda: results.append(run(output, epochs=1)))
    thread.start()
    thread.join()
    return results[0].steps


def test_a_thread_other_than_the_first_can_train(tmp_path: Path) -> None:
    assert elsewhere(in_a_thread, tmp_path / "run") == 4


# Whole programs


class SignalAt:
    """Lets a run say when it is at a moment, and wait there; given to it as `before`."""

    def __init__(self, moment: str, *ignored: int) -> None:
        self.moment, self.ignored = moment, ignored

    def __call__(self) -> None:
        from seqcore.recipes.translation import TranslationRecipe
        from seqcore.training import averaging
        from seqcore.training.module import TaskModule

        for number in self.ignored:
            signal.signal(number, signal.SIG_IGN)
        owner: Any = {"read": TranslationRecipe, "training_step": TaskModule, "load_best_weights": averaging}
        method = getattr(owner[self.moment], self.moment)

        def wait(*arguments: Any) -> Any:
            if self.moment == "training_step" and arguments[0].global_step < 15:
                return method(*arguments)
            print("waiting", flush=True)
            signal.pause()
            return method(*arguments)

        patch.object(owner[self.moment], self.moment, wait).start()


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "train.csv", made_up_rows(160))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "signals", "status", "last"),
    [
        (SignalAt("training_step"), [signal.SIGTERM], 143, "To try it: "),
        (SignalAt("training_step"), [signal.SIGHUP], 129, "To try it: "),
        (SignalAt("training_step", signal.SIGHUP, signal.SIGINT), [signal.SIGHUP, signal.SIGINT, signal.SIGTERM], 143,
         "To try it: "),
        (SignalAt("read"), [signal.SIGINT], 130, "Stopped at once. Nothing was saved yet."),
    ],
)  # fmt: skip
def test_the_command_line_ends_as_a_shell_expects(
    moment: SignalAt, signals: list[int], status: int, last: str, rows: Path, tmp_path: Path
) -> None:
    arguments = command_line(rows, tmp_path / "run")
    said = tmp_path / "said"
    with killed_at_the_end(start(arguments, said, moment)) as process:
        wait_for(lambda: said.exists() and "waiting" in said.read_text())
        for number in signals:
            os.kill(process.pid, number)
        process.join(30)
        assert process.exitcode == status
    text = said.read_text()
    assert "Traceback" not in text
    assert text.splitlines()[-1].startswith(last)
    if status != 130:
        assert "stopping: the best checkpoint is saved first; a second signal, such as Ctrl-C, ends at once\n" in text
        assert "run the same command with --resume" in text
        assert finish([*arguments, "--resume"]).status == 0
