"""The ways of joining the bricks, each a task that answers raw input."""

from seqcore.tasks.base import Loss, Task
from seqcore.tasks.loading import load

__all__ = ["Loss", "Task", "load"]
