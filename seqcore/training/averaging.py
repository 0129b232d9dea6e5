"""The average of the best checkpoints (Izmailov 2018), where it is better than the best one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seqcore.tasks.base import Task


def keep_best(
    task: Task, checkpoints: Sequence[Path], validation: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, float], int]:
    """Load the weights that validate best, and give their scores and how many checkpoints they are the average of.

    Args:
        checkpoints: best first; with none, the task keeps the weights it has, which count as 0.
    """
    if not checkpoints:
        return _scores(task, validation), 0
    single = _network_weights(checkpoints[0])
    average = {name: tensor.double() for name, tensor in single.items()}
    for path in checkpoints[1:]:
        for name, tensor in _network_weights(path).items():
            average[name] += tensor
    task.network.load_state_dict(single)
    of_single = _scores(task, validation)
    if len(checkpoints) == 1:
        return of_single, 1
    task.network.load_state_dict({name: total / len(checkpoints) for name, total in average.items()})
    of_average = _scores(task, validation)
    if of_average[task.monitor[0]] >= of_single[task.monitor[0]]:
        return of_average, len(checkpoints)
    task.network.load_state_dict(single)
    return of_single, 1


def _scores(task: Task, rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    return task.evaluate(rows, **task.validation_options)


def _network_weights(path: Path) -> dict[str, Tensor]:
    state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    return {name.removeprefix("network."): tensor for name, tensor in state.items()}
