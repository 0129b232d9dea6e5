"""The errors that seqcore raises on purpose: each message is written for the person who reads it."""

from pathlib import Path

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


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was not enough memory, of the machine or of its accelerator."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and "allocate memory" in str(error)


class CheckpointError(SeqcoreError):
    """A checkpoint folder is missing, damaged, of another task, or of a newer format."""


class DataError(SeqcoreError):
    """A data file cannot be read, or a row of it has not what the task needs."""


class InputError(SeqcoreError):
    """A request holds something the task cannot work on, such as a language that it does not know.

    Args:
        number: which of several is meant, from 1; the message then begins with it.
        kind: what they are.
    """

    def __init__(self, message: str, number: int | None = None, kind: str = "text") -> None:
        super().__init__(message if number is None else f"{kind} {number}: {message}")
        self.message, self.number = message, number


class SettingsError(SeqcoreError):
    """Settings contradict each other or name something that does not exist."""
