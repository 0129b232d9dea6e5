"""What several processes owe each other while they train: the same data, a common end, and that none is left alone."""

import os
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer, callbacks
from typing_extensions import override

from seqcore.errors import SettingsError
from seqcore.training.module import TaskModule
from seqcore.training.resuming import CSV, LastCheckpoint
from seqcore.training.stopping import Stopped, StopSignals

_SECONDS_BETWEEN_LOOKS = 1.0


class Together(callbacks.Callback):
    """Compares what the processes train on, and lets a signal, to whichever of them, stop all after the same step.

    A process that stopped in the middle of a step would leave the others waiting for its gradients. So all learn with
    the loss of a step that one was to stop; they save their common state, and stop. When the process that started them
    is gone, they stop, too.

    Args:
        work: the run's folder, which all processes must see.
        marks: what must be the same in all of them, by what a message calls it.
        signals: what this process is told.
        last: saves the state.
    """

    def __init__(self, work: Path, marks: Mapping[str, Any], signals: StopSignals, last: LastCheckpoint) -> None:
        self.work, self.marks, self.signals, self.last = work, dict(marks), signals, last

    @override
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Compare.

        Raises:
            SettingsError: the processes read other data, make another model, or do not see the folder of the run.
        """
        gathered: list[Any] = [None] * trainer.world_size
        torch.distributed.all_gather_object(gathered, (self.marks, (self.work / CSV).is_dir()))
        for rank, (marks, sees) in enumerate(gathered):
            if other := [name for name, mark in self.marks.items() if marks[name] != gathered[0][0][name]]:
                raise SettingsError(f"process {rank + 1} has other {other[0]} than process 1: give all the same files")
            if not sees:
                raise SettingsError(
                    f"process {rank + 1} does not see {self.work}: the output must be on a disk that all nodes share"
                )
        if "TORCHELASTIC_RUN_ID" in os.environ:
            threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.signals.waits_for_others = True

    @override
    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        assert isinstance(pl_module, TaskModule)
        pl_module.must_stop = self.signals.received is not None

    @override
    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Save and stop, where one of the processes was to stop.

        Raises:
            KeyboardInterrupt: in all of them at once.
        """
        assert isinstance(pl_module, TaskModule)
        if float(pl_module.stops):
            if not trainer.is_last_batch and not self.last.clock.validates:  # See `LastCheckpoint`.
                self.last.save(trainer)
            self.signals.received = self.signals.received or signal.SIGTERM
            raise Stopped(self.signals.received)

    @override
    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop at once from here on: nobody waits for gradients during a validation, which may take long.

        Raises:
            KeyboardInterrupt: a signal came after the last step began.
        """
        self.signals.waits_for_others = False
        if self.signals.received is not None:
            raise Stopped(self.signals.received)

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.signals.waits_for_others = True


def _end_with(parent: int) -> None:
    """Stop this process when the one that started it is gone, as a launcher is that was killed."""
    while os.getppid() == parent:
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    os.kill(os.getpid(), signal.SIGTERM)
