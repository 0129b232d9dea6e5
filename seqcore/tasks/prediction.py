"""Predictions of any number of inputs, and what they can be told, as a signature and its docstring say."""

import inspect
import itertools
import re
import types
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from seqcore.errors import InputError, numbered
from seqcore.validation import as_list

Result = TypeVar("Result")
# What divides fields and lines, for readers that count more signs than one as line breaks, too.
_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")


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


class Answering(ABC):
    """What answers inputs: `predict` says how, and any number of them are answered some at a time.

    Attributes:
        batches_at_once: batches that `predict_each` answers together, so that inputs of like length are found.
    """

    batches_at_once: ClassVar[int] = 16

    @abstractmethod
    def predict(self, inputs: Sequence[Any], *arguments: Any, **options: Any) -> list[Any]:
        """Answer raw inputs, such as texts or paths, one result each.

        A subclass names its options as parameters behind a `*`, each with a type and a default, and says in its
        docstring what they mean: `seqcore predict` makes its flags of them. An option that is a list holds a value for
        each input.

        Raises:
            InputError: an input that cannot be answered, with its number where there are several, or an option.
        """

    def predict_each(self, inputs: Iterable[Any], **options: Any) -> Iterator[Any]:
        """Answer any number of inputs, some at a time: a result each, or its `InputError`, in order.

        Raises:
            InputError: an option is wrong, which no input can help.
        """
        waiting, done = iter(inputs), 0
        while chunk := list(itertools.islice(waiting, self.chunk_size(**options))):
            yield from self._predict_chunk(chunk, _between(options, done, done + len(chunk)))
            done += len(chunk)

    def _predict_chunk(self, chunk: list[Any], options: Mapping[str, Any]) -> Iterator[Any]:
        done = 0
        while done < len(chunk):
            rest = chunk[done:]
            try:
                yield from self.predict(rest, **_between(options, done, len(chunk)))
                return
            except InputError as error:
                if error.number is None and len(rest) > 1:
                    raise
                bad, message = done + (error.number or 1) - 1, error.message
            if bad > done:
                yield from self._predict_chunk(chunk[done:bad], _between(options, done, bad))
            yield InputError(message)
            done = bad + 1

    @classmethod
    def chunk_size(cls, **options: Any) -> int:
        """How many inputs `predict_each` answers at a time: `batches_at_once` batches."""
        usual = cls.prediction_options().get("batch_size")
        size = options.get("batch_size", usual.default if usual else 1)
        return max(1, size) * cls.batches_at_once if isinstance(size, int) else 1

    @classmethod
    def prediction_options(cls) -> dict[str, Option]:
        """What `predict` takes besides inputs, by name."""
        return prediction_options(cls.predict)


def in_one_field(text: str) -> str:
    r"""A text as a field of a line, whose tabs and line breaks are written as `\t` and `\n`.

    Example:
        >>> print(in_one_field("one\ttwo"))
        one\ttwo
    """
    return _BREAKS.sub(lambda sign: repr(sign[0])[1:-1], text)


def prediction_options(verb: Callable[..., Any]) -> dict[str, Option]:
    """The options of a function whose signature names them, with a type and a default each."""
    hints, texts = get_type_hints(verb), _arguments(inspect.getdoc(verb) or "")
    options = {}
    for name, parameter in inspect.signature(verb).parameters.items():
        if parameter.default is not parameter.empty:
            kind, choices = _single(hints.get(name, str))
            options[name] = Option(name, kind, parameter.default, choices, texts.get(name, ""))
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


def each(inputs: Iterable[Any], answer: Callable[[Any], Result], kind: str = "text") -> list[Result]:
    """What a function gives of each input; an `InputError` of it says which one it is about."""
    results, inputs = [], as_list(inputs, f"a {kind}")
    for before, one in enumerate(inputs):
        with numbered(before, len(inputs), kind):
            results.append(answer(one))
    return results


def _between(options: Mapping[str, Any], begin: int, end: int) -> dict[str, Any]:
    """Options for a part of the inputs: a list holds a value for each of them."""
    return {name: value[begin:end] if isinstance(value, list) else value for name, value in options.items()}
