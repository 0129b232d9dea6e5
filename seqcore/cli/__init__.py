"""The command line: `seqcore train`, `seqcore predict`, `seqcore evaluate`, `seqcore info`, `seqcore corpus`."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

import seqcore.cli.environment

import seqcore
from seqcore.cli.outputs import SomeFailedError
from seqcore.errors import SeqcoreError, is_out_of_memory


class Command(NamedTuple):
    """A word of the command line.

    Attributes:
        function: `module:function`, imported on use and called with the arguments behind the word; it raises
            `SeqcoreError` for what a user can mend.
        help: a line.
    """

    function: str
    help: str


COMMANDS = {
    "train": Command("seqcore.recipes.command:train", "a model of your own, from your data"),
    "corpus": Command("seqcore.recipes.command:corpus", "training data of several data sets, or films of photographs"),
    "predict": Command("seqcore.cli.commands:predict", "one line, image or film in, one line out"),
    "evaluate": Command("seqcore.cli.commands:evaluate", "metrics on a data set, as JSON"),
    "info": Command("seqcore.cli.commands:info", "what a checkpoint holds"),
}
# It may stand before the command or anywhere behind it.
_IMPORTS = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
_IMPORTS.add_argument("--import", dest="modules", action="append", default=[], metavar="MODULE",
                      help="a module that defines a task of your own, from here or from the path")  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, 1 after an error of the user's, 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    more, rest = _IMPORTS.parse_known_args(options.arguments)
    module, _, function = COMMANDS[options.command].function.partition(":")
    try:
        for name in options.modules + more.modules:
            import_module("seqcore.tasks.registry").import_tasks(name)
        getattr(import_module(module), function)(rest)
        sys.stdout.flush()
    except SomeFailedError:
        sys.stdout.flush()
        return 1
    except SeqcoreError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # The reader, such as head, has had enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"error: {error.strerror or error}", file=sys.stderr)
        return 1
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        smaller = "--training.batch-tokens" if options.command == "train" else "--batch-size or --beam-size"
        print(f"error: there is not enough memory: try a smaller {smaller}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    words = "\n".join(f"  {name:10} {command.help}" for name, command in COMMANDS.items())
    parser = argparse.ArgumentParser(
        "seqcore",
        description="Deep LSTM encoders and decoders on your own data.",
        epilog=f"commands:\n{words}\n\n`seqcore COMMAND CHECKPOINT --help` shows the flags for a checkpoint's task.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_IMPORTS],
    )
    parser.add_argument("--version", action="version", version=f"seqcore {seqcore.__version__}")
    parser.add_argument("command", metavar="COMMAND", choices=COMMANDS, help=", ".join(COMMANDS))
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="…", help="see seqcore COMMAND --help")
    return parser
