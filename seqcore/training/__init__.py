"""Training on Lightning: one fit function for every task."""

from seqcore.deprecation import renamed
from seqcore.training.fit import FitResult, fit
from seqcore.training.loaders import ResumableDataLoader, stream_loader, token_budget_loader
from seqcore.training.samplers import TokenBudgetSampler
from seqcore.training.settings import TrainingSettings
from seqcore.training.streams import StreamDataset
from seqcore.training.trainer import is_first_process

__all__ = [
    "FitResult",
    "ResumableDataLoader",
    "StreamDataset",
    "TokenBudgetSampler",
    "TrainingSettings",
    "fit",
    "is_first_process",
    "stream_loader",
    "token_budget_loader",
]

__getattr__ = renamed(
    __name__,
    {"BatchLoader": "seqcore.training.loaders.token_budget_loader", "Fitted": "seqcore.training.fit.FitResult"},
)
