"""What `fit` takes and gives besides weights: hooks, workers, the state of a task of one's own, and runs of before."""

import csv
import os
import signal
import warnings
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import pytest
import torch
from lightning.pytorch import callbacks, loggers
from stopping import StopAt
from training_runs import FORKED, wait_for

import seqcore
from examples.forecasting import Carried, Forecaster, ForecasterConfig, made_up_series
from seqcore.errors import DataError, SettingsError
from seqcore.tasks.language import LanguageModel, LanguageModelConfig
from seqcore.tasks.sentiment import SentimentClassifier
from seqcore.text import Tokenizer
from seqcore.training import FitResult, TrainingSettings, fit
from seqcore.training.averaging import select_best_weights
from seqcore.training.progress import Progress

FIXTURES = Path(__file__).parents[1] / "fixtures"
SETTINGS: dict[str, Any] = {
    "epochs": 3, "batch_tokens": 128, "bptt": 16, "warmup_steps": 4, "learning_rate": 0.01, "precision": "32-true",
    "save_every": 3, "accelerator": "cpu", "threads": 1, "progress": False,
}  # fmt: skip
ROWS, CHECKS = made_up_series(40, seed=1), made_up_series(6, seed=2)


class Waves(Forecaster):
    """The example, in batches of whole series, which workers can make; it says what is done with it at the end."""

    name = "waves"
    stateful = False
    pause = ""

    def __init__(self, config: ForecasterConfig) -> None:
        super().__init__(config)
        self.finished: list[int] = []

    def collate(self, examples: Any) -> Any:
        return {**super().collate(examples), "made_by": torch.tensor([os.getpid()])}

    def finish_training(self, rows: Any) -> None:
        assert not self.network.training
        self.finished.append(len(rows))
        with torch.no_grad():
            self.network.get_parameter("head.bias").fill_(0.25)


class Watching(StopAt):
    """Knows who made the batches, and how many there were."""

    def __init__(self, step: int = -1) -> None:
        super().__init__(step)
        self.makers, self.seen = set[int](), 0

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, number: int) -> None:
        if "made_by" in batch:
            self.makers.add(int(batch["made_by"]))
        super().on_train_batch_start(trainer, module, batch, number)
        self.seen += 1

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self.seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.seen = state["seen"]


def run(output: Path, kind: type[Forecaster] = Waves, resume: bool = False, **options: Any) -> tuple[Any, FitResult]:
    torch.manual_seed(1)
    hooks = {name: options.pop(name) for name in ("callbacks", "loggers", "optimizer") if name in options}
    task = kind.create(ForecasterConfig(hidden_size=8), ROWS)
    settings = TrainingSettings(**{**SETTINGS, **options})
    return task, fit(task, ROWS, CHECKS, settings, output, resume, **hooks)


def log(output: Path) -> list[dict[str, str]]:
    with (output / "training" / "csv" / "metrics.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def weights(task: Any) -> list[torch.Tensor]:
    return list(task.network.state_dict().values())


def test_workers_change_no_number_and_a_run_with_them_goes_on(tmp_path: Path) -> None:
    alone, helped, stopped, resumed = Watching(), Watching(), Watching(8), Watching()
    task, _ = run(tmp_path / "alone", callbacks=[alone])
    other, _ = run(tmp_path / "helped", callbacks=[helped], workers=2)
    assert alone.makers == {os.getpid()}
    assert len(helped.makers) >= 2
    assert os.getpid() not in helped.makers
    assert log(tmp_path / "helped") == log(tmp_path / "alone")
    with pytest.raises(RuntimeError, match="stopped by the test"):
        run(tmp_path / "run", callbacks=[stopped], workers=2)
    last, _ = run(tmp_path / "run", resume=True, callbacks=[resumed], workers=2)
    assert log(tmp_path / "run") == log(tmp_path / "alone")
    for one, *others in zip(weights(task), weights(other), weights(last), strict=True):
        assert all(one.equal(each) for each in others)
    assert resumed.seen == alone.seen  # A callback's own state is resumed, too.


def test_a_task_is_finished_once_before_it_is_saved(tmp_path: Path) -> None:
    task, result = run(tmp_path / "run", epochs=1)
    assert task.finished == [len(CHECKS)]
    assert result.scores.keys() == {"rmse"}
    assert float(seqcore.load(tmp_path / "run").network.get_parameter("head.bias")) == 0.25


def test_an_optimizer_and_loggers_of_ones_own(tmp_path: Path) -> None:
    more = loggers.CSVLogger(tmp_path, name="", version="more", flush_logs_every_n_steps=1)
    settings: dict[str, Any] = {"epochs": 1, "weight_decay": 0.5, "learning_rate": 0.03}
    optimizers: list[torch.optim.Optimizer] = []

    def make(groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        assert {group["lr"] for group in groups} == {0.03}
        assert {group["weight_decay"] for group in groups} == {0.5, 0.0}
        optimizers.append(torch.optim.SGD(groups, momentum=0.9))
        return optimizers[-1]

    run(tmp_path / "run", optimizer=make, loggers=[more], **settings)
    assert len(optimizers) == 1
    assert "val_rmse" in (tmp_path / "more" / "metrics.csv").read_text(encoding="utf-8")
    with pytest.raises(SettingsError, match="this run began with SGD and cannot go on with AdamW"):
        run(tmp_path / "run", resume=True, **settings)
    run(tmp_path / "run", resume=True, optimizer=partial(torch.optim.SGD, momentum=0.9), **settings | {"epochs": 2})


class Weight:
    """As much of a task as the choice of weights needs: its only weight should be 2, and its error be small."""

    monitor, state_types = ("error", "min"), ()
    validation_options = MappingProxyType[str, Any]({})

    def __init__(self) -> None:
        self.network = torch.nn.Linear(1, 1, bias=False)

    def evaluate(self, rows: list[int]) -> dict[str, float]:
        return {"error": abs(self.network.weight.item() - 2)}


@pytest.mark.parametrize(("numbers", "chosen", "averaged"), [((1, 3), 2, 2), ((2, 3), 2, 1), ((3, 4, 5), 3, 1)])
def test_the_average_is_taken_if_less_is_better_and_it_is_less(
    numbers: tuple[float, ...], chosen: float, averaged: int, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{number}.ckpt" for number in numbers]
    for path, number in zip(paths, numbers, strict=True):
        torch.save({"state_dict": {"network.weight": torch.tensor([[float(number)]])}}, path)
    task: Any = Weight()
    assert select_best_weights(task, dict.fromkeys(map(str, paths), 0.0), []) == ({"error": abs(chosen - 2)}, averaged)
    assert task.network.weight.item() == chosen


@pytest.mark.parametrize(("mode", "best"), [("min", "0.20"), ("max", "0.30")])
def test_progress_shows_the_best_whichever_way_is_better(mode: str, best: str) -> None:
    checkpoints = callbacks.ModelCheckpoint()
    checkpoints.best_model_score = torch.tensor(0.2)
    progress = Progress(10, checkpoints, ("rmse", mode), bar=False)
    assert progress._best_so_far("rmse", 0.3) == f" (best {best})"


class Vain(Waves):
    name = "vain"
    monitor = ("beauty", "min")


def test_a_metric_that_is_not_computed_is_named_before_training(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"Vain\.monitor names 'beauty', which is none of its metrics: rmse"):
        run(tmp_path / "run", kind=Vain)


class Careless(Forecaster):
    name = "careless"
    state_types: ClassVar[tuple[type, ...]] = ()  # type: ignore[assignment,misc]


def test_a_carried_state_is_read_again_only_if_the_task_names_its_types(tmp_path: Path) -> None:
    assert Forecaster.state_types == (Carried,)
    for kind in (Forecaster, Careless):
        with pytest.raises(RuntimeError, match="stopped by the test"):
            run(tmp_path / kind.name, kind, callbacks=[Watching(8)])
    _, result = run(tmp_path / "forecasting", Forecaster, resume=True)
    assert result.steps > 8
    with pytest.raises(SettingsError, match=r"examples\.forecasting\.Carried is not among its state_types"):
        run(tmp_path / "careless", Careless, resume=True)


class Broken(Waves):
    name = "broken"

    def collate(self, examples: Any) -> Any:
        raise DataError("the pictures are gone")


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_a_batch_is_told_as_it_is(workers: int, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^the pictures are gone$"):
        run(tmp_path / "run", kind=Broken, workers=workers)


class Mortal(Waves):
    name = "mortal"

    def collate(self, examples: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_is_killed_is_told_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"a process that made batches has ended .* lower training\.workers"):
        run(tmp_path / "run", kind=Mortal, workers=1)


class Interrupt(callbacks.Callback):
    """Sends a signal as a terminal does after Ctrl-C, or a cluster: to the process, and to all that it started."""

    def __init__(self, number: int) -> None:
        self.number = number

    def on_train_batch_start(self, trainer: Any, *_: Any) -> None:
        if trainer.global_step == 8:
            os.killpg(os.getpgrp(), self.number)


def interrupted(output: Path, number: int) -> None:
    os.setpgrp()
    _, result = run(output, callbacks=[Interrupt(number)], workers=2)
    (output.parent / "result").write_text(f"{result.interrupted} {result.steps} {result.resumable}")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_processes_ends_a_run_with_workers_as_any_other(number: int, tmp_path: Path) -> None:
    process = FORKED.Process(target=interrupted, args=(tmp_path / "run", number))
    process.start()
    try:
        wait_for((tmp_path / "result").exists)
        process.join(20)
        assert process.exitcode == 0
    finally:
        process.kill()
    assert (tmp_path / "result").read_text() == "True 8 True"
    run(tmp_path / "run", resume=True)
    run(tmp_path / "whole")
    assert log(tmp_path / "run") == log(tmp_path / "whole")


# Runs that seqcore 0.1.0 began


def rows_of_before(count: int) -> list[dict[str, str]]:
    words = ["the", "film", "was", "good", "bad", "and", "not", "very", "long", "we", "liked", "it", "nobody", "did"]
    texts = [" ".join(words[(i * j + j) % len(words)] for j in range(1, 4 + i % 9)) for i in range(count)]
    return [{"text": text, "label": ("negative", "positive")[i % 2]} for i, text in enumerate(texts)]


def task_of_before(name: str) -> Any:
    if name == "sentiment":
        return SentimentClassifier.from_pretrained(FIXTURES / "sentiment-v1", device="cpu")
    tokenizer = Tokenizer.load(FIXTURES / "sentiment-v1")
    config = LanguageModelConfig(len(tokenizer), embedding_size=8, hidden_size=8, num_layers=1, dropout=0.2)
    return LanguageModel(config, tokenizer)


@pytest.mark.parametrize("name", ["language-model", "sentiment"])
def test_a_run_of_before_goes_on_with_the_same_numbers(name: str, tmp_path: Path) -> None:
    state, expected = (FIXTURES / "training-v1" / name / file for file in ("last.ckpt", "expected.csv"))
    (tmp_path / "run" / "training").mkdir(parents=True)
    (tmp_path / "run" / "training" / "last.ckpt").write_bytes(state.read_bytes())
    changed = {"epochs": 2, "batch_tokens": 200, "bptt": 10, "save_every": 5}
    settings = TrainingSettings(**SETTINGS | changed)
    fit(task_of_before(name), rows_of_before(60), rows_of_before(8), settings, tmp_path / "run", resume=True)
    with expected.open(encoding="utf-8") as file:
        wanted = list(csv.DictReader(file))
    given = log(tmp_path / "run")
    assert [row["step"] for row in given] == [row["step"] for row in wanted]
    for row, other in zip(given, wanted, strict=True):
        for metric, value in other.items():
            assert row[metric] == value or float(row[metric]) == pytest.approx(float(value), rel=1e-3), metric


def test_names_of_before_answer_with_a_warning() -> None:
    import seqcore.training.finetune as before
    from seqcore import training

    with pytest.warns(FutureWarning, match="Fitted is called seqcore.training.fitting.FitResult"):
        assert training.Fitted is FitResult
    with pytest.warns(FutureWarning, match="token_budget_loader"):
        loader = training.BatchLoader(Waves(ForecasterConfig()), [{"series": torch.zeros(3)}] * 4, 6, 1)
    with pytest.warns(FutureWarning, match="seqcore.training.finetune.fit is called"):
        assert before.fit is fit
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list(loader)) == 2
