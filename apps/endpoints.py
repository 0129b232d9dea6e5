"""What programs call: functions as endpoints, over HTTP and as tools for language models.

The signature of a function says what an endpoint takes, with defaults, and with the bounds that `pydantic.Field` sets;
its docstring says what that means. What is checked and what is described both come from there alone.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, fields, make_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

import docstring_parser
import gradio as gr
from docstring_parser import Docstring
from gradio.components import Component
from gradio.components.api_component import Api
from pydantic import TypeAdapter

from apps.server.errors import report_errors
from apps.ui.uploads import in_words
from seqcore.validation import settings


def one_of(endings: Sequence[str]) -> str:
    """Which kinds of files are taken, where their names tell."""
    *others, last = endings
    return f"Its name ends in {' or '.join(filter(None, [', '.join(others), last]))}"


def endpoint(
    function: Callable[..., Any],
    result: str,
    files: Mapping[str, str] | None = None,
    gives_file: bool = False,
    **options: Any,
) -> None:
    """Let programs call a function by its name.

    An argument that has a default may be left out, or be null.

    Args:
        result: the name of what it gives.
        files: the arguments that are files, and of each which kinds are taken, in words.
        gives_file: it gives the path of a file, which the caller gets.
        options: of gradio, such as `concurrency_limit`.
    """
    files, hints = files or {}, get_type_hints(function, include_extras=True)
    text = docstring_parser.parse(inspect.getdoc(function) or "")
    arguments = _declared(function, hints, files)
    meanings = {argument.arg_name: _line(argument.description) for argument in text.params}
    schemas = _schema(arguments, "validation").get("properties", {})
    inputs: list[Component] = []
    for name, argument in inspect.signature(function).parameters.items():
        if name in files:
            inputs.append(_file(name, f"{meanings[name]} {files[name]}."))
        elif name in schemas:
            default = None if argument.default is argument.empty else argument.default
            inputs.append(_value(name, {**_not_null(schemas[name]), "description": meanings[name]}, default))
    output = _file(result, _returns(text)) if gives_file else _value(result, _given(hints["return"], _returns(text)))
    gr.on(
        [], report_errors(_checked(function, arguments), f"/{function.__name__}"), inputs, output,
        api_name=function.__name__, api_description=_line(text.short_description), **options,
    )  # fmt: skip


def _declared(function: Callable[..., Any], hints: Mapping[str, Any], files: Mapping[str, Any]) -> type:
    """What a function takes besides files, as settings, which say what is wrong with a value."""
    taken = []
    for name, argument in inspect.signature(function).parameters.items():
        if name not in files and hints[name] is not gr.Progress:
            default = {} if argument.default is argument.empty else {"default": argument.default}
            taken.append((name, hints[name], field(**default)))
    return settings(error=in_words)(make_dataclass(function.__name__, taken, frozen=True))


def _checked(function: Callable[..., Any], arguments: type) -> Callable[..., Any]:
    """The function, which is given what `arguments` lets pass; null stands for the default. A generator stays one."""
    signature, names = inspect.signature(function), {one.name for one in fields(arguments)}

    def checked(*values: Any, **named: Any) -> dict[str, Any]:
        given = signature.bind(*values, **named).arguments
        chosen = arguments(**{name: given[name] for name in names & given.keys() if given[name] is not None})
        return {**given, **{name: getattr(chosen, name) for name in names}}

    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def stream(*values: Any, **named: Any) -> Iterator[Any]:
            yield from function(**checked(*values, **named))

        return stream

    @functools.wraps(function)
    def call(*values: Any, **named: Any) -> Any:
        return function(**checked(*values, **named))

    return call


def _value(name: str, schema: dict[str, Any], default: Any = None) -> Component:
    # Gradio's client shows of an argument what stands under the first of these names, and of a result the second.
    meaning = {"additional_description": schema["description"]}
    return Api(default, {**schema, **meaning}, name)


def _file(name: str, meaning: str) -> Component:
    """A file, described as what it is for: gradio's own text is about its class, and its example an address."""
    file = gr.File(label=name, visible=False)
    schema = {**file.api_info(), "description": meaning, "additional_description": meaning}
    path = f"path/to/{name}"
    example = {"path": path, "url": path, "meta": {"_type": "gradio.FileData"}}
    file.api_info, file.example_payload = lambda: schema, lambda: example  # type: ignore[method-assign]
    return file


def _given(hint: Any, meaning: str) -> dict[str, Any]:
    """What a function gives, described; a generator gives it again and again."""
    return {**_schema(get_args(hint)[0] if get_origin(hint) is Iterator else hint), "description": meaning}


def _schema(kind: Any, mode: Literal["validation", "serialization"] = "serialization") -> dict[str, Any]:
    """A type as JSON schema, without the titles that only repeat names."""
    schema: dict[str, Any] = _untitled(TypeAdapter(kind).json_schema(mode=mode))
    return schema


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of an argument, without null beside another type: that stands for any default."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    return {"default": schema["default"], **kinds[0]} if len(kinds) == 1 else schema


def _untitled(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: _untitled(value) for key, value in schema.items() if key != "title" or not isinstance(value, str)}
    return [_untitled(value) for value in schema] if isinstance(schema, list) else schema


def _returns(text: Docstring) -> str:
    return _line(text.returns.description) if text.returns else ""


def _line(text: str | None) -> str:
    return " ".join((text or "").split())
