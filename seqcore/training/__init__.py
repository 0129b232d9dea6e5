"""Training on Lightning: one fit function for every task. Lightning itself is imported on first use."""

from typing import TYPE_CHECKING

from seqcore.deprecation import renamed
from seqcore.errors import require
from seqcore.lazy import lazy
from seqcore.training.settings import TrainingSettings

if TYPE_CHECKING:
    from seqcore.training.fitting import FitResult, fit
    from seqcore.training.loaders import ResumableDataLoader, stream_loader, token_budget_loader
    from seqcore.training.processes import is_first_process
    from seqcore.training.samplers import TokenBudgetSampler
    from seqcore.training.streams import StreamDataset

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

# No module here may be called `fit`: once imported, it would stand in the place of the function.
__getattr__ = lazy(
    __name__,
    {
        "fitting": "FitResult fit",
        "loaders": "ResumableDataLoader stream_loader token_budget_loader",
        "samplers": "TokenBudgetSampler",
        "streams": "StreamDataset",
        "processes": "is_first_process",
    },
    renamed(
        __name__,
        {"BatchLoader": "seqcore.training.loaders.token_budget_loader", "Fitted": "seqcore.training.fitting.FitResult"},
    ),
    lambda: require("lightning", "training needs", "train"),
)
