"""Training on Lightning: one fit function for every task. Lightning itself is imported on first use."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from seqcore.deprecation import renamed
from seqcore.errors import require
from seqcore.training.settings import TrainingSettings

if TYPE_CHECKING:
    from seqcore.training.fitting import FitResult, fit
    from seqcore.training.loaders import ResumableDataLoader, stream_loader, token_budget_loader
    from seqcore.training.samplers import TokenBudgetSampler
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

# No module here may be called `fit`: once imported, it would stand in the place of the function.
_HOMES = {
    "FitResult": "fitting",
    "ResumableDataLoader": "loaders",
    "StreamDataset": "streams",
    "TokenBudgetSampler": "samplers",
    "fit": "fitting",
    "is_first_process": "trainer",
    "stream_loader": "loaders",
    "token_budget_loader": "loaders",
}
_renamed = renamed(
    __name__,
    {"BatchLoader": "seqcore.training.loaders.token_budget_loader", "Fitted": "seqcore.training.fitting.FitResult"},
)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        return _renamed(name)
    require("lightning", "training needs", "train")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
