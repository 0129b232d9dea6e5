"""What the words of the command line do."""

import itertools
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from seqcore.cli.flags import CommandLine, column_options
from seqcore.cli.streams import SomeFailedError, open_output, read_lines
from seqcore.data import parallel_columns
from seqcore.errors import InputError, SettingsError, warn
from seqcore.tasks.base import Task


def predict(arguments: Sequence[str]) -> None:
    """One line in, one line out, in order and as they come: input of any size is held a few batches at a time.

    What reads files instead, such as images or films, takes folders of them, too, and goes on after one that cannot be
    read.
    """
    line = CommandLine("predict", predict.__doc__, arguments)
    line.parser.add_argument(
        "files", nargs="*", metavar="FILE", help="text, a request a line (- or none: standard input), images or films"
    )
    line.parser.add_argument("--output", metavar="FILE", help="where to write; without it, standard output")
    line.parser.add_argument("--format", choices=["text", "jsonl"], default="text", help="what to write a line")
    for name, option in line.options.items():
        line.add(name, option)
    options, given = line.parse(line.options, more="files")
    if "n_best" in given and options.format != "jsonl":
        raise SettingsError("--n-best needs --format jsonl: as text, a line gives one line")
    task = line.load(options.device)
    if task.input_kind == "file":
        paths = task.files(options.files)
        with open_output(options.output) as out:
            _predict_files(task, paths, given, options.format, out)
    else:
        # Somebody who types wants each answer at once; a file is sorted by length over many batches.
        at_once = 1 if not options.files and sys.stdin.isatty() else task.chunk_size(**given)
        with open_output(options.output) as out:
            _predict_lines(task, read_lines(options.files or ["-"]), given, options.format, out, at_once)


def evaluate(arguments: Sequence[str]) -> None:
    """Predict every row and print the task's metrics as JSON."""
    line = CommandLine("evaluate", evaluate.__doc__, arguments)
    line.parser.add_argument(
        "data",
        metavar="DATA",
        help="CSV, TSV, JSON lines or Parquet file, folder of images or films, or hub id; with --source en --target de "
        "also what corpus.en and corpus.de begin with",
    )
    line.parser.add_argument("--split", default="test", help="of a hub id (default: test)")
    columns = column_options(line.task)
    for name, option in {**line.options, **columns}.items():
        line.add(name, option)
    options, given = line.parse([*line.options, *columns])
    chosen = {name: value for name, value in given.items() if name in line.options}
    names = {name.removeprefix("columns."): value for name, value in given.items() if name in columns}
    task = line.load(options.device)
    names = {**parallel_columns(options.data, {field: chosen.get(field) for field in task.fields}), **names}
    rows = list(task.rows_to_score(options.data, names, options.split, chosen))
    for notice in task.examine(rows, options.data):
        warn(f"{options.data}: {notice}")
    scores = task.evaluate(rows, **chosen)
    rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in scores.items()}
    described = {"checkpoint": options.checkpoint, "data": options.data, "rows": len(rows)}
    if task.input_kind == "text":  # Files may come from a folder, which has no columns.
        described["columns"] = {field: names.get(field, field) for field in task.fields} | names
    print(json.dumps(described | chosen | rounded, ensure_ascii=False))


def info(arguments: Sequence[str]) -> None:
    """Print what a checkpoint is: its configuration, its number of weights and its size on disk."""
    line = CommandLine("info", info.__doc__, arguments)
    line.parse()
    assert line.checkpoint is not None
    task = line.load("cpu")
    described = line.checkpoint.config | {
        "parameters": sum(weight.numel() for weight in task.network.parameters()),
        "bytes": sum(file.stat().st_size for file in line.checkpoint.folder.iterdir() if file.is_file()),
    }
    print(json.dumps(described, indent=2, ensure_ascii=False))


def _predict_lines(
    task: Task, lines: Iterable[str], options: Mapping[str, Any], kind: str, out: TextIO, at_once: int
) -> None:
    field = next(iter(task.fields))
    lines, read = itertools.tee(lines)
    results: Iterable[Any] = (
        itertools.chain.from_iterable(task.predict_each([line], **options) for line in lines)
        if at_once == 1
        else task.predict_each(lines, **options)
    )
    for number, result in enumerate(results, 1):
        line = next(read)
        if isinstance(result, InputError):
            alone = at_once == 1 or (number == 1 and next(read, None) is None)
            raise InputError(result.message, None if alone else number)
        if kind == "jsonl":
            print(json.dumps({field: line, **task.to_dict(result)}, ensure_ascii=False), file=out)
        else:
            print(task.to_text(result), file=out)
        if number % at_once == 0:
            out.flush()


def _predict_files(task: Task, paths: Sequence[str], options: Mapping[str, Any], kind: str, out: TextIO) -> None:
    """One that cannot be read has its error in its place. Raises `SomeFailedError` at the end, if there was one."""
    failed = False
    for path, result in zip(paths, task.predict_each(paths, **options), strict=True):
        name, error = os.fsencode(path).decode("utf-8", "replace"), isinstance(result, InputError)
        failed = failed or error
        if kind == "jsonl":
            record = {"error": result.message} if error else task.to_dict(result)
            print(json.dumps({"file": name, **record}, ensure_ascii=False), file=out, flush=True)
        elif error:
            print(f"error: {result.message}", file=sys.stderr)
        else:
            print(f"{name}\t{task.to_text(result)}", file=out, flush=True)
    if failed:
        raise SomeFailedError
