"""Training: a run that is stopped goes on as if it had not been, two processes do what one does, and more."""

import errno
import os
import re
import signal
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

import pytest
import torch
from training_runs import KillAt, Run, command_line, finish, made_up_rows, refused, start, wait_for, write_csv

from seqcore.tasks.translation import Translator
from seqcore.training.averaging import select_best_weights
from seqcore.training.module import TaskModule

# Validation that no model can score on: every checkpoint is as good as the first, so training stops early.
HOPELESS = {"training__patience": 2, "training__epochs": 9}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "train.csv", made_up_rows(160))


@pytest.fixture(scope="module")
def hopeless(rows: Path) -> Path:
    return write_csv(rows.with_name("hopeless.csv"), [{"source": "a dog", "target": "qqq"}] * 4)


@pytest.fixture(scope="module")
def unbroken(rows: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three epochs with dropout, from beginning to end."""
    return finish(command_line(rows, tmp_path_factory.mktemp("unbroken") / "run"))


@pytest.fixture(scope="module")
def stopped_early(rows: Path, hopeless: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    output = tmp_path_factory.mktemp("stopped_early") / "run"
    return finish(command_line(rows, output, "--validation", str(hopeless), **HOPELESS))


def same(one: Any, other: Any) -> bool:
    """Whether two states are alike to the last bit, whatever they are made of."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def assert_same_end(run: Run, unbroken: Run) -> None:
    assert run.status == 0, run.said
    assert run.log() == unbroken.log()  # all losses and scores, to the last digit
    state, wanted = run.state(), unbroken.state()
    for part in ("state_dict", "optimizer_states", "lr_schedulers", "global_step", "epoch", "random_state"):
        assert same(state[part], wanted[part]), part
    assert same(run.weights(), unbroken.weights())
    assert best_checkpoints(run) == best_checkpoints(unbroken)
    assert run.said.splitlines()[-2] == unbroken.said.splitlines()[-2]


def best_checkpoints(run: Run) -> list[str]:
    return sorted(path.name for path in (run.output / "training").glob("*.ckpt"))


def network_weights(path: Path) -> dict[str, torch.Tensor]:
    state = torch.load(path, weights_only=False)["state_dict"]
    return {name.removeprefix("network."): weight for name, weight in state.items()}


def test_a_run_ends_with_a_checkpoint_logs_and_what_it_reached(unbroken: Run) -> None:
    assert unbroken.status == 0, unbroken.said
    assert unbroken.state()["global_step"] == 3 * 10
    assert re.search(
        r"Done after 30 steps: validation bleu [\d.]+, chrf [\d.]+, by the ", unbroken.said.splitlines()[-2]
    )
    assert unbroken.last_line() == f"To try it: python -m apps.translator --checkpoint {unbroken.output}"
    assert list((unbroken.output / "training" / "tb").glob("events.out.tfevents.*"))
    validations = [row for row in unbroken.log() if row["val_loss"]]
    assert [int(row["step"]) for row in validations] == [9, 19, 29]
    assert float(validations[-1]["val_loss"]) < float(validations[0]["val_loss"])
    assert any(row["loss"] and row["gradient_norm"] for row in unbroken.log())
    assert {weight.dtype for weight in unbroken.weights().values()} == {torch.float16}
    assert "dog" in "".join(Translator.from_pretrained(unbroken.output).translate("a dog runs").source_tokens)


@pytest.mark.parametrize(
    ("moment", "step"),
    [
        ("step", 13),  # in the middle of an epoch
        ("step", 10),  # right after an epoch's end: nothing of the next one was saved
        ("validation", 20),
        ("best", 20),  # validated, but that was not saved with the state
        ("writing", 16),
        ("saved", 20),  # after the state at an epoch's end
        ("saved", 30),  # at the very end, before the checkpoint was made
        ("step", 2),  # before anything was saved
    ],
)
def test_a_killed_run_goes_on_as_if_it_had_not_been(
    moment: str, step: int, rows: Path, unbroken: Run, tmp_path: Path
) -> None:
    arguments = command_line(rows, tmp_path / "run")
    killed = finish(arguments, KillAt(moment, step))
    assert killed.status == -signal.SIGKILL
    assert not (tmp_path / "run" / "config.json").exists()
    resumed = finish([*arguments, *["--resume"] * (step > 4)])
    assert_same_end(resumed, unbroken)


def test_a_run_may_be_killed_more_than_once_and_moved(rows: Path, unbroken: Run, tmp_path: Path) -> None:
    finish(command_line(rows, tmp_path / "here"), KillAt("step", 11))
    finish(command_line(rows, tmp_path / "here", "--resume"), KillAt("step", 26))
    (tmp_path / "here").rename(tmp_path / "there")
    assert_same_end(finish(command_line(rows, tmp_path / "there", "--resume")), unbroken)


def test_a_run_with_epochs_across_passes_goes_on_after_a_kill(rows: Path, tmp_path: Path) -> None:
    settings = {"training__epoch_steps": 7, "training__epochs": 4}  # a pass has ten steps
    unbroken = finish(command_line(rows, tmp_path / "unbroken", **settings))
    assert [int(row["step"]) for row in unbroken.log() if row["val_loss"]] == [6, 13, 20, 27]
    finish(command_line(rows, tmp_path / "run", **settings), KillAt("step", 13))
    assert_same_end(finish(command_line(rows, tmp_path / "run", "--resume", **settings)), unbroken)
    changed = command_line(rows, tmp_path / "run", "--resume", **settings | {"training__epoch_steps": 8})
    assert "training.epoch_steps have changed" in refused(changed)


def test_early_stopping_counts_on_after_a_kill(rows: Path, hopeless: Path, stopped_early: Run, tmp_path: Path) -> None:
    assert stopped_early.state()["global_step"] == 3 * 11  # of nine epochs
    arguments = command_line(rows, tmp_path / "run", "--validation", str(hopeless), **HOPELESS)
    finish(arguments, KillAt("step", 25))
    assert_same_end(finish([*arguments, "--resume"]), stopped_early)


def test_resuming_a_finished_run_trains_no_further(
    rows: Path, hopeless: Path, unbroken: Run, stopped_early: Run
) -> None:
    for run, more in (
        (unbroken, command_line(rows, unbroken.output)),
        (stopped_early, command_line(rows, stopped_early.output, "--validation", str(hopeless), **HOPELESS)),
    ):
        state, weights, log = run.state(), run.weights(), run.log()
        again = finish([*more, "--resume"])
        assert again.status == 0, again.said
        assert same(again.state(), state)
        assert same(again.weights(), weights)
        assert again.log() == log


def test_a_finished_run_goes_on_if_it_is_given_more(rows: Path, hopeless: Path, tmp_path: Path) -> None:
    arguments = command_line(rows, tmp_path / "run", "--validation", str(hopeless), **HOPELESS)
    finish(arguments)
    patient = finish([*arguments, "--resume", "--training.patience", "3"])
    assert patient.state()["global_step"] == 4 * 11
    longer = finish([*arguments, "--resume", "--training.patience", "9", "--training.epochs", "5"])
    assert longer.state()["global_step"] == 5 * 11


def test_the_best_weights_end_in_the_checkpoint(unbroken: Run) -> None:
    paths = sorted((unbroken.output / "training").glob("best-*.ckpt"))
    kept = [network_weights(path) for path in paths]
    average = {name: ((kept[0][name].double() + kept[1][name].double()) / 2).float() for name in kept[0]}
    assert any(same(unbroken.weights(), stored(weights)) for weights in (average, *kept))


def stored(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """As a checkpoint has them: in half precision, and without the second name of the tied embedding."""
    return {name: weight.half() for name, weight in weights.items() if name != "decoder.output.weight"}


class OneNumber:
    """As much of a task as the choice of weights needs: its only weight should be 2."""

    monitor, validation_options, state_types = ("nearness", "max"), MappingProxyType({"quick": True}), ()

    def __init__(self) -> None:
        self.network = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.constant_(self.network.weight, 7)

    def evaluate(self, rows: list[int], quick: bool = False) -> dict[str, float]:
        assert quick
        return {"nearness": -abs(self.network.weight.item() - 2)}


@pytest.mark.parametrize(
    ("weights", "chosen", "averaged"),
    [
        ((1, 3), 2, 2),
        ((2, 3), 2, 1),
        ((3, 1, 1, 4), 2.25, 4),
        ((5,), 5, 1),
        ((), 7, 0),
    ],
)
def test_the_average_of_the_best_is_kept_only_if_it_is_better(
    weights: tuple[float, ...], chosen: float, averaged: int, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{number}.ckpt" for number in range(len(weights))]
    for path, weight in zip(paths, weights, strict=True):
        torch.save({"state_dict": {"network.weight": torch.tensor([[float(weight)]])}}, path)
    task: Any = OneNumber()
    assert select_best_weights(task, dict.fromkeys(map(str, paths), 0.0), [{}]) == (
        {"nearness": -abs(chosen - 2)},
        averaged,
    )
    assert task.network.weight.item() == chosen


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (25, ["by the ", "run the same command with --resume", "To try it: "]),
        (6, ["before the first validation: no checkpoint was written", "run the same command with --resume"]),
        (1, ["before the first validation: no checkpoint was written", "Nothing was saved yet"]),
    ],
)
def test_ctrl_c_saves_the_best_so_far(step: int, says: list[str], rows: Path, unbroken: Run, tmp_path: Path) -> None:
    arguments = command_line(rows, tmp_path / "run")
    said = tmp_path / "said"
    process = start(arguments, said, PauseAt(step))
    try:
        wait_for(lambda: said.exists() and "pausing" in said.read_text())
        os.kill(process.pid, signal.SIGINT)
        process.join(20)
        assert process.exitcode == 130
    finally:
        process.kill()
    lines = said.read_text().splitlines()
    assert lines[-len(says)].startswith(f"Interrupted after {step} steps")
    for line, words in zip(lines[-len(says) :], says, strict=True):
        assert words in line
    if step == 25:
        assert Translator.from_pretrained(tmp_path / "run").translate("a dog").source_tokens
        assert_same_end(finish([*arguments, "--resume"]), unbroken)


class PauseAt:
    """Lets training wait in a step, so that a signal meets it there; given to a run as `before`."""

    def __init__(self, step: int) -> None:
        self.step = step

    def __call__(self) -> None:
        method = TaskModule.training_step

        def training_step(module: TaskModule, batch: Any, number: int) -> Any:
            if module.global_step == self.step:
                print("pausing", flush=True)
                signal.pause()
            return method(module, batch, number)

        patch.object(TaskModule, "training_step", training_step).start()


def test_an_earlier_run_is_neither_overwritten_nor_mixed_with_another(rows: Path, unbroken: Run) -> None:
    state = unbroken.state()
    assert "add --resume" in refused(command_line(rows, unbroken.output))
    assert "training.seed" in refused(command_line(rows, unbroken.output, "--resume", training__seed=2, hold=10))
    other_model = command_line(rows, unbroken.output, "--resume", model__embedding_size=8)
    assert "another model" in refused(other_model)
    assert same(unbroken.state(), state)


def test_there_must_be_something_to_resume(rows: Path, tmp_path: Path) -> None:
    assert "nothing to resume" in refused(command_line(rows, tmp_path / "run", "--resume"))


def test_a_damaged_state_is_named(rows: Path, unbroken: Run, tmp_path: Path) -> None:
    last = tmp_path / "run" / "training" / "last.ckpt"
    last.parent.mkdir(parents=True)
    last.write_bytes((unbroken.output / "training" / "last.ckpt").read_bytes()[:5000])
    assert "last.ckpt is damaged" in refused(command_line(rows, tmp_path / "run", "--resume"))


def test_an_output_that_cannot_be_used_is_refused_before_training(rows: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("mine")
    assert "is a file" in refused(command_line(rows, tmp_path / "file"))
    assert "letter.txt" in refused(command_line(rows, tmp_path / "mine"))
    assert "cannot be written" in refused(command_line(rows, Path("/proc/nowhere/run")), tmp_path / "said")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def no_rename() -> None:
    def rename(path: Path, target: Path) -> Path:
        raise OSError(errno.EBUSY, "Device or resource busy")

    patch.object(Path, "rename", rename).start()


def test_what_was_trained_is_not_lost_when_the_checkpoint_cannot_be_put_in_place(
    rows: Path, unbroken: Run, tmp_path: Path
) -> None:
    arguments = command_line(rows, tmp_path / "run")
    run = finish(arguments, no_rename)
    assert run.status == 1
    assert "Traceback" not in run.said
    assert re.search("error: .*run cannot be written: .*busy.* kept in .*run/training: .*--resume", run.last_line())
    assert_same_end(finish([*arguments, "--resume"]), unbroken)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"training__precision": "17"}, "Precision '17' is invalid"),
        ({"training__epochs": 0}, "training.epochs must be a whole number of at least 1, not 0"),
        ({"training__clip": -1}, "training.clip must be a number of at least 0"),
        ({"model__dropout": 1.5}, "dropout must be"),
        ({"model__attention": "total"}, "'dot', 'general', 'additive'"),
        ({"columns__target": "german"}, "has no column 'german'; it has: source, target"),
        ({"training__learning_rate": 1e30, "training__warmup_steps": 0}, "training diverged at step"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], says: str, rows: Path, tmp_path: Path) -> None:
    run = finish(command_line(rows, tmp_path / "run", **settings))
    assert run.status in {1, 2}
    assert "Traceback" not in run.said
    assert says in run.said


def test_three_rows_are_enough(tmp_path: Path) -> None:
    rows = write_csv(tmp_path / "three.csv", made_up_rows(3))
    run = finish(command_line(rows, tmp_path / "run", model__vocab_size=6000))
    assert run.status == 0, run.said
    assert "2 training and 1 validation rows" in run.said
    assert Translator.from_pretrained(tmp_path / "run").translate("a dog runs").source_tokens


def test_a_row_without_text_and_an_empty_validation_set_are_named(rows: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"source": "a", "target": "b"}\n{"source": "a", "target": null}\n')
    assert "broken.jsonl, row 2: column 'target' is empty" in refused(command_line(broken, tmp_path / "run"))
    empty = tmp_path / "empty.csv"
    empty.write_text("source,target\n")
    message = refused(command_line(rows, tmp_path / "run", "--validation", str(empty)))
    assert "empty.csv has no rows" in message
