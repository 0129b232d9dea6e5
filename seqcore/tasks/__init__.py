"""The four ways of joining the bricks, each a task that answers raw input."""

from importlib import import_module
from pathlib import Path

import torch

from seqcore.checkpoint import Checkpoint, read_checkpoint
from seqcore.errors import CheckpointError
from seqcore.tasks.base import Task

_TASKS = {
    "captioning": ("seqcore.tasks.captioning", "Captioner"),
    "language-model": ("seqcore.tasks.language", "LanguageModel"),
    "sentiment": ("seqcore.tasks.sentiment", "SentimentClassifier"),
    "translation": ("seqcore.tasks.translation", "Translator"),
    "video": ("seqcore.tasks.video", "FrameClassifier"),
}


def load(
    source: str | Path | Checkpoint,
    revision: str | None = None,
    device: str | torch.device = "auto",
    dtype: torch.dtype = torch.float32,
) -> Task:
    """Load any checkpoint; ``config.json`` names its task. Arguments and errors as of :meth:`Task.from_pretrained`."""
    checkpoint = read_checkpoint(source, revision)
    name = checkpoint.config.get("task")
    if not isinstance(name, str) or name not in _TASKS:
        raise CheckpointError(
            f"{checkpoint.folder} is a checkpoint for {name!r}, which this seqcore does not know: update seqcore"
        )
    module, kind = _TASKS[name]
    task: type[Task] = getattr(import_module(module), kind)
    return task.from_pretrained(checkpoint, device=device, dtype=dtype)
