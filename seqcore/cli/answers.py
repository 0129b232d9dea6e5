"""Answers of a task to lines, documents and files, written as they come; one that cannot be given has an error."""

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from seqcore.cli.runs import Run
from seqcore.cli.streams import PlacedText
from seqcore.errors import InputError, warn
from seqcore.tasks.base import Task
from seqcore.tasks.prediction import in_one_field
from seqcore.text.documents import check_document, parse_document

Format = Literal["text", "jsonl"]


def answer_lines(run: Run, lines: Iterable[PlacedText], kind: Format, total: Callable[[], int]) -> None:
    """Write an answer a line, in order; one that cannot be given leaves an empty line, or an object with its error.

    Raises:
        SomeFailedError: at the end, if there was one that could not be given.
    """
    field = next(iter(run.task.fields))
    answer = partial(_of_lines, options=run.options, field=field, kind=kind)
    for line, written in run.answered(answer, lines, total, lambda line: f"{line.text}\n"):
        if isinstance(written, InputError):
            run.errors.add(line.place, written)
            written = _as_json({field: line.text, "error": written.message}) if kind == "jsonl" else ""
        print(written, file=run.out)
    run.errors.end()


def answer_document(run: Run, text: str, name: str) -> None:
    """Write the document with its texts answered; one that cannot be answered stays as it is.

    Raises:
        SomeFailedError: at the end, if there was such a text.
    """
    check_document(text, name)
    document = parse_document(text, name)
    texts = document.texts
    options = run.task.document_options(" ".join(texts), run.options)
    answers = []
    answered = run.answered(partial(_of_texts, options=options), texts, lambda: len(texts))
    for line, (source, answer) in zip(document.line_numbers, answered, strict=True):
        if isinstance(answer, InputError):
            run.errors.add(f"{name}, line {line}", answer)
        answers.append(source if isinstance(answer, InputError) else answer)
    run.out.write(document.with_texts(answers))
    run.errors.end()


def answer_files(run: Run, paths: Sequence[str], kind: Format) -> None:
    """Write an answer for each file with its name; of one that cannot be read, its error.

    Raises:
        SomeFailedError: at the end, if there was one.
    """
    answer = partial(_of_files, options=run.options, kind=kind)
    for path, written in run.answered(answer, paths, lambda: len(paths)):
        name = os.fsencode(path).decode("utf-8", "replace")
        if isinstance(written, InputError):  # It is called by its name alone, which files of several folders may have.
            is_told = path in written.message or os.sep not in name
            folder = "" if is_told else in_one_field(str(Path(name).parent))
            run.errors.add(folder if kind == "text" else None, written)
            if kind == "jsonl":
                print(_as_json({"file": name, "error": written.message}), file=run.out)
            continue
        line, remark = written
        if remark:
            warn(f"{in_one_field(name)} {remark}")
        print(line, file=run.out)
    run.errors.end()


# What follows is done where the task is, which may be another process: texts are sent, and no results with tensors.


def _of_lines(
    task: Task, lines: Sequence[PlacedText], options: Mapping[str, Any], field: str, kind: Format
) -> list[str | InputError]:
    written: list[str | InputError] = []
    for line, result in zip(lines, task.predict_each([line.text for line in lines], **options), strict=True):
        if isinstance(result, InputError):
            written.append(result)
        elif kind == "jsonl":
            written.append(_as_json({field: line.text, **task.to_dict(result)}))
        else:
            written.append(on_one_line(task.to_text(result)))
    return written


def _of_texts(task: Task, texts: Sequence[str], options: Mapping[str, Any]) -> list[str | InputError]:
    results = task.predict_each(texts, **options)
    return [result if isinstance(result, InputError) else task.to_text(result) for result in results]


def _of_files(
    task: Task, paths: Sequence[str], options: Mapping[str, Any], kind: Format
) -> list[tuple[str, str] | InputError]:
    written: list[tuple[str, str] | InputError] = []
    for path, result in zip(paths, task.predict_each(paths, **options), strict=True):
        name = os.fsencode(path).decode("utf-8", "replace")
        if isinstance(result, InputError):
            written.append(result)
        elif kind == "jsonl":
            written.append((_as_json({"file": name, **task.to_dict(result)}), task.remark(result)))
        else:
            line = f"{in_one_field(name)}\t{on_one_line(task.to_text(result))}"
            written.append((line, task.remark(result)))
    return written


def _as_json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False)


def on_one_line(text: str) -> str:
    """An answer whose line breaks are written as signs; tabs divide its fields."""
    return "\t".join(map(in_one_field, text.split("\t")))
