"""A task that works for a while on every input, so that a run of it can be killed in the middle."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from counting_task import Counting, CountingConfig


class Patient(Counting):
    """A text in capitals, after 4 milliseconds."""

    name = "patient"
    batches_at_once = 64

    def predict(self, inputs: Sequence[str], *, n_best: int | None = None) -> list[Any]:
        time.sleep(0.004 * len(inputs))
        return super().predict(inputs, n_best=n_best)


def patient_checkpoint(folder: Path) -> Path:
    """A folder that holds one."""
    Patient(CountingConfig(shout=True)).save_pretrained(folder)
    return folder
