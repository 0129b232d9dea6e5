"""The flags of a command: those of its own, and those that the task of the checkpoint has."""

import argparse
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from seqcore.checkpoint import Checkpoint, read_checkpoint
from seqcore.errors import SettingsError, did_you_mean
from seqcore.tasks.base import Task
from seqcore.tasks.loading import task_of
from seqcore.tasks.prediction import Option


class CommandLine:
    """Arguments of a command that begin with a checkpoint, and a parser to add the command's own to.

    Attributes:
        checkpoint: what was named; its configuration has been read.
        task: the class of it; None where no checkpoint was named, as with `--help`.
        options: what `predict` of the task takes besides inputs.
    """

    def __init__(self, command: str, description: str | None, arguments: Sequence[str]) -> None:
        self._arguments = [_hyphenated(argument) for argument in arguments]
        self.parser = argparse.ArgumentParser(f"seqcore {command}", description=description)
        self.parser.add_argument("checkpoint", metavar="CHECKPOINT", help="folder or hub id")
        self.parser.add_argument("--device", default="auto", help="auto, cpu, cuda, … (default: auto)")
        self.checkpoint: Checkpoint | None = None
        self.task: type[Task] | None = None
        self.options: dict[str, Option] = {}
        name = _first_positional(self._arguments)
        if name is not None:
            self.checkpoint = read_checkpoint(name)
            self.task = task_of(self.checkpoint)
            self.options = self.task.prediction_options()
        self._flags = self.parser.add_argument_group(
            "what this checkpoint's task knows" if self.checkpoint else "more flags: name a CHECKPOINT before --help"
        )

    def add(self, name: str, option: Option) -> None:
        """Add a flag for an option of the task; it is None where it is not given."""
        flag, text = _hyphenated(f"--{name}"), option.help.replace("%", "%%")
        if option.type is bool:
            self._flags.add_argument(flag, dest=name, action=argparse.BooleanOptionalAction, default=None, help=text)
            return
        if option.default is not None:
            text += f" (default: {option.default})"
        metavar = "N" if option.type is int else "X" if option.type is float else option.name.upper()
        parse = _whole if option.type is int else option.type
        self._flags.add_argument(flag, dest=name, type=parse, choices=option.choices, metavar=metavar, help=text)

    def parse(self, options: Iterable[str] = (), more: str = "") -> tuple[argparse.Namespace, dict[str, Any]]:
        """Read the arguments: the command's own, and those of `options` that were given.

        Args:
            options: names of flags that were added for the task.
            more: the argument that is a list, whose values may stand after flags, too, which argparse alone does not
                allow.

        Raises:
            SettingsError: a flag that the task does not know.
        """
        namespace, rest = self.parser.parse_known_args(self._arguments)
        if self.task is None:
            self.parser.error("a checkpoint is named first, before flags of its task")
        for argument in rest:
            if argument.startswith("--"):
                flag = argument.partition("=")[0]
                known = (option for action in self.parser._actions for option in action.option_strings)
                advice = did_you_mean(flag, known)
                raise SettingsError(f"{flag} is not for this checkpoint, whose task is {self.task.name}{advice}")
        if rest and (not more or any(argument.startswith("-") and argument != "-" for argument in rest)):
            self.parser.error(f"unrecognized arguments: {' '.join(rest)}")
        if rest:
            getattr(namespace, more).extend(rest)
        given = {name: getattr(namespace, name) for name in options if getattr(namespace, name) is not None}
        return namespace, given

    def load(self, device: str) -> Task:
        """The task with its weights."""
        assert self.task is not None  # `parse` has refused that.
        assert self.checkpoint is not None
        return self.task.from_pretrained(self.checkpoint, device=device)


def column_options(task: type[Task] | None) -> dict[str, Option]:
    """For each field of a task's rows an option that says which column holds it."""
    fields = [*task.fields, *task.optional] if task else []
    return {f"columns.{field}": Option("name", str, None, help=f"column for {field}") for field in fields}


def _hyphenated(argument: str) -> str:
    """A flag as it is spelled here: `--beam_size=5` → `--beam-size=5`."""
    flag, equals, value = argument.partition("=")
    return flag.replace("_", "-") + equals + value if flag.startswith("--") else argument


def _first_positional(arguments: Sequence[str]) -> str | None:
    """The checkpoint, while flags are not known yet: each of them, but for help, is taken to have a value."""
    words = iter(arguments)
    for word in words:
        if not word.startswith("-"):
            return word
        if "=" not in word and word not in {"-h", "--help"}:
            next(words, None)
    return None


def _whole(text: str) -> int:
    with suppress(ValueError):
        return int(text)
    raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}")
