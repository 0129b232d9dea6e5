"""Where training computes, and in which precision."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from seqcore.tasks.base import Task
from seqcore.tasks.device import choose_device, computes_in_bfloat16
from seqcore.training.settings import TrainingSettings

_FOUND_BY_LIGHTNING = {"auto": ("cuda", "mps"), "gpu": ("cuda", "mps"), "cuda": ("cuda",), "mps": ("mps",)}


def training_device(settings: TrainingSettings) -> torch.device:
    """The device that this process will train on; the CPU where there is no such accelerator."""
    kinds = _FOUND_BY_LIGHTNING.get(settings.accelerator, ())
    device = choose_device("auto")
    if device.type not in kinds:
        return torch.device("cpu")
    if device.type == "cuda":
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return device


def chosen_precision(settings: TrainingSettings) -> str:
    """The precision as Lightning names it, of `auto` what was measured, or is known, to be best on the device.

    That is `bf16-mixed` on processors and GPUs with instructions for it, and `32-true` on all others.
    """
    if settings.precision != "auto":
        return settings.precision
    return "bf16-mixed" if computes_in_bfloat16(training_device(settings)) else "32-true"


@contextmanager
def on_training_device(task: Task, settings: TrainingSettings) -> Iterator[None]:
    """Have a task where it will be trained, so that what it works out before, as by a frozen network, is quick."""
    before = task.device
    task.to(training_device(settings))
    try:
        yield
    finally:
        task.to(before)
