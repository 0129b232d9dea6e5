"""Flags in one way of writing and with a short help, for options that a dataclass or a function declares."""

import argparse
import re
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from jsonargparse import ArgumentParser, Namespace

from seqcore.deprecation import warn_renamed
from seqcore.errors import SettingsError, did_you_mean

CONFIGS = Path(__file__).parent / "configs"
# What the short help shows of settings that are grouped; the others are what few people ever change.
COMMON = {
    f"training.{name}" for name in ("epochs", "minutes", "batch_tokens", "learning_rate", "patience", "seed", "devices")
}
# In the words of the others.
_HELP = {
    "help": "say what is mostly needed, or with all everything, and exit",
    "print_config": "print all settings as YAML, and exit; skip_default leaves out what nobody changed",
}
_GROUP = "Path to a configuration file."  # jsonargparse's words for a flag of all settings of a group
# Flags of before, which work for one release more.
RENAMED = {"--hides": "--time_mask", "--model.layers": "--model.num_layers"}
Options = TypeVar("Options")
# The first line of what jsonargparse says of flags that it does not know, and the first of them.
_UNKNOWN = re.compile(r"nrecognized arguments: (--[^\s=]+)")


class _Parser(ArgumentParser):
    """One that names the flag that may be meant by another."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        if unknown := _UNKNOWN.search(message):
            known = (option for action in self._actions for option in action.option_strings)
            message += did_you_mean(unknown[1], (option.replace("_", "-") for option in known))
        super().error(message, ex)


def read(
    options: Callable[..., Options], program: str, arguments: Sequence[str], columns: Collection[str] = ()
) -> Options:
    """Fill a dataclass, or call a function, with what flags and YAML files say, or print the help and exit.

    `--beam-size` and `--beam_size` are the same flag, and a truth value may stand alone: `--resume`.

    Args:
        options: the dataclass or the function; its docstring is the help.
        program: what is typed before the flags.
        columns: fields of a row whose columns may have other names; `options` then takes `columns`, a mapping.

    Raises:
        SettingsError: settings that are impossible, or no such YAML file.
    """
    parser = _parser(options, program, columns)
    if wanted := {"-h", "--help", "--help=all"}.intersection(arguments):
        print(_help(parser, "--help=all" in wanted or "all" in arguments))
        sys.exit(0)
    switches = {action.option_strings[0] for action in parser._actions if getattr(action, "_typehint", None) is bool}
    values = parser.parse_args([*_normalized(arguments, switches)])
    chosen = vars(parser.instantiate(values))
    chosen.pop("config", None)
    if columns:
        chosen["columns"] = {name: column for name, column in vars(chosen["columns"]).items() if column != name}
    return options(**{name: dict(value) if isinstance(value, Namespace) else value for name, value in chosen.items()})


def bundled() -> list[str]:
    """The names of the YAML files that come with the package, for `--config`."""
    return sorted(file.stem for file in CONFIGS.glob("*.yaml"))


def _bundled_for(program: str) -> str:
    """What the help says of bundled settings: those that say of themselves that this program reads them."""
    command = f"# {program} --config"
    names = [name for name in bundled() if command in (CONFIGS / f"{name}.yaml").read_text(encoding="utf-8")]
    if not program.startswith("seqcore "):
        names = bundled()
    return f"Bundled settings for --config: {', '.join(names)}." if names else ""


def _parser(options: Callable[..., Any], program: str, columns: Collection[str]) -> ArgumentParser:
    description = (options.__doc__ or "").partition("\n    Attributes:")[0].partition("\n    Args:")[0]
    parser = _Parser(
        program,
        usage=f"{program} [options]",
        description=" ".join(description.split()),
        epilog=f"--help all lists every setting. {_bundled_for(program)}",
    )
    parser.add_argument(
        "--config", action="config", metavar="FILE", help="YAML file of settings, or the name of a bundled one"
    )
    if isinstance(options, type):
        parser.add_class_arguments(options, as_group=False, skip={"columns"} if columns else None)
    else:
        parser.add_function_arguments(options, as_group=False)
    group = parser.add_argument_group("columns of the data")
    for name in columns:
        group.add_argument(f"--columns.{name}", default=name, metavar="NAME", help=f"column that holds {name}")
    return parser


def _normalized(arguments: Sequence[str], switches: Collection[str]) -> Iterator[str]:
    """Write flags as jsonargparse wants them, and settings files by their path."""
    before = ""
    for argument, after in zip(arguments, [*arguments[1:], "--"], strict=False):
        name, equals, value = argument.partition("=")
        if name.startswith("--"):
            name = f"--{name[2:].replace('-', '_')}"
            if name in RENAMED:
                warn_renamed(name, RENAMED[name].replace("_", "-"))
                name = RENAMED[name]
            if name == "--config" and equals:
                value = _settings_file(value)
            if name in switches and not equals and after.startswith("-"):
                equals, value = "=", "true"
            argument = name + equals + value
        elif before == "--config":
            argument = _settings_file(argument)
        before = argument
        yield argument


def _settings_file(name: str) -> str:
    if Path(name).is_file():
        return name
    if name in bundled():
        return str(CONFIGS / f"{name}.yaml")
    raise SettingsError(
        f"there is no file {name}, nor settings of that name in seqcore, which has {', '.join(bundled())}"
    )


def _help(parser: ArgumentParser, complete: bool) -> str:
    """What the flags mean, with dashes; the short one leaves most settings of model and training out."""
    for action in parser._actions:
        grouped = "." in action.dest and not action.dest.startswith("columns.") and action.dest not in COMMON
        if getattr(action, "_typehint", None) is bool:
            action.metavar = "[true|false]"
        if action.dest in _HELP:
            action.help = _HELP[action.dest]
        if action.help == _GROUP:
            action.help = "YAML file of these settings"
        if not complete and (grouped or action.dest in {"print_config", "help", "model", "training"}):
            action.help = argparse.SUPPRESS
    return re.sub(r"--[a-z][\w.]*", lambda flag: flag[0].replace("_", "-"), parser.format_help()).rstrip()
