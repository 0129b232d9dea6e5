"""Errors as a visitor sees them: ours say what to do, any other is logged and not shown."""

import errno
import functools
import html
import inspect
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar, cast, get_args

from apps.server.environment import SERVER_DIR

import gradio as gr

from apps.server.temp_files import touch
from seqcore.arguments import shown
from seqcore.errors import SeqcoreError, is_out_of_memory

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def message(error: SeqcoreError) -> str:
    """An error's message as a sentence. Gradio reads it as HTML, and it may quote what a user typed."""
    text = html.escape(str(error), quote=False)
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def report_errors(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Turn our errors into the message they carry, shown in the page; any other is logged and not shown.

    A generator function stays one.
    """
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def stream(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> Any:
            with _shown_errors(function, args):
                yield from function(*args, **kwargs)

        # Gradio describes an endpoint by its return type: that of a generator is what it yields.
        signature = inspect.signature(function)
        stream.__signature__ = signature.replace(return_annotation=get_args(signature.return_annotation)[0])  # type: ignore[attr-defined]
        return cast(Callable[_Parameters, _Result], stream)

    @functools.wraps(function)
    def guarded(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        with _shown_errors(function, args):
            return function(*args, **kwargs)

    return guarded


def explain_validation_errors(demo: gr.Blocks) -> None:
    """Give a reason to callers whose values gradio refuses before a function of ours sees them; it gives none."""
    take = demo.preprocess_data

    async def taken(event: Any, values: list[Any], *more: Any) -> Any:
        try:
            return await take(event, values, *more)
        except gr.Error:
            raise
        except Exception as error:
            name = f"/{event.api_name}" if event.api_name else "This"
            logging.getLogger(__name__).warning("%s refused what it was given: %s", name, shown(str(error)))
            raise gr.Error(_refused(name, len(event.inputs), len(values), error), print_exception=False) from error

    demo.preprocess_data = taken  # type: ignore[method-assign, assignment]


def _refused(name: str, wanted: int, given: int, error: Exception) -> str:
    """What a caller is told of values that no function of ours has seen."""
    if given < wanted:
        return f"{name} takes {wanted} values, not {given}."
    kind = f"{name} was given a value of a wrong kind, or a file that was not uploaded before: see /gradio_api/info."
    return _inside(error, kind)


@contextmanager
def _shown_errors(function: Callable[..., Any], arguments: Sequence[Any] = ()) -> Iterator[None]:
    if SERVER_DIR is not None:
        for argument in arguments:
            touch(argument, SERVER_DIR)
    try:
        yield
    except SeqcoreError as error:
        raise gr.Error(message(error), print_exception=False) from error
    except gr.Error:
        raise
    except Exception as error:
        logging.getLogger(__name__).exception("%s failed", getattr(function, "__name__", "a function"))
        raise gr.Error(_inside(error), print_exception=False) from error


def _inside(error: Exception, otherwise: str = "Something went wrong inside the app. Its terminal says what.") -> str:
    """What a visitor is told of an error that is not ours."""
    if is_out_of_memory(error):
        return "This was too much for the memory of the server: try something smaller, or try again later."
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "The disk of the server is full: try again later."
    if isinstance(error, FileNotFoundError) and SERVER_DIR and str(error.filename).startswith(str(SERVER_DIR)):
        return "This file is not on the server any more: choose it again."
    return otherwise
