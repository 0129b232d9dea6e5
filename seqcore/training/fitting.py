"""One fit function for every task."""

import os
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch import callbacks as lightning_callbacks
from lightning.pytorch import loggers as lightning_loggers

from seqcore.checkpoint import TRAINING, check_writable
from seqcore.errors import CheckpointError, DataError, SettingsError, first_line
from seqcore.tasks.base import Example, Task
from seqcore.training.clock import Clock
from seqcore.training.ending import Ending
from seqcore.training.examples import make_examples
from seqcore.training.loaders import ResumableDataLoader, stream_loader, token_budget_loader
from seqcore.training.module import MakeOptimizer, TaskModule
from seqcore.training.processes import LostProcessError, as_launched, others_may_be_lost
from seqcore.training.progress import Progress
from seqcore.training.resuming import LastCheckpoint, saved_step
from seqcore.training.settings import TrainingSettings
from seqcore.training.stopping import StopSignals
from seqcore.training.together import Together
from seqcore.training.trainer import new_trainer
from seqcore.training.workers import worker_count

Rows = Sequence[Mapping[str, Any]]
# Lightning's advice that does not hold for our loaders, or says what we say ourselves.
_NOISE = (
    ".*(does not have many workers|LeafSpec|Checkpoint directory|smaller than the logging interval|to be provided|"
    "sync_dist=True|in eval mode|RNN module weights are not part)"
)


@dataclass(frozen=True)
class FitResult:
    """What training reached.

    Attributes:
        scores: on validation, of the weights that were chosen; empty if it was interrupted before any validation, and
            then no checkpoint was written.
        averaged: how many checkpoints these weights are the average of; 1 is the single best one, 0 the last step.
        interrupted: whether it was stopped before its end.
        resumable: whether the state of the run was saved, so that it can go on.
        signal: the number of the signal that stopped it, or that came while the checkpoint was saved at its end.
    """

    scores: Mapping[str, float]
    averaged: int
    steps: int
    seconds: float
    interrupted: bool = False
    resumable: bool = True
    signal: int | None = None


def fit(
    task: Task,
    train: Rows,
    validation: Rows,
    settings: TrainingSettings,
    output: str | Path,
    resume: bool = False,
    *,
    callbacks: Sequence[lightning_callbacks.Callback] = (),
    loggers: Sequence[lightning_loggers.Logger] = (),
    optimizer: MakeOptimizer | None = None,
) -> FitResult:
    """Train a task's network in place and save its best weights as a checkpoint.

    Logs (CSV and TensorBoard) and resumable state go to `output/training`; the checkpoint itself to `output`, at the
    end or when the run is interrupted, in half precision; the network in memory keeps its own. Before it is saved, the
    task's `finish_training` is given the validation rows, in every process.

    Ctrl-C, SIGTERM and SIGHUP interrupt a run in the main thread, also at its end while checkpoints are averaged: the
    best checkpoint is saved first, and then their average if it is better. A second signal ends that at once; what was
    saved stays. Signals that are handled or ignored already, as under `nohup`, stay as they are.

    With `settings.minutes`, two runs of the same seed differ, for their steps take other times.

    Args:
        train, validation: rows as the task wants them.
        resume: go on from the last saved step of an earlier run with the same `output`; one that was finished is
            not trained further, unless it is given more epochs or more patience.
        callbacks, loggers: of Lightning, besides those that are there. A callback's `state_dict` is saved and resumed.
        optimizer: makes an optimizer of groups of parameters, each with its learning rate and weight decay; without
            it AdamW (Loshchilov & Hutter 2019).

    Raises:
        CheckpointError: `output` cannot be written.
        DataError: no rows to train or validate on, or fewer than processes.
        KeyboardInterrupt: a signal before the first step, or a second one before the best checkpoint was saved.
        LostProcessError: another one of several processes has ended.
        SettingsError: nothing to resume, a run of other data or another model, an earlier run in the way, settings
            that Lightning refuses, a metric that the task monitors but does not compute, or training that diverged.

    Example:
        >>> from functools import partial
        >>> momentum = partial(torch.optim.SGD, momentum=0.9)  # fit(…, optimizer=momentum)
    """
    started = time.monotonic()
    settings = as_launched(settings)
    output = Path(output).expanduser()
    with StopSignals() as signals:
        work = output / TRAINING
        last = work / "last.ckpt"
        _check(train, validation, output, last, resume)
        if settings.threads:
            torch.set_num_threads(settings.threads)
            os.environ.setdefault("OMP_NUM_THREADS", str(settings.threads))  # Or Lightning shares the cores out.
        lightning.seed_everything(settings.seed, verbose=False)
        step = saved_step(last, task) if resume else None
        trainer, best, stop = new_trainer(task, settings, work, step, callbacks, loggers)
        rank, world = trainer.global_rank, trainer.world_size
        device = trainer.strategy.root_device
        loader = _loader(task, _examples(task, train, "training", world), settings, rank, world, device)
        examples = _examples(task, validation, "validation", world)
        # A GPU has room for more where no gradients are kept; on a CPU, more at once is no faster.
        budget = settings.batch_tokens * (1 if device.type == "cpu" else 4)
        workers = worker_count(settings, task, examples, device)
        checks = token_budget_loader(task, examples, budget, None, rank, world, workers=workers)
        _rehearse(task, validation, examples)
        clock = Clock(settings)
        module = TaskModule(task, settings, len(loader) * settings.epochs, validation, optimizer, clock)
        progress = Progress(module.steps, best, task.monitor, settings.progress, clock, settings.minutes)
        # What is saved comes last, and so holds what all others have done.
        saving = LastCheckpoint(last, settings, loader, best, stop, clock)
        trainer.callbacks += [signals, clock, progress, saving]  # type: ignore[attr-defined]
        if world > 1:
            orders = {"training data": loader.batch_sampler.order, "validation data": checks.batch_sampler.order}
            marks = {**orders, "settings of the model": repr(task.config)}
            trainer.callbacks.append(Together(work, marks, signals, saving))  # type: ignore[attr-defined]
        interrupted = _train(trainer, module, loader, checks, last, resume, signals)
        ending = Ending(task, trainer, best.best_k_models, validation, output)
        scores, averaged, interrupted = ending.finish(signals, interrupted)
        seconds = time.monotonic() - started
        return FitResult(scores, averaged, trainer.global_step, seconds, interrupted, last.exists(), signals.received)


def _check(train: Rows, validation: Rows, output: Path, last: Path, resume: bool) -> None:
    if not train or not validation:
        raise DataError(f"{len(train)} training and {len(validation)} validation rows: both need at least one")
    check_writable(output)
    if resume and not last.exists():
        raise SettingsError(f"there is nothing to resume in {last.parent}")
    if not resume and last.exists():
        raise SettingsError(
            f"{last.parent} holds an earlier run: add --resume to go on with it, or name another output"
        )


def _examples(task: Task, rows: Rows, what: str, processes: int) -> list[Example]:
    if len(rows) < processes:
        raise DataError(f"{len(rows)} rows are too few for {processes} processes")
    task.examine(rows, what)
    return make_examples(task, rows, what, processes)


def _loader(
    task: Task, examples: list[Example], settings: TrainingSettings, rank: int, world: int, device: torch.device
) -> ResumableDataLoader:
    shared = (settings.seed, rank, world, settings.epoch_steps)
    workers = worker_count(settings, task, examples, device)
    if task.stateful:
        return stream_loader(task, examples, settings.batch_tokens, settings.bptt, *shared, workers)
    return token_budget_loader(task, examples, settings.batch_tokens, *shared, settings.batch_rows, workers)


def _rehearse(task: Task, validation: Rows, examples: Sequence[Example]) -> None:
    """Predict and score the shortest row: what validation lacks is missed now, not after the first epoch."""
    sizes = [sum(task.lengths(example)) for example in examples]
    shortest = [validation[sizes.index(min(sizes))]]
    task.network.eval()
    scores = task.evaluate(shortest, **task.validation_options)
    if task.monitor[0] not in scores:
        names = f"{task.monitor[0]!r}, which is none of its metrics: {', '.join(scores)}"
        raise SettingsError(f"{type(task).__name__}.monitor names {names}")


def _train(
    trainer: lightning.Trainer,
    module: TaskModule,
    loader: ResumableDataLoader,
    checks: ResumableDataLoader,
    last: Path,
    resume: bool,
    signals: StopSignals,
) -> bool:
    """Train and say whether a signal ended it."""
    module.train()  # A checkpoint is loaded ready to answer, and Lightning leaves that as it is.
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=_NOISE)
            with others_may_be_lost(last):
                trainer.fit(module, loader, checks, ckpt_path=last if resume else None, weights_only=True)
    except (KeyboardInterrupt, SystemExit):  # Lightning turns the first into the second.
        if not trainer.interrupted:
            raise
        return True
    except OSError as error:
        raise CheckpointError(f"{last.parent} cannot be written: {error}") from error
    except LostProcessError:
        if signals.received is None or signals.waits_for_others:
            raise
        return True  # Other processes, which it was sent to as well, have gone first.
    except RuntimeError as error:
        if signals.received is not None:  # Processes that make batches, which it was sent to as well, have gone first.
            return True
        if not str(error).startswith("DataLoader worker"):
            raise
        raise SettingsError(
            f"a process that made batches has ended ({first_line(error)}): give it more memory, shared memory, too, or "
            "lower training.workers or training.batch_tokens"
        ) from error
    finally:
        signals.waits_for_others = False
        module.eval()
    return False
