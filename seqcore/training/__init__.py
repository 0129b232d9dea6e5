"""Training on Lightning: one fit function for every task."""

from seqcore.training.finetune import Fitted, fit
from seqcore.training.loader import BatchLoader
from seqcore.training.settings import TrainingSettings
from seqcore.training.trainer import is_first_process

__all__ = ["BatchLoader", "Fitted", "TrainingSettings", "fit", "is_first_process"]
