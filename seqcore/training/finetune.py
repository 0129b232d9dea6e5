"""One fit function for every task."""

import logging
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch import callbacks, loggers

from seqcore.checkpoint import check_writable
from seqcore.errors import DataError, SettingsError
from seqcore.tasks.base import Task
from seqcore.training.loader import BatchLoader
from seqcore.training.module import TaskModule
from seqcore.training.settings import TrainingSettings


@dataclass(frozen=True)
class Fitted:
    """What training reached: validation scores of the weights that were kept, and how they were made."""

    scores: Mapping[str, float]
    averaged: int
    steps: int
    seconds: float
    interrupted: bool = False


def fit(
    task: Task,
    train: Sequence[Mapping[str, Any]],
    validation: Sequence[Mapping[str, Any]],
    settings: TrainingSettings,
    output: str | Path,
    resume: bool = False,
) -> Fitted:
    """Train a task's network in place and save its best weights as a checkpoint.

    Logs (CSV and TensorBoard) and resumable state go to ``output/training``; the checkpoint itself to ``output``, at
    the end or when the run is interrupted by Ctrl-C.

    Args:
        train, validation: rows as the task wants them.
        resume: go on from the last saved step of an earlier run with the same ``output``.

    Raises:
        DataError: no rows to train or validate on, or fewer than processes.
        SettingsError: nothing to resume, or an earlier run in the way.
    """
    started = time.time()
    if not train or not validation:
        raise DataError(f"{len(train)} training and {len(validation)} validation rows: both need at least one")
    check_writable(output)
    work = Path(output) / "training"
    last = work / "last.ckpt"
    if resume and not last.exists():
        raise SettingsError(f"there is nothing to resume in {work}")
    if not resume and last.exists():
        raise SettingsError(f"{work} holds an earlier run: add --resume to go on with it, or name another output")
    if settings.threads:
        torch.set_num_threads(settings.threads)
    lightning.seed_everything(settings.seed, verbose=False)
    trainer, best = _trainer(task, settings, work)
    rank, world = trainer.global_rank, trainer.world_size
    loader = _loader(task, train, settings, settings.seed, rank, world)
    checks = _loader(task, validation, settings, None, rank, world)
    module = TaskModule(task, settings, len(loader) * settings.epochs, validation)
    interrupted = False
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*(does not have many workers|LeafSpec|Checkpoint directory).*")
            trainer.fit(module, loader, checks, ckpt_path=last if resume else None, weights_only=False)
    except (KeyboardInterrupt, SystemExit):  # Lightning turns Ctrl-C into the latter
        if not trainer.interrupted:
            raise
        interrupted = True
    task.network.eval()
    scores, averaged = _keep_best(task, best, validation)
    if trainer.is_global_zero:
        task.save_pretrained(output, dtype=torch.float16)
    return Fitted(scores, averaged, trainer.global_step, time.time() - started, interrupted)


def _trainer(task: Task, settings: TrainingSettings, work: Path) -> tuple[lightning.Trainer, callbacks.ModelCheckpoint]:
    work.mkdir(parents=True, exist_ok=True)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    monitor = f"val_{task.selection}"
    best = callbacks.ModelCheckpoint(
        work, "best-{epoch}-{step}", monitor=monitor, mode="max", save_top_k=settings.average, save_weights_only=True
    )
    last = callbacks.ModelCheckpoint(
        work, "last", every_n_train_steps=settings.save_every, enable_version_counter=False
    )
    stop = callbacks.EarlyStopping(monitor, mode="max", patience=settings.patience)
    trainer = lightning.Trainer(
        accelerator=settings.accelerator,
        devices=settings.devices,
        num_nodes=settings.num_nodes,
        strategy="ddp" if settings.devices * settings.num_nodes > 1 else "auto",
        precision=settings.precision,  # type: ignore[arg-type]
        max_epochs=settings.epochs,
        check_val_every_n_epoch=settings.validate_every,
        num_sanity_val_steps=0,
        log_every_n_steps=20,
        use_distributed_sampler=False,
        callbacks=[best, stop, last],
        logger=[
            loggers.CSVLogger(work, name="", version="csv"),
            loggers.TensorBoardLogger(work, name="", version="tb"),
        ],
        enable_progress_bar=settings.progress,
        enable_model_summary=False,
    )
    return trainer, best


def _loader(
    task: Task, rows: Sequence[Mapping[str, Any]], settings: TrainingSettings, seed: int | None, rank: int, world: int
) -> BatchLoader:
    if len(rows) < world:
        raise DataError(f"{len(rows)} rows are too few for {world} processes")
    return BatchLoader(task, [task.example(row) for row in rows], settings.batch_tokens, seed, rank, world)


def _keep_best(
    task: Task, best: callbacks.ModelCheckpoint, validation: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, float], int]:
    """Load the best weights, or the average of the best few (Izmailov 2018) if that validates better."""
    ranked = sorted(best.best_k_models.items(), key=lambda item: float(item[1]), reverse=True)
    if not ranked:
        return task.scores(task.predict(validation, beam_size=1), validation), 0
    single = _network_weights(ranked[0][0])
    average = {name: tensor.double() for name, tensor in single.items()}
    for path, _ in ranked[1:]:
        for name, tensor in _network_weights(path).items():
            average[name] += tensor
    reached = []
    for weights in (single, {name: total / len(ranked) for name, total in average.items()}):
        task.network.load_state_dict(weights)
        reached.append(task.scores(task.predict(validation, beam_size=1), validation))
    if reached[1][task.selection] >= reached[0][task.selection]:
        return reached[1], len(ranked)
    task.network.load_state_dict(single)
    return reached[0], 1


def _network_weights(path: str) -> dict[str, torch.Tensor]:
    state = torch.load(path, map_location="cpu", weights_only=False)["state_dict"]
    return {name.removeprefix("network."): tensor for name, tensor in state.items()}
