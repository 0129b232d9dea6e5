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
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import callbacks, loggers
from lightning.pytorch.utilities import rank_zero_only

from seqcore.checkpoint import TRAINING, check_writable
from seqcore.errors import CheckpointError, DataError, InputError, SettingsError
from seqcore.tasks.base import Task
from seqcore.training.loader import BatchLoader
from seqcore.training.module import TaskModule
from seqcore.training.resuming import LOG_EVERY, AtomicFiles, LastState, csv_log, saved_step
from seqcore.training.settings import TrainingSettings

# Lightning's advice that does not hold for our loaders, or says what we say ourselves.
_NOISE = (
    ".*(does not have many workers|LeafSpec|Checkpoint directory|smaller than the logging interval|to be provided|"
    "sync_dist=True)"
)


@dataclass(frozen=True)
class Fitted:
    """What training reached.

    Attributes:
        scores: on validation, of the weights that were kept; empty if it was interrupted before any validation, and
            then no checkpoint was written.
        averaged: how many checkpoints these weights are the average of; 1 is the single best one, 0 the last step.
        resumable: whether the state of the run was saved, so that it can go on.
    """

    scores: Mapping[str, float]
    averaged: int
    steps: int
    seconds: float
    interrupted: bool = False
    resumable: bool = True


def is_first_process() -> bool:
    """Whether this is the process that speaks and writes, when several train together."""
    return int(getattr(rank_zero_only, "rank", 0)) == 0


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
        resume: go on from the last saved step of an earlier run with the same ``output``; one that was finished is
            not trained further, unless it is given more epochs or more patience.

    Raises:
        CheckpointError: ``output`` cannot be written.
        DataError: no rows to train or validate on, or fewer than processes.
        SettingsError: nothing to resume, a run of other data or another model, an earlier run in the way, settings
            that Lightning refuses, or training that diverged.
    """
    started = time.time()
    if not train or not validation:
        raise DataError(f"{len(train)} training and {len(validation)} validation rows: both need at least one")
    output = Path(output).expanduser()
    check_writable(output)
    work = output / TRAINING
    last = work / "last.ckpt"
    if resume and not last.exists():
        raise SettingsError(f"there is nothing to resume in {work}")
    if not resume and last.exists():
        raise SettingsError(f"{work} holds an earlier run: add --resume to go on with it, or name another output")
    if settings.threads:
        torch.set_num_threads(settings.threads)
    lightning.seed_everything(settings.seed, verbose=False)
    trainer, best, stop = _trainer(task, settings, work, saved_step(last, task) if resume else None)
    rank, world = trainer.global_rank, trainer.world_size
    loader = _loader(task, train, settings, settings.seed, rank, world)
    checks = _loader(task, validation, settings, None, rank, world)
    module = TaskModule(task, settings, len(loader) * settings.epochs, validation)
    keep = LastState(last, settings.save_every, loader, best, stop, settings.patience)
    trainer.callbacks.append(keep)  # type: ignore[attr-defined]
    interrupted = False
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=_NOISE)
            trainer.fit(module, loader, checks, ckpt_path=last if resume else None, weights_only=False)
    except (KeyboardInterrupt, SystemExit):  # Lightning turns Ctrl-C into the latter
        if not trainer.interrupted:
            raise
        interrupted = True
    except OSError as error:
        raise CheckpointError(f"{work} cannot be written: {error}") from error
    task.network.eval()
    scores: Mapping[str, float] = {}
    averaged = 0
    if best.best_k_models or not interrupted:
        scores, averaged = _keep_best(task, best, validation)
        if world > 1 and not interrupted:
            torch.distributed.barrier()  # the first process moves the folder that the others still read
        if trainer.is_global_zero:
            task.save_pretrained(output, dtype=torch.float16)
    seconds = time.time() - started
    return Fitted(scores, averaged, trainer.global_step, seconds, interrupted, last.exists())


def _trainer(
    task: Task, settings: TrainingSettings, work: Path, step: int | None
) -> tuple[lightning.Trainer, callbacks.ModelCheckpoint, callbacks.EarlyStopping]:
    """A trainer, what knows the best checkpoints and what stops early; ``step`` is where an earlier run goes on."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    monitor = f"val_{task.selection}"
    best = callbacks.ModelCheckpoint(
        work,
        "best-{epoch}-{step}",
        monitor=monitor,
        mode="max",
        save_top_k=settings.average,
        save_weights_only=True,
        enable_version_counter=False,
    )
    stop = callbacks.EarlyStopping(monitor, mode="max", patience=settings.patience)
    try:
        work.mkdir(parents=True, exist_ok=True)
        trainer = lightning.Trainer(
            accelerator=settings.accelerator,
            devices=settings.devices,
            num_nodes=settings.num_nodes,
            strategy="ddp" if settings.devices * settings.num_nodes > 1 else "auto",
            precision=settings.precision,  # type: ignore[arg-type]
            max_epochs=settings.epochs,
            check_val_every_n_epoch=settings.validate_every,
            num_sanity_val_steps=0,
            log_every_n_steps=LOG_EVERY,
            use_distributed_sampler=False,
            callbacks=[best, stop],
            plugins=[AtomicFiles()],
            logger=[csv_log(work, step), loggers.TensorBoardLogger(work, name="", version="tb")],
            enable_progress_bar=settings.progress,
            enable_model_summary=False,
        )
    except OSError as error:
        raise CheckpointError(f"{work} cannot be written: {error}") from error
    except (MisconfigurationException, ValueError) as error:
        raise SettingsError(f"these training settings are not possible here: {error}") from error
    return trainer, best, stop


def _loader(
    task: Task, rows: Sequence[Mapping[str, Any]], settings: TrainingSettings, seed: int | None, rank: int, world: int
) -> BatchLoader:
    if len(rows) < world:
        raise DataError(f"{len(rows)} rows are too few for {world} processes")
    examples = []
    for number, row in enumerate(rows, 1):
        try:
            examples.append(task.example(row))
        except InputError as error:
            raise DataError(f"row {number} of {'validation' if seed is None else 'training'}: {error}") from error
    return BatchLoader(task, examples, settings.batch_tokens, seed, rank, world)


def _keep_best(
    task: Task, best: callbacks.ModelCheckpoint, validation: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, float], int]:
    """Load the best weights, or the average of the best few (Izmailov 2018) if that validates better."""
    ranked = sorted(best.best_k_models.items(), key=lambda item: float(item[1]), reverse=True)
    ranked = [(path, score) for path, score in ranked if Path(path).exists()]
    if not ranked:
        return task.scores(task.predict(validation, beam_size=1), validation), 0
    single = _network_weights(ranked[0][0])
    average = {name: tensor.double() for name, tensor in single.items()}
    for path, _ in ranked[1:]:
        for name, tensor in _network_weights(path).items():
            average[name] += tensor
    task.network.load_state_dict(single)
    of_single = task.scores(task.predict(validation, beam_size=1), validation)
    if len(ranked) == 1:
        return of_single, 1
    task.network.load_state_dict({name: total / len(ranked) for name, total in average.items()})
    of_average = task.scores(task.predict(validation, beam_size=1), validation)
    if of_average[task.selection] >= of_single[task.selection]:
        return of_average, len(ranked)
    task.network.load_state_dict(single)
    return of_single, 1


def _network_weights(path: str) -> dict[str, torch.Tensor]:
    state = torch.load(path, map_location="cpu", weights_only=False)["state_dict"]
    return {name.removeprefix("network."): tensor for name, tensor in state.items()}
