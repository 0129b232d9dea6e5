"""What the apps' training scripts share: what is said at the beginning and at the end."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqcore.errors import install_command
from seqcore.tasks.base import Task

try:
    from seqcore.training import FitResult, is_first_process
except ModuleNotFoundError as missing:
    sys.exit(f"error: training needs {missing.name}, which is not installed: {install_command('train')}")


def announce(task: Task, rows: Sequence[Any], checks: Sequence[Any], unit: str) -> None:
    """Say how much there is to learn from, in `unit`, a noun in the plural, and how much learns."""
    if is_first_process():
        trained = sum(weight.numel() for group in task.parameter_groups() for weight in group)
        whole = sum(weight.numel() for weight in task.network.parameters())
        counts = f"{len(rows):,} training and {len(checks):,} validation {unit}"
        print(f"{counts}, {trained:,} of {whole:,} parameters are trained", flush=True)


def finish(fitted: FitResult, output: str, demo: str | None = None) -> None:
    """Report, and end as a shell expects it of a program that was stopped by Ctrl-C, where it was."""
    if is_first_process():
        report(fitted, output, demo)
    if fitted.interrupted:
        sys.exit(130)


def report(fitted: FitResult, output: str, demo: str | None = None) -> None:
    """Say what training reached and how to go on.

    Args:
        demo: the module that shows the result.
    """
    reached = ", ".join(f"{name} {value:.2f}" for name, value in fitted.scores.items() if isinstance(value, float))
    print(f"{'Interrupted' if fitted.interrupted else 'Done'} after {fitted.steps} steps", end="")
    if fitted.scores:
        kept = {0: "the last step", 1: "the single best checkpoint"}
        chosen = kept.get(fitted.averaged, f"the average of the best {fitted.averaged} checkpoints")
        print(f": validation {reached}, by {chosen}")
    else:
        print(", before the first validation: no checkpoint was written")
    if fitted.interrupted:
        print("To go on, run the same command with --resume." if fitted.resumable else "Nothing was saved yet.")
    if fitted.scores and demo:
        print(f"To try it: python -m {demo} --checkpoint {shlex.quote(str(Path(output).expanduser()))}")
