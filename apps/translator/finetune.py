"""Train a translator on your own sentence pairs: ``python -m apps.translator.finetune --help``."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsonargparse import auto_cli

from seqcore.data import hold_out, read_rows
from seqcore.errors import SeqcoreError
from seqcore.tasks.translation import Translator, TranslatorConfig, new_translator
from seqcore.training import TrainingSettings, fit


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
    print(f"{len(rows):,} training and {len(checks):,} validation rows, {parameters:,} parameters")
    fitted = fit(task, rows, checks, training, output, resume)
    reached = ", ".join(f"{name} {value:.2f}" for name, value in fitted.scores.items())
    print(f"{'Interrupted' if fitted.interrupted else 'Done'} after {fitted.steps} steps: validation {reached}")
    if fitted.interrupted:
        print("To go on, run the same command with --resume.")
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
    rows: Sequence[Mapping[str, Any]] = read_rows(train, Translator.fields, names)
    if validation:
        checks: Sequence[Mapping[str, Any]] = read_rows(validation, Translator.fields, names, split="validation")
    else:
        rows, checks, numbers = hold_out(rows, max(1, min(hold, len(rows) // 10)), seed)
        print(f"held out for validation, rows from 0: {numbers[:10]}{' …' if len(numbers) > 10 else ''}")
    if init:
        return Translator.from_pretrained(init, device="cpu"), rows, checks
    return new_translator(model, (text for row in rows for text in row.values())), rows, checks


def main() -> None:
    """The command line."""
    try:
        auto_cli(finetune, as_positional=False)
    except SeqcoreError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
