"""The average of the best checkpoints (Izmailov 2018), where it is better than the best one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from seqcore.tasks.base import Task
from seqcore.training.module import validation_options
from seqcore.training.resuming import read_state


def select_best_weights(
    task: Task, checkpoints: Mapping[str, Any], validation: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, float], int]:
    """Load the weights that validate best, and give their scores and how many checkpoints they are the average of.

    Args:
        checkpoints: the score of each by its path; with none, the task keeps the weights it has, which count as 0.
    """
    metric, mode = task.monitor
    paths = _best_first(task, checkpoints)
    if not paths:
        return task.evaluate(validation, **validation_options(task)), 0
    single = _network_weights(paths[0], task)
    average = {name: tensor.double() for name, tensor in single.items()}
    for path in paths[1:]:
        for name, tensor in _network_weights(path, task).items():
            average[name] += tensor
    task.network.load_state_dict(single)
    of_single = task.evaluate(validation, **validation_options(task))
    if len(paths) == 1:
        return of_single, 1
    task.network.load_state_dict({name: total / len(paths) for name, total in average.items()})
    of_average = task.evaluate(validation, **validation_options(task))
    gain = of_average[metric] - of_single[metric]
    if (gain if mode == "max" else -gain) >= 0:
        return of_average, len(paths)
    task.network.load_state_dict(single)
    return of_single, 1


def load_best_weights(task: Task, checkpoints: Mapping[str, Any]) -> dict[str, float]:
    """Load the weights of the best checkpoint, and give the score it had when it was saved; nothing without any."""
    paths = _best_first(task, checkpoints)
    if not paths:
        return {}
    task.network.load_state_dict(_network_weights(paths[0], task))
    return {task.monitor[0]: float(checkpoints[paths[0]])}


def _best_first(task: Task, checkpoints: Mapping[str, Any]) -> list[str]:
    """The paths of those that are still there."""
    ranked = sorted(checkpoints, key=lambda path: float(checkpoints[path]), reverse=task.monitor[1] == "max")
    return [path for path in ranked if Path(path).exists()]


def _network_weights(path: str, task: Task) -> dict[str, Tensor]:
    weights = read_state(Path(path), task.state_types)["state_dict"]
    return {name.removeprefix("network."): tensor for name, tensor in weights.items()}
