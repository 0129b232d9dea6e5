"""``seqcore predict`` of a task that answers files, such as images."""

import itertools
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from seqcore.errors import InputError
from seqcore.tasks.base import Task


class SomeFailedError(Exception):
    """Some answers could not be given, and each was told."""


def predict_files(
    task: Task, names: Sequence[str], options: Mapping[str, Any], kind: str, out: TextIO, at_once: int
) -> None:
    """One file in, one line out, in order; one that cannot be read has its error in its place.

    Args:
        names: of files and folders.
        options: of :meth:`~seqcore.tasks.base.Task.predict`.
        kind: ``text`` or ``jsonl``.
        at_once: files that are worked on together.

    Raises:
        SomeFailedError: at the end, if there was such an error.
    """
    files = iter(task.files(names))
    failed = False
    while chunk := list(itertools.islice(files, at_once)):
        rows: dict[int, Any] = {}
        errors: dict[int, str] = {}
        for number, path in enumerate(chunk):
            try:
                rows[number] = task.file_row(path)
            except InputError as error:
                errors[number] = error.message
        results = dict(zip(rows, task.predict(list(rows.values()), **options), strict=True))
        for number, path in enumerate(chunk):
            name = os.fsencode(path).decode("utf-8", "replace")
            if kind == "jsonl":
                said = {"error": errors[number]} if number in errors else task.to_dict(results[number])
                print(json.dumps({"file": name, **said}, ensure_ascii=False), file=out)
            elif number in errors:
                print(f"error: {errors[number]}", file=sys.stderr)
            else:
                print(f"{name}\t{task.to_text(results[number])}", file=out)
        out.flush()
        failed = failed or bool(errors)
    if failed:
        raise SomeFailedError
