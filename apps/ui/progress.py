"""How far a long piece of work is."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Generic, TypeVar

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Progress(Generic[_Result]):
    """How far work on files is.

    Attributes:
        done, total: items of all items.
        results: of those since the step before.
        files: paths of the results, once they are complete; they exist until the work is resumed or closed.
    """

    done: int
    total: int
    results: Sequence[_Result] = ()
    files: tuple[str, ...] = ()

    def bar(self, seconds: float, unit: str, label: str, title: str = "") -> str:
        """A `progress_bar`."""
        return progress_bar(self.done, self.total, seconds, unit, label, title, over=bool(self.files))


def progress_bar(
    done: int, total: int, seconds: float, unit: str, label: str, title: str = "", over: bool = False
) -> str:
    """A bar as HTML with words under it: how many of how many, and about how long it will take yet, or took.

    Args:
        done, total: counted in `unit`, a noun in the singular.
        seconds: since it began.
        label: what a screen reader says of the bar.
        title: the name of the file, where it is worth telling.
        over: everything is done, the result written too.
    """
    of = f" of {escape(title)}" if title else ""
    if over:
        message = f"{total:,} {unit}{'s' * (total != 1)}{of} in {seconds:.1f} s"
    else:
        message = f"{done:,} of {total:,} {unit}s{of}"
        message += f", about {_duration(seconds / done * (total - done))} left" if done else ""
    bar = f'<progress value="{done}" max="{total}" aria-label="{escape(label)}"></progress>'
    return f'<div class="sq-progress">{bar}<p>{message}</p></div>'


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
