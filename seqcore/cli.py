"""The command line: ``seqcore predict``, ``seqcore evaluate``, ``seqcore info``."""

import argparse
import itertools
import json
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import seqcore
from seqcore.checkpoint import read_checkpoint
from seqcore.cli_files import SomeFailedError, predict_files
from seqcore.data import filled
from seqcore.errors import DataError, InputError, SeqcoreError, SettingsError, is_out_of_memory
from seqcore.tasks import load
from seqcore.tasks.base import Task

BATCH_SIZE, BATCHES_AT_ONCE = 32, 16
# Flags that only some tasks know: what a row may say, and what predict takes.
_LANGUAGES = {"source_lang": "source", "target_lang": "target"}
_FIELDS = ("source", "target", *_LANGUAGES, "text", "label", "image", "captions")
_PREDICTION = ("beam_size", "length_penalty", "n_best", "batch_size")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, 1 after an error of the user's, 130 after Ctrl-C."""
    options = _parse(arguments)
    try:
        options.run(options)
        sys.stdout.flush()
    except SomeFailedError:
        sys.stdout.flush()
        return 1
    except SeqcoreError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader, such as head, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"error: {error.strerror or error}", file=sys.stderr)
        return 1
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        print("error: there is not enough memory: try a smaller --batch-size or --beam-size", file=sys.stderr)
        return 1
    return 0


def predict(options: argparse.Namespace) -> None:
    """One line in, one line out, in order and as they come: input of any size is held a few batches at a time.

    A captioner and a video classifier read files and folders instead, and go on after one that cannot be read.
    """
    if options.n_best and options.format != "jsonl":
        raise SettingsError("--n-best needs --format jsonl: as text, a line gives one line")
    task = load(options.checkpoint, device=options.device)
    field = next(iter(task.fields))
    languages = _languages(options, task)
    chosen = _given(options, _PREDICTION, "", task.prediction_options, task)
    if task.input_kind == "file":
        with _output(options.output) as out:
            predict_files(task, options.files, chosen, options.format, out, options.batch_size or BATCH_SIZE)
        return
    with ExitStack() as stack:
        lines = _lines(options.files or ["-"], stack)
        out = stack.enter_context(_output(options.output))
        # Somebody who types wants each answer at once; a file is sorted by length over many batches.
        typed = not options.files and sys.stdin.isatty()
        at_once = 1 if typed else (options.batch_size or BATCH_SIZE) * BATCHES_AT_ONCE
        done = 0
        while chunk := list(itertools.islice(lines, at_once)):
            try:
                results = task.predict([{field: line, **languages} for line in chunk], **chosen)
            except InputError as error:  # a text's number, as the user counts
                raise InputError(error.message, error.number and done + error.number) from None
            done += len(chunk)
            for line, result in zip(chunk, results, strict=True):
                if options.format == "jsonl":
                    print(json.dumps({field: line, **task.to_dict(result)}, ensure_ascii=False), file=out)
                else:
                    print(task.to_text(result), file=out)
            out.flush()


def evaluate(options: argparse.Namespace) -> None:
    """Predict every row and print the task's metrics as JSON."""
    task = load(options.checkpoint, device=options.device)
    languages = _languages(options, task)
    chosen = _given(options, _PREDICTION, "", task.prediction_options, task)
    columns = _given(options, _FIELDS, "columns.", {*task.fields, *task.optional}, task)
    rows = list(task.read_rows(options.data, columns, options.split))
    rows = filled(rows, languages, options.data)
    scores = task.evaluate(rows, **chosen)
    described = {"checkpoint": options.checkpoint, "data": options.data, "rows": len(rows), **chosen}
    print(
        json.dumps(
            described
            | {name: round(value, 4) if isinstance(value, float) else value for name, value in scores.items()},
            ensure_ascii=False,
        )
    )


def info(options: argparse.Namespace) -> None:
    """Print what a checkpoint is: its configuration, its number of weights and its size on disk."""
    checkpoint = read_checkpoint(options.checkpoint)
    task = load(checkpoint, device="cpu")
    described = checkpoint.config | {
        "parameters": sum(weight.numel() for weight in task.network.parameters()),
        "bytes": sum(file.stat().st_size for file in checkpoint.folder.iterdir() if file.is_file()),
    }
    print(json.dumps(described, indent=2, ensure_ascii=False))


def _lines(files: Iterable[str], stack: ExitStack) -> Iterator[str]:
    for name in files:
        try:
            stream = sys.stdin.buffer if name == "-" else stack.enter_context(Path(name).open("rb"))  # noqa: SIM115
        except OSError as error:
            raise DataError(f"{name} cannot be read: {error.strerror}") from error
        for number, line in enumerate(stream, 1):
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                place = "standard input" if name == "-" else name
                raise InputError(f"{place}, line {number} is not UTF-8: convert it first (iconv -t UTF-8)") from error


@contextmanager
def _output(name: str | None) -> Iterator[TextIO]:
    """Standard output, or a file that appears under its name when it is whole."""
    if name is None:
        sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
        yield sys.stdout
        return
    target = Path(name).resolve()
    special = target.exists() and not target.is_file()  # a pipe or a device is written to, never replaced
    partial = target if special else target.with_name(f"{target.name}.partial")
    try:
        out = open(partial, "w", encoding="utf-8")  # noqa: SIM115  closed below, and only then renamed
    except OSError as error:
        raise DataError(f"{name} cannot be written: {error.strerror}") from error
    try:
        with out:
            yield out
    except SomeFailedError:
        if not special:
            partial.replace(target)
        raise
    except BaseException:
        if not special:
            print(f"what was done before it stopped is in {partial}", file=sys.stderr)
        raise
    if not special:
        partial.replace(target)


def _languages(options: argparse.Namespace, task: Task) -> dict[str, str]:
    named = {field: flag for field, flag in _LANGUAGES.items() if field in task.optional}
    given = _given(options, _LANGUAGES.values(), "", named.values(), task)
    return {field: given[flag] for field, flag in named.items() if flag in given}


def _given(
    options: argparse.Namespace, names: Iterable[str], prefix: str, known: Collection[str], task: Task
) -> dict[str, Any]:
    """What was given of the flags of these names; the task has its own defaults for the others.

    Raises:
        SettingsError: a flag that the task does not know.
    """
    chosen = {name: value for name in names if (value := getattr(options, f"{prefix}{name}", None)) is not None}
    for name in chosen:
        if name not in known:
            flag = f"--{prefix}{name}" if prefix else f"--{name.replace('_', '-')}"
            raise SettingsError(f"{flag} is not for this checkpoint, whose task is {task.name}")
    return chosen


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the arguments; files may stand after options too, which argparse alone does not allow."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and (options.run is not predict or any(argument.startswith("-") and argument != "-" for argument in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        options.files += rest
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("seqcore", description="Deep LSTM encoders and decoders on your own data.")
    parser.add_argument("--version", action="version", version=f"seqcore {seqcore.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = _command(commands, "predict", predict, "one line, image or film in, one line out")
    command.add_argument(
        "files", nargs="*", metavar="FILE", help="text, a request a line (- or none: standard input), images or films"
    )
    command.add_argument("--output", metavar="FILE", help="where to write; without it, standard output")
    command.add_argument("--format", choices=["text", "jsonl"], default="text", help="what to write a line")
    command.add_argument("--n-best", type=_positive, metavar="N", help="answers a line, for --format jsonl")
    _add_search(command)

    command = _command(commands, "evaluate", evaluate, "metrics on a data set, as JSON")
    command.add_argument(
        "data", metavar="DATA", help="CSV, TSV, JSON lines or Parquet file, folder of images or films, or hub id"
    )
    command.add_argument("--split", default="test", help="of a hub id (default: test)")
    for field in _FIELDS:
        command.add_argument(f"--columns.{field}", metavar="NAME", help=f"column for {field}")
    _add_search(command)

    _command(commands, "info", info, "what a checkpoint holds")
    return parser


def _command(commands: Any, name: str, run: Any, help_: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=help_, description=run.__doc__)
    command.add_argument("checkpoint", metavar="CHECKPOINT", help="folder or hub id")
    command.set_defaults(run=run)
    return command


def _add_search(command: argparse.ArgumentParser) -> None:
    command.add_argument("--source", metavar="LANGUAGE", help="language to translate from, such as en")
    command.add_argument("--target", metavar="LANGUAGE", help="language to translate to, such as de")
    command.add_argument("--beam-size", type=_positive, metavar="K", help="hypotheses (default: the task's)")
    command.add_argument("--length-penalty", type=float, metavar="X", help="above 0 prefers longer answers")
    command.add_argument("--batch-size", type=_positive, metavar="N", help="lines at once (default: the task's)")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, … (default: auto)")


def _positive(text: str) -> int:
    with suppress(ValueError):
        if int(text) > 0:
            return int(text)
    raise argparse.ArgumentTypeError(f"must be a whole number greater than 0, not {text!r}")


if __name__ == "__main__":
    sys.exit(main())
