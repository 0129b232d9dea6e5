"""Lightning's trainer as this project sets it up."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import lightning
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import callbacks, loggers
from lightning.pytorch.strategies import DDPStrategy

from seqcore.errors import CheckpointError, SettingsError, install_command
from seqcore.tasks.base import Task
from seqcore.training.accelerator import chosen_precision
from seqcore.training.clock import NO_STEP
from seqcore.training.module import VALIDATION
from seqcore.training.resuming import LOG_EVERY, AtomicCheckpointIO, BestCheckpoints, csv_log
from seqcore.training.settings import TrainingSettings

# How long one process waits for another, which may be opening data or writing a checkpoint; one that has ended is
# noticed at once, but a machine that was switched off is not.
TIMEOUT = timedelta(minutes=20)


def new_trainer(
    task: Task,
    settings: TrainingSettings,
    work: Path,
    step: int | None,
    own_callbacks: Sequence[callbacks.Callback] = (),
    own_loggers: Sequence[loggers.Logger] = (),
) -> tuple[lightning.Trainer, callbacks.ModelCheckpoint, callbacks.EarlyStopping]:
    """A trainer, what knows the best checkpoints and what stops early.

    Args:
        work: folder for logs and checkpoints.
        step: where an earlier run goes on.
        own_callbacks, own_loggers: what the trainer gets besides.

    Raises:
        CheckpointError: `work` cannot be written.
        SettingsError: settings that Lightning refuses, or something is not installed.
    """
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    monitor, mode = f"{VALIDATION}{task.monitor[0]}", task.monitor[1]
    best = BestCheckpoints(
        work,
        "best-{epoch}-{step}",
        monitor=monitor,
        mode=mode,
        save_top_k=settings.average,
        save_weights_only=True,
        enable_version_counter=False,
    )
    clocked = bool(settings.minutes or settings.validate_minutes)  # Then `Clock` says when to validate and to stop.
    stop = callbacks.EarlyStopping(monitor, mode=mode, patience=settings.patience)
    try:
        work.mkdir(parents=True, exist_ok=True)
        trainer = lightning.Trainer(
            accelerator=settings.accelerator,
            devices=settings.devices,
            num_nodes=settings.num_nodes,
            strategy=_strategy(settings),
            precision=chosen_precision(settings),  # type: ignore[arg-type]
            max_epochs=-1 if settings.minutes else settings.epochs,
            check_val_every_n_epoch=None if clocked else settings.validate_every,
            val_check_interval=NO_STEP if clocked else None,
            num_sanity_val_steps=0,
            log_every_n_steps=LOG_EVERY,
            use_distributed_sampler=False,  # Each process has its share of every batch.
            callbacks=[best, stop, *own_callbacks],
            plugins=[AtomicCheckpointIO(task.state_types)],
            logger=[csv_log(work, step), loggers.TensorBoardLogger(work, name="", version="tb"), *own_loggers],
            enable_progress_bar=False,  # Ours is another one.
            enable_model_summary=False,
        )
    except OSError as error:
        raise CheckpointError(f"{work} cannot be written: {error}") from error
    except ImportError as error:
        raise SettingsError(f"training needs what is not installed ({error}): {install_command('train')}") from error
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        raise SettingsError(f"these training settings are not possible here: {error}") from error
    return trainer, best, stop


def _strategy(settings: TrainingSettings) -> DDPStrategy | str:
    if settings.devices * settings.num_nodes == 1:
        return "auto"
    # Layers that are not trained yet have no gradients that the others could wait for.
    return DDPStrategy(timeout=TIMEOUT, find_unused_parameters=bool(settings.unfreeze_steps))
