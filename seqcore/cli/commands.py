"""What the words of the command line do."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from seqcore.cli.answers import Format, answer_document, answer_files, answer_lines
from seqcore.cli.flags import CommandLine, column_options
from seqcore.cli.journal import described
from seqcore.cli.outputs import open_output
from seqcore.cli.runs import Run, read_shard
from seqcore.cli.streams import PlacedText, count_lines, read_document, read_lines
from seqcore.cli.tables import answer_table, is_table, open_answered
from seqcore.data import parallel_columns
from seqcore.errors import SettingsError, warn
from seqcore.runtime.bulk import checked_workers
from seqcore.tasks.base import Task
from seqcore.tasks.prediction import Option
from seqcore.text.documents import is_document


def predict(arguments: Sequence[str]) -> None:
    """Answer lines, a line each, in order and as they come: input of any size is held a few batches at a time.

    A table (.csv, .tsv, .jsonl, .parquet, each also .gz) is written with the answers as further columns, in the format
    that it came in, or that --output ends in. Standard input is lines whatever is in it. A translator keeps the
    structure of subtitles (.srt, .vtt) and of Markdown (.md), unless --format is given. What reads files instead, such
    as images or films, takes folders of them, too. One that cannot be answered is named, and the others are answered.
    --workers answers by several processes. What was stopped or killed goes on with --resume, which needs --output.
    """
    line = CommandLine("predict", predict.__doc__, arguments)
    _add_flags(line)
    columns = _input_columns(line.task)
    for name, option in {**line.options, **columns}.items():
        line.add(name, option)
    options, given = line.parse([*line.options, *columns], more="files")
    named = {name.removeprefix("columns."): given.pop(name) for name in columns if name in given}
    if "n_best" in given and options.format != "jsonl":
        raise SettingsError("--n-best needs --format jsonl: as text, a line gives one line")
    _check_sources(options, line.task, bool(named))
    _check_parts(options)
    task = line.load("cpu" if options.workers > 1 else options.device)
    kind: Format = options.format or "text"
    begun = partial(_begun, line, options, task, given)
    if task.input_kind == "file":
        paths = task.files(options.files)
        with begun(paths) as run:
            answer_files(run, paths, kind)
    elif named or any(map(is_table, options.files)):
        suffix = ".jsonl" if options.format == "jsonl" else ""
        table = open_answered(task, options.files[0], named, options.output, suffix)
        if options.shard and table.is_array:
            raise SettingsError("parts of a JSON array cannot be joined: name a file of JSON lines with --output")
        with begun(options.files, columns=table.columns, names=table.table.column_names) as run:
            answer_table(run, table)
    elif _is_rewritten(options, task):
        (name,) = options.files
        if options.resume or options.shard:
            raise SettingsError(f"{name} is a document, which is answered as a whole: leave --resume and --shard out")
        document = read_document(name)
        with begun([name], is_journaled=False) as run:
            answer_document(run, document, name)
    else:
        texts = [PlacedText(text, f"--text {number}") for number, text in enumerate(options.text or [], 1)]
        names = options.files or ["-"]
        if options.shard and not texts and "-" in names:
            raise SettingsError("--shard counts what there is, which standard input cannot tell: name a file")
        # Somebody who types wants each answer at once; a file is sorted by length over many batches.
        is_typed = not options.files and not texts and sys.stdin.isatty()
        with begun(options.files, texts=options.text) as run:
            run.at_once = 1 if is_typed else None
            run.workers = 1 if is_typed else run.workers
            answer_lines(run, texts or read_lines(names), kind, lambda: len(texts) or count_lines(names))


def _add_flags(line: CommandLine) -> None:
    """What `predict` takes for every task."""
    line.parser.add_argument(
        "files", nargs="*", metavar="FILE", help="lines of text (- or none: standard input), a table, images or films"
    )
    line.parser.add_argument("--text", metavar="TEXT", action="append", help="a text to answer; may be given again")
    line.parser.add_argument("--output", metavar="FILE", help="where to write; without it, standard output")
    line.parser.add_argument("--format", choices=["text", "jsonl"], help="what to write a line (default: text)")
    line.parser.add_argument(
        "--workers",
        metavar="N",
        type=int,
        default=1,
        help="processes of one thread each, on the CPU (default: this one)",
    )
    line.parser.add_argument(
        "--resume", action="store_true", help="go on where the same command with --output was stopped or killed"
    )
    line.parser.add_argument(
        "--shard", metavar="K/N", help="answer one of N parts, such as 3/100; cat joins what all parts give"
    )


@contextmanager
def _begun(
    line: CommandLine,
    options: argparse.Namespace,
    task: Task,
    given: Mapping[str, Any],
    inputs: Sequence[str],
    is_journaled: bool = True,
    **more: Any,
) -> Iterator[Run]:
    """A run whose output is open."""
    assert line.checkpoint is not None
    job = None
    if options.output is not None and is_journaled:
        flags = {"--shard": options.shard, "--format": options.format, "the options": given, "the columns": more}
        job = described(line.checkpoint.folder, inputs, **flags)
    with open_output(options.output, inputs, job, options.resume) as output:
        shard = read_shard(options.shard) if options.shard else None
        yield Run(task, output, given, line.checkpoint, options.workers, shard)


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


def _input_columns(task: type[Task] | None) -> dict[str, Option]:
    """The options that say which columns of a table are answered."""
    if task is None or task.input_kind != "text":
        return {}
    fields = {next(iter(task.fields)), *task.optional}
    return {name: option for name, option in column_options(task).items() if name.removeprefix("columns.") in fields}


def _check_sources(options: argparse.Namespace, task: type[Task] | None, is_table_named: bool) -> None:
    """Raises SettingsError for what cannot be answered together."""
    if task is None or task.input_kind == "file":
        if options.text:
            raise SettingsError("--text is not for this checkpoint, whose task reads files: name them")
        return
    if options.text and (options.files or is_table_named):
        raise SettingsError("--text is instead of files and their columns: leave out one of them")
    tables = options.files if is_table_named else [name for name in options.files if is_table(name)]
    documents = [name for name in options.files if is_document(name) and task.rewrites and options.format is None]
    if is_table_named and options.files in ([], ["-"]):
        raise SettingsError("columns are those of a table, and standard input is lines: name the table's file")
    if tables and options.format == "text":
        raise SettingsError(f"{tables[0]} is a table: leave --format out, or answer its lines as standard input")
    for name in (*tables, *documents):
        if len(options.files) > 1:
            raise SettingsError(f"{name} is answered alone, for its form stays as it is: one command for each file")


def _check_parts(options: argparse.Namespace) -> None:
    """Whether the parts that the work is done in can be."""
    checked_workers(options.workers)
    if options.shard:
        read_shard(options.shard)
    if options.resume and options.output is None:
        raise SettingsError("--resume goes on with a file: name it with --output")
    if options.workers > 1 and options.device not in ("auto", "cpu"):
        raise SettingsError(f"--workers are processes on the CPU: leave them out to use {options.device}")


def _is_rewritten(options: argparse.Namespace, task: Task) -> bool:
    """Whether there is one document, whose structure stays."""
    return task.rewrites and options.format is None and any(map(is_document, options.files))
