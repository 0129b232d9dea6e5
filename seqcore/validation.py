"""What users give, checked before any work begins: settings that are declared once, and the arguments of verbs.

Settings are dataclasses whose types say what is allowed, in the sense of pydantic's strict mode: no text is taken for a
number, no truth value for one, nothing is finite that is not. Whoever breaks a rule is told by an error of ours.
"""

import functools
import json
import reprlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import pydantic
from annotated_types import Ge, Gt, Le, Lt
from pydantic import ConfigDict, Field
from typing_extensions import dataclass_transform

from seqcore.errors import CheckpointError, InputError, SettingsError

Size = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]

_STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
_Settings = TypeVar("_Settings")
_Kind = TypeVar("_Kind", bound=type)


@dataclass_transform(frozen_default=True)
def settings(error: Callable[[str], Exception] = SettingsError, prefix: str = "") -> Callable[[_Kind], _Kind]:
    """Make a frozen dataclass whose types are rules: `settings()` stands where `dataclass(frozen=True)` would.

    Fields may be numbers, texts, truth values, `Literal`, `None` beside another, tuples (which lists become),
    mappings, and settings themselves. What holds between fields is checked in `__post_init__`, which raises `error`
    itself.

    Args:
        error: what is raised, with a sentence that names the setting, what it must be and what it was.
        prefix: what a user writes before a setting's name, such as `training.`.

    Example:
        >>> @settings()
        ... class Window:
        ...     size: Size = 3
        ...     edge: Literal["zero", "mirror"] = "zero"
        >>> Window(0)
        Traceback (most recent call last):
            ...
        seqcore.errors.SettingsError: size must be a whole number of at least 1, not 0
    """

    def decorate(kind: _Kind) -> _Kind:
        declared: Any = pydantic.dataclasses.dataclass(frozen=True, config=_STRICT)(kind)
        validate = declared.__init__

        @functools.wraps(validate)
        def __init__(self: Any, *values: Any, **named: Any) -> None:  # noqa: N807
            try:
                validate(self, *map(_as_tuple, values), **{name: _as_tuple(value) for name, value in named.items()})
            except pydantic.ValidationError as violation:
                raise error(prefix + explain(violation, declared)) from None

        declared.__init__ = __init__
        return declared  # type: ignore[no-any-return]

    return decorate


def read_settings(kind: type[_Settings], values: Mapping[str, Any], path: Path) -> _Settings:
    """Settings from what a JSON file holds, each of them, and nothing else.

    Raises:
        CheckpointError: one is missing, unknown or not allowed; the message names the file and the setting.
    """
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(values.keys() - names):
        raise CheckpointError(f"{path} holds {unknown[0]!r}, which this seqcore does not know")
    if missing := sorted(names - values.keys()):
        raise CheckpointError(f"{path} lacks {missing[0]!r}")
    try:
        return pydantic.TypeAdapter(kind).validate_json(json.dumps(values))
    except pydantic.ValidationError as violation:
        raise CheckpointError(f"{path} is damaged: {explain(violation, kind)}") from None
    except (TypeError, ValueError, SettingsError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error


def explain(violation: pydantic.ValidationError, kind: type) -> str:
    """The first rule that was broken, as a sentence: `hidden_size must be a whole number of at least 1, not 0`."""
    problem = violation.errors(include_url=False)[0]
    if problem["type"] == "value_error":  # of `__post_init__`
        return problem["msg"].removeprefix("Value error, ")
    path = list(problem["loc"])
    if path and isinstance(path[0], int):  # given by its place
        path[0] = fields(kind)[path[0]].name if path[0] < len(fields(kind)) else path[0]  # type: ignore[arg-type]
    annotation, known = _follow(kind, path)
    if problem["type"] in {"unexpected_keyword_argument", "extra_forbidden", "unexpected_positional_argument"}:
        inner = _nested(annotation)
        return f"{path[-1]!r} is no setting of {inner.__name__}, which has {', '.join(f.name for f in fields(inner))}"
    if problem["type"] in {"missing", "missing_argument"} and path[-1] == known[-1]:
        return f"{'.'.join(known)} is missing"
    return f"{'.'.join(known)} must be {_rule(annotation)}, not {shown(problem['input'])}"


def _nested(annotation: Any) -> Any:
    """The settings that a type is, or holds: those of `Window | None` and of `tuple[Window, ...]` are `Window`."""
    if is_dataclass(annotation):
        return annotation
    return next(filter(None, map(_nested, get_args(annotation))), None)


def _follow(kind: type, path: list[int | str]) -> tuple[Any, list[str]]:
    """The type of the innermost setting on a path, and the names on the way: places in a list count only in between."""
    annotation: Any = kind
    known: list[str] = []
    between: list[str] = []
    for place in path:
        inner = _nested(annotation)
        hints = get_type_hints(inner, include_extras=True) if inner else {}
        if place in hints:
            known += [*between, str(place)]
            annotation, between = hints[str(place)], []
        elif get_origin(annotation) not in (Union, UnionType):  # There it is the choice, which has no name for users.
            between.append(str(place))
    return annotation, known


def _rule(annotation: Any) -> str:
    """What a type allows, in words."""
    bounds: dict[type, Any] = {}
    while get_origin(annotation) is Annotated:
        annotation, *extras = get_args(annotation)
        for bound in (part for extra in extras for part in getattr(extra, "metadata", [extra])):
            bounds[type(bound)] = getattr(bound, type(bound).__name__.lower(), None)
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return " or ".join("None" if part is NoneType else _rule(part) for part in inner)
    if origin is Literal:
        return f"one of {', '.join(map(str, inner))}"
    if origin is tuple:
        rules = list(map(_rule, (part for part in inner if part is not ...)))
        if len(set(rules)) > 1:
            return f"a list of {', '.join(rules)}"
        return f"{'a list' if ... in inner else f'a list of {len(inner)}'}, each {rules[0]}"
    if origin is dict:
        return f"a mapping, each value {_rule(inner[1])}"
    if is_dataclass(annotation):
        return f"settings of {annotation.__name__}"  # type: ignore[union-attr]
    words = {int: "a whole number", float: "a number", str: "a text", bool: "True or False"}
    return " ".join(filter(None, [words.get(origin or annotation, str(annotation)), _range(bounds)]))


def _range(bounds: Mapping[type, Any]) -> str:
    if Ge in bounds and Le in bounds:
        return f"from {bounds[Ge]:,} to {bounds[Le]:,}"
    words = {Ge: "of at least", Gt: "greater than", Le: "at most", Lt: "less than"}
    return " and ".join(f"{text} {bounds[bound]:,}" for bound, text in words.items() if bound in bounds)


def _as_tuple(value: Any) -> Any:
    """JSON, YAML and users write lists where settings have tuples."""
    if isinstance(value, dict):
        return {key: _as_tuple(item) for key, item in value.items()}
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value


# The arguments of verbs


def as_list(values: Iterable[Any], what: str) -> list[Any]:
    """A list of whatever can be gone through.

    Args:
        what: one of them, with its article, for the message: `a text`.

    Raises:
        InputError: it is no list or the like.
    """
    try:
        return list(values)
    except TypeError as error:
        raise InputError(f"{what} or a list of them was expected, not {type(values).__name__}") from error


def check_int(name: str, value: object, minimum: int) -> None:
    """Raises `InputError` for anything but a whole number of at least so much."""
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        raise InputError(f"{name} must be a whole number of at least {minimum}, not {shown(value)}")


def check_number(name: str, value: object, minimum: float, maximum: float, whole: bool = False) -> None:
    """Raises `InputError` for anything but a number from one limit to the other; `whole` takes 3.0 for 3."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not minimum <= value <= maximum or (whole and value != int(value)):  # type: ignore[operator, call-overload]
        kind = "whole number" if whole else "number"
        raise InputError(f"{name} must be a {kind} from {minimum:,} to {maximum:,}, not {shown(value)}")


def check_probability(name: str, value: object) -> None:
    """Raises `InputError` for anything but a number from 0 to 1."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= 1:  # type: ignore[operator]
        raise InputError(f"{name} is a probability, from 0 to 1, not {shown(value)}")


def check_flag(name: str, value: object) -> None:
    """Raises `InputError` for what is neither True nor False."""
    if not isinstance(value, bool):
        raise InputError(f"{name} must be True or False, not {shown(value)}")


class _Line(reprlib.Repr):
    """A value as a message shows it: not more than a line of it."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 100
        self.maxlist = self.maxtuple = self.maxdict = 12


shown = _Line().repr
