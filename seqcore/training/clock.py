"""How long a run has trained, and what that decides: when it is validated, and when it is over."""

import time
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer, callbacks
from typing_extensions import override

from seqcore.training.settings import TrainingSettings

NO_STEP = 2**62  # Steps between validations that no run reaches: the clock says when one is due.


class Clock(callbacks.Callback):
    """Counts the seconds that a run trains and validates, over all its sessions.

    Time runs by a monotonic clock while the process lives, also while Ctrl-Z holds it, but not between sessions, and
    on Linux and macOS not while the computer sleeps. All processes go by the first one's, so that all of them have the
    same rate, and validate, save and stop after the same step.

    Attributes:
        seconds: of training, as of the last step or validation.
        validates: whether a validation follows the step that has just ended, though its epoch goes on.
    """

    def __init__(self, settings: TrainingSettings) -> None:
        self.settings = settings
        self.seconds = self._of_earlier_sessions = self._began = 0.0
        self._validated = 0.0  # When the last validation ended.
        self._validation = 0.0  # How long it took.
        self.is_validated = False  # Whether one has come after the last step.
        self.validates = False

    @staticmethod
    def now() -> float:
        """Seconds since some moment or other."""
        return time.monotonic()

    @property
    def decides(self) -> bool:
        """Whether it is asked after each step if a validation is due, in place of Lightning's count of epochs."""
        return bool(self.settings.minutes or self.settings.validate_minutes)

    @property
    def budget(self) -> float:
        """Seconds for steps and the validations between them; as long as the last one took is kept for the one after.

        Infinite where only epochs end a run.
        """
        whole = 60 * self.settings.minutes
        return whole - min(self._validation, whole / 2) if whole else float("inf")

    @property
    def spent(self) -> float:
        """The part of the budget that is used up, from 0 to 1."""
        return min(1.0, self.seconds / self.budget)

    def is_ending(self, trainer: Trainer) -> bool:
        """Whether the step or epoch that has just ended is the run's last one."""
        return trainer.should_stop or (trainer.current_epoch + 1 == trainer.max_epochs and trainer.is_last_batch)

    @override
    def state_dict(self) -> dict[str, Any]:
        times = {"seconds": self.seconds, "validated": self._validated, "validation": self._validation}
        return {**times, "is_validated": self.is_validated}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.seconds = self._of_earlier_sessions = state_dict["seconds"]
        self._validated, self._validation = state_dict["validated"], state_dict["validation"]
        self.is_validated = state_dict["is_validated"]

    @override
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.is_validated and self.spent == 1:  # There is nothing to go on with.
            trainer.should_stop = True

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._began = self.now()

    @override
    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self._read(trainer)
        self.is_validated = False
        if self.spent == 1:
            trainer.should_stop = True
        if self.decides:
            self.validates = self._is_validation_due(trainer)
            trainer.val_check_batch = 1 if self.validates else NO_STEP

    @override
    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._read(trainer)
        self._validated = self.seconds

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._read(trainer)
        self._validation, self._validated = self.seconds - self._validated, self.seconds
        self.is_validated = True
        if self.spent == 1:
            trainer.should_stop = True

    def _is_validation_due(self, trainer: Trainer) -> bool:
        if self.is_ending(trainer):
            return True
        if self.settings.validate_minutes:
            return self.seconds - self._validated >= 60 * self.settings.validate_minutes
        return trainer.is_last_batch and (trainer.current_epoch + 1) % self.settings.validate_every == 0

    def _read(self, trainer: Trainer) -> None:
        self.seconds = self._of_earlier_sessions + self.now() - self._began
        if trainer.world_size > 1:  # One number, beside the gradients that every step sends.
            mine = torch.tensor(self.seconds if trainer.is_global_zero else 0.0, device=trainer.strategy.root_device)
            self.seconds = float(trainer.strategy.reduce(mine, reduce_op="sum"))


def clock_time(seconds: float) -> str:
    """Minutes and seconds, such as `12:31`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"
