"""How far a long piece of work is, as HTML."""

from html import escape


def progress_bar(
    done: int, whole: int, seconds: float, unit: str, label: str, title: str = "", over: bool = False
) -> str:
    """A bar with words under it: how many of how many, and about how long it will take yet, or took.

    Args:
        done, whole: counted in `unit`, a noun in the singular.
        seconds: since it began.
        label: what a screen reader says of the bar.
        title: the name of the file, where it is worth telling.
        over: everything is done, the result written too.
    """
    of = f" of {escape(title)}" if title else ""
    if over:
        told = f"{whole:,} {unit}{'s' * (whole != 1)}{of} in {seconds:.1f} s"
    else:
        told = f"{done:,} of {whole:,} {unit}s{of}"
        told += f", about {_duration(seconds / done * (whole - done))} left" if done else ""
    bar = f'<progress value="{done}" max="{whole}" aria-label="{escape(label)}"></progress>'
    return f'<div class="sq-progress">{bar}<p>{told}</p></div>'


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
