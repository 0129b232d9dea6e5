"""A training that is stopped, in the process of the test."""

from typing import Any

from lightning.pytorch import callbacks


class StopAt(callbacks.Callback):
    """Ends a run before a step, as an error would."""

    def __init__(self, step: int = -1) -> None:
        self.step = step

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, number: int) -> None:
        if trainer.global_step == self.step:
            raise RuntimeError("stopped by the test")
