"""Answers of a task to lines, documents and files, written as they come; one that cannot be given has an error."""

import itertools
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TextIO

from seqcore.cli.streams import PlacedText, SomeFailedError
from seqcore.errors import InputError, warn
from seqcore.tasks.base import Task
from seqcore.tasks.prediction import in_one_field
from seqcore.text.documents import check_document, parse_document

Format = Literal["text", "jsonl"]


def answer_lines(
    task: Task, lines: Iterable[PlacedText], options: Mapping[str, Any], kind: Format, out: TextIO, at_once: int = 0
) -> None:
    """An answer a line, in order; one that cannot be given leaves an empty line, or an object with its error.

    Args:
        at_once: answers after which all are shown; by default what the task answers together.

    Raises:
        SomeFailedError: at the end, if there was one that could not be given.
    """
    field = next(iter(task.fields))
    errors = Errors()
    at_once = at_once or task.chunk_size(**options)
    lines, read = itertools.tee(lines)
    texts = (line.text for line in lines)
    results: Iterable[Any] = (
        itertools.chain.from_iterable(task.predict_each([text], **options) for text in texts)
        if at_once == 1
        else task.predict_each(texts, **options)
    )
    for number, result in enumerate(results, 1):
        line = next(read)
        if isinstance(result, InputError):
            errors.add(line.place, result)
        if kind == "jsonl":
            record = {"error": result.message} if isinstance(result, InputError) else task.to_dict(result)
            print(json.dumps({field: line.text, **record}, ensure_ascii=False), file=out)
        else:
            print("" if isinstance(result, InputError) else on_one_line(task.to_text(result)), file=out)
        if number % at_once == 0:
            out.flush()
    errors.end()


def answer_document(task: Task, text: str, name: str, options: Mapping[str, Any], out: TextIO) -> None:
    """The document with its texts answered; one that cannot be answered stays as it is.

    Raises:
        SomeFailedError: at the end, if there was such a text.
    """
    check_document(text, name)
    document = parse_document(text, name)
    options = task.document_options(" ".join(document.texts), options)
    errors = Errors()
    answers = []
    results = task.predict_each(document.texts, **options)
    for source, line, result in zip(document.texts, document.line_numbers, results, strict=True):
        if isinstance(result, InputError):
            errors.add(f"{name}, line {line}", result)
        answers.append(source if isinstance(result, InputError) else task.to_text(result))
    out.write(document.with_texts(answers))
    errors.end()


def answer_files(task: Task, paths: Sequence[str], options: Mapping[str, Any], kind: Format, out: TextIO) -> None:
    """An answer for each file with its name; of one that cannot be read, its error.

    Raises:
        SomeFailedError: at the end, if there was one.
    """
    errors = Errors()
    for path, result in zip(paths, task.predict_each(paths, **options), strict=True):
        name, error = os.fsencode(path).decode("utf-8", "replace"), isinstance(result, InputError)
        if error:  # It is called by its name alone, which files of several folders may have.
            is_told = path in result.message or os.sep not in name
            folder = "" if is_told else in_one_field(str(Path(name).parent))
            errors.add(folder if kind == "text" else None, result)
        elif remark := task.remark(result):
            warn(f"{in_one_field(name)} {remark}")
        if kind == "jsonl":
            record = {"error": result.message} if error else task.to_dict(result)
            print(json.dumps({"file": name, **record}, ensure_ascii=False), file=out, flush=True)
        elif not error:
            print(f"{in_one_field(name)}\t{on_one_line(task.to_text(result))}", file=out, flush=True)
    errors.end()


class Errors:
    """What could not be answered: a line on standard error for each."""

    def __init__(self) -> None:
        self._any = False

    def add(self, place: str | None, error: InputError) -> None:
        """Say what was wrong where; nothing where the place is None, for then the output says it."""
        self._any = True
        if place is not None:
            print(f"error: {place}{': ' * bool(place)}{error.message}", file=sys.stderr)

    def end(self) -> None:
        """Raises `SomeFailedError` if there was any."""
        if self._any:
            raise SomeFailedError


def on_one_line(text: str) -> str:
    """An answer whose line breaks are written as signs; tabs divide its fields."""
    return "\t".join(map(in_one_field, text.split("\t")))
