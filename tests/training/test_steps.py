"""The batches and the steps of a training, without a run: their order, gradients, rates and what is refused."""

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from training_runs import made_up_rows

from seqcore.errors import DataError, SettingsError
from seqcore.tasks.translation import Translator, TranslatorConfig
from seqcore.training import ResumableDataLoader, TrainingSettings, fit, token_budget_loader
from seqcore.training.module import TaskModule


@pytest.fixture(scope="module")
def task() -> Translator:
    config = TranslatorConfig(vocab_size=400, embedding_size=8, encoder_hidden_size=6, decoder_hidden_size=8)
    return Translator.create(config, made_up_rows(60))


def test_training_needs_rows_to_validate_on(task: Translator, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="60 training and 0 validation rows: both need at least one"):
        fit(task, made_up_rows(60), [], TrainingSettings(accelerator="cpu"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_row_in_an_unknown_language_is_named(task: Translator, tmp_path: Path) -> None:
    rows = [*made_up_rows(2), {"source": "un", "target": "ein", "source_lang": "fr"}]
    with pytest.raises(DataError, match=r"row 3 of training: .*'fr'"):
        fit(task, rows, rows[:1], TrainingSettings(accelerator="cpu", progress=False), tmp_path / "run")


def loader(
    task: Translator, seed: int | None = 7, rank: int = 0, world: int = 1, epoch_steps: int = 0, workers: int = 0
) -> ResumableDataLoader:
    examples = [task.example(row) for row in made_up_rows(60)]
    return token_budget_loader(task, examples, 120, seed, rank, world, epoch_steps, workers=workers)


def seen(batches: ResumableDataLoader, count: int | None = None) -> list[list[list[int]]]:
    """The sources of so many batches, or of the rest of the epoch."""
    iterator = iter(batches)
    chosen = iterator if count is None else (next(iterator) for _ in range(count))
    return [batch["source"].tolist() for batch in chosen]


def test_every_epoch_has_its_own_order_and_as_many_batches(task: Translator) -> None:
    batches = loader(task)
    epochs = [seen(batches) for _ in range(3)]
    assert {len(epoch) for epoch in epochs} == {len(batches)}
    assert all(one != other for one, other in pairwise(epochs))
    rows = [sorted(tuple(trimmed(row)) for batch in epoch for row in batch) for epoch in epochs]
    assert rows[0] == rows[1] == rows[2]
    assert epochs == [seen(again) for again in [loader(task)] for _ in range(3)]
    in_order = loader(task, seed=None)
    assert seen(in_order) == seen(in_order)


def shares(batches: ResumableDataLoader) -> list[list[int]]:
    """The row numbers of each batch of this epoch."""
    sampler = batches.batch_sampler
    return [sampler.batch(sampler.epoch * len(sampler) + position) for position in range(len(sampler))]


def trimmed(row: list[int]) -> list[int]:
    return [token for token in row if token != 0]


def test_a_loader_goes_on_where_another_was(task: Translator) -> None:
    for count in (1, 4, len(loader(task))):
        first = loader(task)
        whole = [*seen(first), *seen(first)]
        first, second = loader(task), loader(task)
        seen(first, count)
        second.load_state_dict(first.state_dict())
        assert [*seen(second), *seen(second)][: len(whole) - count] == whole[count:]


@pytest.mark.parametrize("steps", [3, 7, 100])
def test_epochs_of_a_fixed_length_go_on_where_the_last_ended(task: Translator, steps: int) -> None:
    whole, parts = loader(task), loader(task, epoch_steps=steps)
    count = len(whole)
    passes = [batch for _ in range(3 + 200 // count) for batch in seen(whole)]
    epochs = [seen(parts) for _ in range(-(-3 * count // steps))]
    assert {len(epoch) for epoch in epochs} == {len(parts)} == {steps}
    given = [batch for epoch in epochs for batch in epoch]
    assert given == passes[: len(given)]
    rows = sorted(trimmed(row) for batch in passes[:count] for row in batch)
    for begin in range(0, 3 * count, count):
        assert sorted(trimmed(row) for batch in given[begin : begin + count] for row in batch) == rows


def test_a_loader_goes_on_in_an_epoch_that_crosses_a_pass(task: Translator) -> None:
    steps = len(loader(task)) - 2
    for count in range(2 * steps + 1):
        first = loader(task, epoch_steps=steps)
        whole = [batch for _ in range(4) for batch in seen(first)]
        first, second = loader(task, epoch_steps=steps), loader(task, epoch_steps=steps)
        for _ in range(count // steps):
            seen(first)
        seen(first, count % steps)
        second.load_state_dict(first.state_dict())
        rest = [batch for _ in range(4) for batch in seen(second)]
        assert rest[: len(whole) - count] == whole[count:]


def test_processes_share_the_batches_of_an_epoch_that_crosses_a_pass(task: Translator) -> None:
    steps = len(loader(task, world=2)) + 3
    whole, *parts = (
        loader(task, epoch_steps=steps, rank=rank, world=world) for rank, world in ((0, 1), (0, 2), (1, 2))
    )
    for _ in range(3):
        for batch, one, other in zip(shares(whole), *map(shares, parts), strict=True):
            assert sorted([*one, *other]) == sorted(batch)
        for each in (whole, *parts):
            seen(each)


@pytest.mark.parametrize("other", [{"seed": 8}, {"seed": None}, {"epoch_steps": 3}])
def test_a_loader_refuses_the_state_of_another_order(task: Translator, other: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r"training data, training\.seed, training\.batch_tokens, .* have changed"):
        loader(task, **other).load_state_dict(loader(task).state_dict())


def test_processes_share_every_batch(task: Translator) -> None:
    whole, first, second = loader(task), loader(task, world=2), loader(task, rank=1, world=2)
    for one, other, batch in zip(shares(first), shares(second), shares(whole), strict=True):
        assert one
        assert other
        assert abs(len(one) - len(other)) <= 1
        assert sorted([*one, *other]) == sorted(batch)


def module(task: Translator, steps: int = 100, **settings: Any) -> tuple[TaskModule, dict[str, Any]]:
    """What trains a task, outside a trainer, and what it logs."""
    trained = TaskModule(task, TrainingSettings(**settings), steps)
    logged: dict[str, Any] = {}
    trained.log = lambda name, value, **_: logged.update({name: value})  # type: ignore[assignment,method-assign]
    return trained, logged


@pytest.mark.parametrize(("clip", "length"), [(0.5, 0.5), (0.0, 12.0), (100.0, 12.0)])
def test_a_gradient_is_clipped_and_its_norm_logged(task: Translator, clip: float, length: float) -> None:
    trained, logged = module(task, clip=clip)
    weights = list(task.network.parameters())
    for weight in weights:
        weight.grad = torch.ones_like(weight)
    scale = 12 / math.sqrt(sum(weight.numel() for weight in weights))
    for weight in weights:
        assert weight.grad is not None
        weight.grad *= scale
    trained.configure_gradient_clipping(None)
    assert float(logged["gradient_norm"]) == pytest.approx(12, rel=1e-4)
    assert norm(weights) == pytest.approx(length, rel=1e-4)
    task.network.zero_grad()


def diverge(trained: TaskModule) -> None:
    for weight in trained.network.parameters():
        weight.grad = torch.full_like(weight, math.nan)
    trained.configure_gradient_clipping(None)


def test_divergence_is_told_at_its_step(task: Translator) -> None:
    with pytest.raises(SettingsError, match="training diverged at step 0: the gradient's norm is nan"):
        diverge(module(task)[0])
    task.network.zero_grad()


@pytest.mark.parametrize(
    "then",
    [
        TaskModule.on_validation_start,
        TaskModule.on_train_end,
        lambda trained: trained.on_save_checkpoint({}),
        lambda trained: trained.configure_gradient_clipping(None),
    ],
)
def test_on_a_gpu_divergence_is_told_before_anything_is_saved(
    then: Callable[[TaskModule], None], task: Translator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqcore.training.module._WITH_QUEUE", {"cpu"})
    trained, _ = module(task)
    diverge(trained)
    task.network.zero_grad()
    with pytest.raises(SettingsError, match="training diverged at step 0: the gradient's norm is nan"):
        then(trained)


def norm(weights: list[torch.nn.Parameter]) -> float:
    return math.sqrt(sum(float(weight.grad.square().sum()) for weight in weights if weight.grad is not None))


def test_the_rate_rises_in_a_line_and_falls_in_a_cosine(task: Translator) -> None:
    trained, _ = module(task, steps=100, learning_rate=0.5, warmup_steps=20)
    chosen = trained.configure_optimizers()
    optimizer, schedule = chosen["optimizer"], chosen["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(101):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates[:20] == pytest.approx([0.5 * (step + 1) / 20 for step in range(20)])
    assert rates[20] == pytest.approx(0.5)
    assert rates[40] == pytest.approx(0.25 * (1 + math.cos(math.pi / 4)))
    assert rates[60] == pytest.approx(0.25)
    assert rates[100] == pytest.approx(0)
    assert all(one > other for one, other in pairwise(rates[20:]))


def test_the_warm_up_fits_into_a_short_run(task: Translator) -> None:
    trained, _ = module(task, steps=3, learning_rate=0.5, warmup_steps=400)
    chosen = trained.configure_optimizers()
    assert chosen["optimizer"].param_groups[0]["lr"] == pytest.approx(0.5)


def test_weight_decay_is_for_matrices_only(task: Translator) -> None:
    trained, _ = module(task, weight_decay=0.3)
    matrices, vectors = trained.configure_optimizers()["optimizer"].param_groups
    assert (matrices["weight_decay"], vectors["weight_decay"]) == (0.3, 0)
    assert {weight.dim() for weight in matrices["params"]} == {2}
    assert {weight.dim() for weight in vectors["params"]} == {1}
    assert len(matrices["params"]) + len(vectors["params"]) == len(list(task.network.parameters()))
