"""Errors as a visitor sees them: ours say what to do, any other is logged and not shown."""

import errno
import functools
import html
import inspect
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar, cast, get_args

from apps.server.environment import SERVER_DIR

import gradio as gr

from apps.server.affinity import OTHER_FILE, is_elsewhere
from apps.server.batching import BusyError
from apps.server.calls import BUSY, ERROR, PAGE, REFUSED, observed_call, refused_call
from apps.server.gradio_patches import files_in
from apps.server.log import event_fields
from seqcore.errors import SeqcoreError, is_out_of_memory
from seqcore.validation import shown

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
# The beginning of a message that is about a file: its name up to the ending, and what is said of it.
_FILE_NAME = re.compile(r"[^:]{1,255}?\.[A-Za-z]\w{0,9}(?:,|:| (?:is|has|holds|cannot|must|contains)\b)")


# In this call: names of files as they were sent, by those that they are stored under.
_SENT_NAMES: ContextVar[Mapping[str, str]] = ContextVar("sent_names", default=MappingProxyType({}))


def note_sent_names(names: Mapping[str, str]) -> None:
    """From now on, messages of this call name files as they were sent, not as they are stored."""
    _SENT_NAMES.set(names)


def message(error: SeqcoreError, files: Iterable[str] = ()) -> str:
    """An error's message as a sentence. Gradio reads it as HTML, and it may quote what a user typed.

    It begins with a capital letter, but for the name of a file, which stays as its owner wrote it.

    Args:
        files: names of files that it may begin with, whatever they look like.
    """
    text = str(error)
    is_name = text.startswith(tuple(files)) or _FILE_NAME.match(text)
    for name, sent in _SENT_NAMES.get().items():
        line = " ".join(sent.split()).replace("\\", r"\\")
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", line, text, count=1)
    if not is_name and text.split(" ", 1)[0].isalpha():  # What is no word is a path, or the name of a setting.
        text = f"{text[0].upper()}{text[1:]}"
    return f"{html.escape(text, quote=False)}{'' if text.endswith('.') else '.'}"


def report_errors(function: Callable[_Parameters, _Result], endpoint: str = PAGE) -> Callable[_Parameters, _Result]:
    """Turn our errors into the message they carry, shown in the page; any other is logged and not shown.

    A generator function stays one. Each call is counted as one of the endpoint.
    """
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def stream(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> Any:
            with _reported_errors(function, endpoint, [*args, *kwargs.values()]):
                yield from function(*args, **kwargs)

        # Gradio describes an endpoint by its return type: that of a generator is what it yields.
        signature = inspect.signature(function)
        stream.__signature__ = signature.replace(return_annotation=get_args(signature.return_annotation)[0])  # type: ignore[attr-defined]
        return cast(Callable[_Parameters, _Result], stream)

    @functools.wraps(function)
    def guarded(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        with _reported_errors(function, endpoint, [*args, *kwargs.values()]):
            return function(*args, **kwargs)

    return guarded


def endpoint_of(event: Any) -> str:
    """How calls of an event of gradio are counted: by the name that programs know, or as those of pages."""
    return f"/{event.api_name}" if event is not None and event.api_visibility == "public" else PAGE


def explain_validation_error(event: Any, values: Sequence[Any], error: Exception) -> gr.Error:
    """The error that a caller gets whose values gradio refused before a function of ours saw them."""
    name = f"/{event.api_name}" if event.api_name else "This"
    fields = event_fields("refused", endpoint=endpoint_of(event), error=type(error).__name__)
    logging.getLogger(__name__).warning("%s refused what it was given: %s", name, shown(str(error)), extra=fields)
    refused_call(endpoint_of(event), REFUSED)
    if any(map(is_elsewhere, files_in(values))):
        return gr.Error(OTHER_FILE, print_exception=False)
    return gr.Error(_refused(name, len(event.inputs), len(values), error), print_exception=False)


def _refused(name: str, wanted: int, given: int, error: Exception) -> str:
    if given != wanted:
        return f"{name} takes {wanted} values{' at most' * (given > wanted)}, not {given}."
    kind = f"{name} was given a value of a wrong kind, or a file that was not uploaded before: see /gradio_api/info."
    return _inside(error, kind)


@contextmanager
def _reported_errors(function: Callable[..., Any], endpoint: str, values: Sequence[Any]) -> Iterator[None]:
    name = getattr(function, "__name__", "a function")
    with observed_call(name, endpoint) as call:
        try:
            yield
        except SeqcoreError as error:
            call.outcome = BUSY if isinstance(error, BusyError) else REFUSED
            raise gr.Error(message(error, _file_names(values)), print_exception=False) from error
        except gr.Error:
            call.outcome = REFUSED
            raise
        except Exception as error:
            call.outcome = ERROR
            logging.getLogger(__name__).exception("%s failed", name, extra=event_fields("error", function=name))
            raise gr.Error(_inside(error), print_exception=False) from error


def _file_names(values: Iterable[Any]) -> Iterator[str]:
    """The names of files among the arguments of a call, or in lists that are."""
    for value in values:
        if isinstance(value, list):
            yield from _file_names(value)
        elif isinstance(value, str):
            with suppress(OSError, ValueError):  # Texts are longer than paths may be.
                if Path(value).is_file():
                    yield Path(value).name


def _inside(error: Exception, otherwise: str = "Something went wrong inside the app. Its terminal says what.") -> str:
    """What a visitor is told of an error that is not ours."""
    if is_out_of_memory(error):
        return "This was too much for the memory of the server: try something smaller, or try again later."
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "The disk of the server is full: try again later."
    if isinstance(error, FileNotFoundError) and SERVER_DIR and str(error.filename).startswith(str(SERVER_DIR)):
        return "This file is not on the server any more: choose it again."
    return otherwise
