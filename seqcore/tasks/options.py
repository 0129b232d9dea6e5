"""What a verb can be told besides its inputs, as its signature and its docstring say."""

import inspect
import re
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class Option:
    """A parameter that may be left out.

    Attributes:
        type: of a single value: `int`, `float`, `str` or `bool`.
        choices: all values that there are, of a `Literal`.
        help: what the docstring says of it.
    """

    name: str
    type: type
    default: Any
    choices: tuple[Any, ...] | None = None
    help: str = ""


def prediction_options(verb: Callable[..., Any]) -> dict[str, Option]:
    """The options of a function whose signature names them, with a type and a default each."""
    hints, said = get_type_hints(verb), _arguments(inspect.getdoc(verb) or "")
    options = {}
    for name, parameter in inspect.signature(verb).parameters.items():
        if parameter.default is not parameter.empty:
            kind, choices = _single(hints.get(name, str))
            options[name] = Option(name, kind, parameter.default, choices, said.get(name, ""))
    return options


def _single(hint: Any) -> tuple[type, tuple[Any, ...] | None]:
    """The type of one value, of a hint such as `str | Sequence[str] | None`."""
    if get_origin(hint) is Literal:
        return type(get_args(hint)[0]), get_args(hint)
    if get_origin(hint) in (Union, types.UnionType):
        return next((_single(part) for part in get_args(hint) if part is not type(None)), (str, None))
    return (hint if hint in (int, float, bool) else str), None


def _arguments(docstring: str) -> dict[str, str]:
    """What the section `Args:` of a docstring says of each argument."""
    section = re.search(r"^Args:\n((?:    .*\n?|\n)*)", docstring, re.MULTILINE)
    entries = re.findall(r"^    (\w[\w, ]*): (.*(?:\n     .*)*)", section[1] if section else "", re.MULTILINE)
    return {name: " ".join(text.split()) for names, text in entries for name in names.split(", ")}
