"""The errors that seqcore raises on purpose: each message is written for the person who reads it."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

DISTRIBUTION = "seqcore-lstm"  # On PyPI, `seqcore` is somebody else's package.


class SeqcoreError(Exception):
    """Something a user can mend; the message names what was wrong and what to do."""


def install_command(extra: str) -> str:
    """The command that installs an extra of this package.

    Where the package is installed, its name means what is installed; a clone that is only on the path is named itself.
    """
    from importlib.metadata import PackageNotFoundError, distribution

    clone = Path(__file__).resolve().parent.parent
    try:
        distribution(DISTRIBUTION)
    except PackageNotFoundError:
        if (clone / "pyproject.toml").exists():
            return f"pip install --editable '{clone}[{extra}]'"
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about a flag or a name that is not known: the nearest one that is, if there is one.

    Example:
        >>> did_you_mean("--epochs", ["--training.epochs", "--training.seed"])
        '; did you mean --training.epochs?'
    """
    from difflib import get_close_matches

    names = list(known)
    last = [one for one in names if one.replace("-", "_").endswith(f".{name.lstrip('-').replace('-', '_')}")]
    near = last or get_close_matches(name, names, 1, 0.8)
    return f"; did you mean {near[0]}?" if near else ""


def first_line(error: BaseException) -> str:
    """The first line of what an error says, for a message of one line; its type where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def require(module: str, purpose: str, extra: str, package: str | None = None) -> Any:
    """Import a module of an extra, on first use.

    Args:
        purpose: what needs it, with a verb, as the message begins: "reading videos needs".
        extra: the extra that installs it.
        package: what the message calls it, where that is not the module's name.

    Raises:
        SettingsError: it is not installed; the message says how to install it.

    Example:
        >>> require("math", "counting needs", "vision").sqrt(9.0)
        3.0
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise SettingsError(f"{purpose} {package or module.partition('.')[0]}: {install_command(extra)}") from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was not enough memory, of the machine or of its accelerator."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and "allocate memory" in str(error)


def warn(text: str) -> None:
    """Print a line on standard error for what is odd, but no reason to stop; of several processes, the first does."""
    if int(os.environ.get("RANK") or os.environ.get("LOCAL_RANK") or 0) == 0:
        print(f"warning: {text}", file=sys.stderr, flush=True)


class CheckpointError(SeqcoreError):
    """A checkpoint folder is missing, damaged, of another task, or of a newer format."""


class DataError(SeqcoreError):
    """A data file cannot be read, or a row of it has not what the task needs."""


class InputError(SeqcoreError):
    """A request holds something the task cannot work on, such as a language that it does not know.

    Args:
        number: which of several is meant, from 1; the message then begins with it.
        kind: what they are.

    Attributes:
        message: without the number.
        number: None where the request as a whole is meant, or the only input of it.
    """

    def __init__(self, message: str, number: int | None = None, kind: str = "text") -> None:
        super().__init__(message if number is None else f"{kind} {number}: {message}")
        self.message, self.number = message, number


@contextmanager
def numbered(before: int, count: int = 0, kind: str = "text") -> Iterator[None]:
    """Let an `InputError` that is raised inside say which of several inputs it is about.

    Args:
        before: how many inputs come before the one, or the part, that is worked on inside.
        count: how many there are in all; of a single one no number is said.
        kind: what they are.

    Example:
        >>> with numbered(2, kind="image"):
        ...     raise InputError("it is empty")
        Traceback (most recent call last):
        seqcore.errors.InputError: image 3: it is empty
    """
    try:
        yield
    except InputError as error:
        number = None if count == 1 else before + (error.number or 1)
        raise InputError(error.message, number, kind) from error.__cause__


class SettingsError(SeqcoreError):
    """Settings contradict each other or name something that does not exist."""
