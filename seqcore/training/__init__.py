"""Training on Lightning: one fit function for every task."""

from seqcore.training.finetune import Fitted, fit, is_first_process
from seqcore.training.loader import BatchLoader
from seqcore.training.settings import TrainingSettings

__all__ = ["BatchLoader", "Fitted", "TrainingSettings", "fit", "is_first_process"]
