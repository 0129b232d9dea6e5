"""How many processes make batches beside those that train."""

from collections.abc import Sequence

import torch

from seqcore.media.ahead import usable_cores
from seqcore.tasks.base import Example, Task
from seqcore.training.settings import TrainingSettings

MAX_WORKERS = 8  # Of one process that trains, unless more are asked for.


def worker_count(settings: TrainingSettings, task: Task, examples: Sequence[Example], device: torch.device) -> int:
    """The setting `training.workers`, or what it is where that is `auto`.

    Batches of texts, and of what is in memory, are made sooner than they would be handed over; and a network that is
    trained on the CPU has work for all its cores: with 0, 1 and 2 workers the same number of images a second were
    trained on there. So workers are for what opens files or makes films for another device. Each process that trains
    on this machine gets its share of the cores, and one of them is its own.
    """
    if settings.workers != "auto":
        return settings.workers
    if device.type == "cpu" or not task.opens_files(examples):
        return 0
    return min(MAX_WORKERS, max(0, usable_cores() // settings.devices - 1))
