"""Folders: what is found in them and in those below, and what is passed over."""

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from seqcore.errors import warn

MAX_NAMED = 10  # Of the files that a line is about.
# What programs leave in folders beside what people put there; so does everything whose name begins with a dot.
_LEFT_BY_PROGRAMS = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin"})

_ON_ONE_LINE = dict.fromkeys(range(32), "?")


class Listing(NamedTuple):
    """The files of a folder and of those below, sorted by path.

    Attributes:
        wanted: those with one of the endings that were looked for.
        others: what was passed over: files of other kinds, and folders that cannot be looked into.
    """

    wanted: list[Path]
    others: list[Path]


def look_through(folder: str | Path, suffixes: Collection[str]) -> Listing:
    """Tell the files with some endings from others, whatever their case.

    Hidden files, and what programs leave behind, such as Thumbs.db, are neither. Links to folders are followed, each
    folder once.
    """
    wanted: list[Path] = []
    others: list[Path] = []
    for path, is_readable in _files(str(folder)):
        is_wanted = is_readable and Path(path).suffix.lower() in suffixes
        (wanted if is_wanted else others).append(Path(path))
    return Listing(sorted(wanted), sorted(others))


def tell_passed_over(folder: str | Path, others: Sequence[Path], kind: str) -> None:
    """Name on stderr what was passed over in a folder, if anything was.

    Args:
        kind: what was looked for, such as "videos".
    """
    tell_names(f"{folder}: passed over, as no {kind} by their endings", others, folder)


def tell_names(what: str, paths: Sequence[str | Path], folder: str | Path | None = None) -> None:
    """Name some files on stderr, on a line that says what about them; without any there is no line.

    Args:
        folder: where names begin; without it they are whole.
    """
    if paths:
        shown = (str(path) for path in paths[:MAX_NAMED])
        names = ", ".join(os.path.relpath(name, folder) if folder else name for name in shown)
        rest = f" and {len(paths) - MAX_NAMED:,} more" if len(paths) > MAX_NAMED else ""
        warn(f"{what}: {names.translate(_ON_ONE_LINE)}{rest}")


def _files(folder: str) -> Iterator[tuple[str, bool]]:
    """The files of a folder and of those below, and whether each can be read: a folder may be closed to us."""
    seen = set()
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        try:
            state = Path(place).stat()
            if (state.st_dev, state.st_ino) in seen:  # A link leads back to it.
                continue
            seen.add((state.st_dev, state.st_ino))
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.name.startswith(".") or entry.name.lower() in _LEFT_BY_PROGRAMS:
                        continue
                    if entry.is_dir():
                        waiting.append(entry.path)
                    elif entry.is_file():
                        yield entry.path, True
        except OSError:
            yield place, False
