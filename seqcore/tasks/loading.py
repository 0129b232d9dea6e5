"""Any checkpoint by its folder or hub id: `config.json` says which task it is."""

from pathlib import Path
from typing import Literal

import torch
from typing_extensions import TypeVar

from seqcore.checkpoint import Checkpoint, read_checkpoint
from seqcore.errors import CheckpointError, SettingsError
from seqcore.tasks.base import Task
from seqcore.tasks.registry import task_class

AnyTask = TypeVar("AnyTask", bound=Task, default=Task)


def task_of(checkpoint: Checkpoint) -> type[Task]:
    """The class that a checkpoint is of, by its `config.json`. Raises CheckpointError for one that is not known."""
    name = checkpoint.config.get("task")
    try:
        return task_class(name if isinstance(name, str) else repr(name))
    except SettingsError as error:
        raise CheckpointError(f"{checkpoint.folder} is a checkpoint for {name!r}: {error}") from error


def load(
    source: str | Path | Checkpoint,
    task: type[AnyTask] | None = None,
    revision: str | None = None,
    device: str | torch.device = "auto",
    dtype: torch.dtype | Literal["auto"] = torch.float32,
) -> AnyTask:
    """Load any checkpoint.

    Args:
        task: the class that is expected, such as `Translator`, so that a type checker knows its verbs; without it,
            whatever `config.json` names.

    Other arguments and errors are those of `Task.from_pretrained`.
    """
    if isinstance(task, type) and issubclass(task, Task):
        return task.from_pretrained(source, revision, device, dtype)
    if task is not None:
        raise SettingsError(f"a task is a class such as Translator, not {task!r}; a revision is named: revision=…")
    checkpoint = read_checkpoint(source, revision)
    return task_of(checkpoint).from_pretrained(checkpoint, device=device, dtype=dtype)  # type: ignore[return-value]
