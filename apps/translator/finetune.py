"""Train a translator on your own sentence pairs: ``python -m apps.translator.finetune --help``."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jsonargparse import auto_cli

from seqcore.data import hold_out, read_rows
from seqcore.errors import SeqcoreError, SettingsError
from seqcore.tasks.translation import Translator, TranslatorConfig, new_translator
from seqcore.training import Fitted, TrainingSettings, fit, is_first_process


@dataclass(frozen=True)
class Columns:
    """Names of the columns in the data files."""

    source: str = "source"
    target: str = "target"


def finetune(
    train: str,
    output: str,
    validation: str | None = None,
    init: str | None = None,
    columns: Columns = Columns(),
    hold: int = 500,
    resume: bool = False,
    model: TranslatorConfig = TranslatorConfig(),  # noqa: B008
    training: TrainingSettings = TrainingSettings(),  # noqa: B008
) -> None:
    """Train a translator, from a checkpoint or from nothing, tokenizer included.

    Args:
        train: CSV, TSV, JSON lines or Parquet file, or a hub id, with a sentence pair a row.
        output: folder for the checkpoint; logs and resumable state go to its ``training``.
        validation: like ``train``; without it, rows are held out of ``train``.
        init: checkpoint to start from; without it, a new model is made.
        columns: where the columns have other names.
        hold: rows to hold out when there is no validation file (a tenth, if that is less).
        resume: go on with an interrupted run of the same output.
        model: what a new model is; with ``init``, the checkpoint says.
        training: how to train.
    """
    task, rows, checks = prepare(train, validation, init, columns, hold, model, training.seed)
    parameters = sum(weight.numel() for weight in task.network.parameters())
    if is_first_process():
        print(f"{len(rows):,} training and {len(checks):,} validation rows, {parameters:,} parameters", flush=True)
    fitted = fit(task, rows, checks, training, output, resume)
    if is_first_process():
        report(fitted, output)
    if fitted.interrupted:
        sys.exit(130)  # what a shell reports of a program that was stopped by Ctrl-C


def report(fitted: Fitted, output: str) -> None:
    """Say what training reached and how to go on."""
    reached = ", ".join(f"{name} {value:.2f}" for name, value in fitted.scores.items())
    print(f"{'Interrupted' if fitted.interrupted else 'Done'} after {fitted.steps} steps", end="")
    if fitted.scores:
        kept = {0: "the last step", 1: "the single best checkpoint"}
        chosen = kept.get(fitted.averaged, f"the average of the best {fitted.averaged} checkpoints")
        print(f": validation {reached}, by {chosen}")
    else:
        print(", before the first validation: no checkpoint was written")
    if fitted.interrupted:
        print("To go on, run the same command with --resume." if fitted.resumable else "Nothing was saved yet.")
    if fitted.scores:
        print(f"To try it: python -m apps.translator --checkpoint {output}")


def prepare(
    train: str,
    validation: str | None,
    init: str | None,
    columns: Columns,
    hold: int,
    model: TranslatorConfig,
    seed: int,
) -> tuple[Translator, Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]:
    """Read and check all data, then make or load the model: nothing that is wrong waits for the first hour to end."""
    names = {"source": columns.source, "target": columns.target}
    fields, optional = Translator.fields, Translator.optional
    rows: Sequence[Mapping[str, Any]] = read_rows(train, fields, names, "train", optional)
    if validation:
        checks: Sequence[Mapping[str, Any]] = read_rows(
            validation, Translator.fields, names, "validation", Translator.optional
        )
    else:
        rows, checks, numbers = hold_out(rows, max(1, min(hold, len(rows) // 10)), seed)
        if is_first_process():
            print(f"held out for validation, rows from 0: {numbers[:10]}{' …' if len(numbers) > 10 else ''}")
    if init:
        return Translator.from_pretrained(init, device="cpu"), rows, checks
    torch.manual_seed(seed)  # of the first weights
    try:
        return new_translator(model, (row[field] for row in rows for field in fields)), rows, checks
    except ValueError as error:
        raise SettingsError(f"a model with these settings is not possible: {error}") from error


def bare_resume(arguments: Sequence[str]) -> list[str]:
    """Let ``--resume`` stand alone, where jsonargparse wants ``--resume true``."""
    following = [*arguments[1:], "--"]
    return [
        "--resume=true" if argument == "--resume" and after.startswith("-") else argument
        for argument, after in zip(arguments, following, strict=True)
    ]


def main() -> None:
    """The command line."""
    try:
        auto_cli(finetune, bare_resume(sys.argv[1:]), as_positional=False)
    except SeqcoreError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
