"""What carries a task's answers beyond one process: many inputs over processes, machines and engines of others."""

from typing import TYPE_CHECKING

from seqcore.lazy import lazy

if TYPE_CHECKING:
    from seqcore.runtime.predictor import Predictor

__all__ = ["Predictor"]

__getattr__ = lazy(__name__, {"predictor": "Predictor"})
