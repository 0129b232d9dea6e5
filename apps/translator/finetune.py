"""Train a translator on your own sentence pairs: ``python -m apps.translator.finetune --help``."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from apps.commands import run
from apps.finetuning import announce, finish
from seqcore.data import filled, hold_out, read_rows
from seqcore.errors import SettingsError
from seqcore.tasks.translation import Translator, TranslatorConfig, extended_translator, new_translator
from seqcore.training import TrainingSettings, fit, is_first_process

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Columns:
    """Names of the columns in the data files; those of languages may be missing."""

    source: str = "source"
    target: str = "target"
    source_lang: str = "source_lang"
    target_lang: str = "target_lang"


def finetune(
    train: str,
    output: str,
    validation: str | None = None,
    init: str | None = None,
    columns: Columns = Columns(),
    source: str | None = None,
    target: str | None = None,
    hold: int = 500,
    resume: bool = False,
    new_tokenizer: bool = False,
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
        source: language of all sources, such as fr; for data without a column that says it, or that is called so.
        target: language of all targets, likewise.
        hold: rows to hold out when there is no validation file (a tenth, if that is less).
        resume: go on with an interrupted run of the same output.
        new_tokenizer: with ``init``, learn a new vocabulary, for other languages or another subject; embeddings of
            pieces that both have are kept.
        model: what a new model is; its directions follow from the data unless they are given. With ``init``, the
            checkpoint says, but for a new tokenizer's directions, vocabulary and dropout.
        training: how to train.
    """
    if new_tokenizer and not init:
        raise SettingsError("--new_tokenizer needs --init: a new model has a new tokenizer anyway")
    languages = {"source_lang": source, "target_lang": target}
    rows, checks = read_data(train, validation, columns, languages, hold, training.seed)
    task = make_task(rows, checks, init, new_tokenizer, model, training.seed)
    announce(task, rows, checks, "rows")
    if is_first_process():
        print(f"directions: {', '.join(task.config.directions)}", flush=True)
    finish(fit(task, rows, checks, training, output, resume), output, "apps.translator")


def read_data(
    train: str, validation: str | None, columns: Columns, languages: Mapping[str, str | None], hold: int, seed: int
) -> tuple[Rows, Rows]:
    """Rows to train and to validate on, checked: nothing that is wrong waits for the first hour to end.

    Raises:
        DataError: a file that cannot be read, or a row that lacks something or has another language.
        SettingsError: source and target are the same column.
    """
    if columns.source == columns.target:
        raise SettingsError(f"source and target are both the column {columns.source!r}: name two with --columns")
    given = {field: value for field, value in languages.items() if value}

    def read(place: str, split: str) -> Rows:
        rows = read_rows(place, Translator.fields, vars(columns), split, Translator.optional)
        named = _by_columns(columns, rows[0]) | given
        return filled(rows, named, place) if named else rows

    rows = read(train, "train")
    if validation:
        return rows, read(validation, "validation")
    rows, checks, numbers = hold_out(rows, max(1, min(hold, len(rows) // 10)), seed)
    if is_first_process():
        print(f"held out for validation, rows from 0: {numbers[:10]}{' …' if len(numbers) > 10 else ''}")
    return rows, checks


def _by_columns(columns: Columns, row: Mapping[str, Any]) -> dict[str, str]:
    """Columns that are called ``en`` and ``de`` say their languages, where the rows do not."""
    names = {"source_lang": columns.source, "target_lang": columns.target}
    said = any(field in row for field in names) or not all(re.fullmatch("[a-z]{2}", name) for name in names.values())
    return {} if said else names


def make_task(
    rows: Rows, checks: Rows, init: str | None, new_tokenizer: bool, model: TranslatorConfig, seed: int
) -> Translator:
    """Load the model, extend it or make a new one, so that it translates in all directions of the data.

    Raises:
        DataError: too little text for a vocabulary.
        SettingsError: a direction that the model does not have, rows that leave it open, or an impossible model.
    """
    old = Translator.from_pretrained(init, device="cpu") if init else None
    known = old.config.directions if old else model.directions
    wanted = directions([*rows, *checks], known)
    if old and not new_tokenizer:
        _check_known(wanted, known, f"{init} does not", "--new_tokenizer teaches it other directions")
        return old
    if model.directions == TranslatorConfig().directions:  # not given
        model = replace(model, directions=wanted)
    _check_known(wanted, model.directions, "the model is not to", "--model.directions says what it shall do")
    torch.manual_seed(seed)  # of the first weights
    texts = dict.fromkeys(row[field] for row in rows for field in Translator.fields)
    try:
        if not old:
            return new_translator(model, texts)
        task, kept = extended_translator(old, model, texts)
    except ValueError as error:
        raise SettingsError(f"a model with these settings is not possible: {error}") from error
    if is_first_process():
        print(f"new tokenizer: {len(task.tokenizer):,} pieces, {kept:,} of them with the embeddings they had")
    return task


def directions(rows: Rows, known: Sequence[str]) -> tuple[str, ...]:
    """All directions of the rows, in the order they come; rows that do not say mean the only one that is known.

    Raises:
        SettingsError: rows do not say, and several directions are known, or other rows do say.
    """
    pairs = dict.fromkeys((row.get("source_lang") or "", row.get("target_lang") or "") for row in rows)
    if any("" in pair for pair in pairs) and (len(known) > 1 or len(pairs) > 1):
        why = "some rows do not" if len(pairs) > 1 else f"the model knows {', '.join(known)}, and no row does"
        raise SettingsError(
            f"{why} say of which languages it is: give --source and --target, or name the columns that hold them with "
            "--columns.source_lang and --columns.target_lang"
        )
    source, target = known[0].split("-")
    return tuple(f"{first or source}-{second or target}" for first, second in pairs)


def _check_known(wanted: Sequence[str], known: Sequence[str], who: str, advice: str) -> None:
    for direction in wanted:
        if direction not in known:
            raise SettingsError(f"{who} translate {direction}, as the data does, but {', '.join(known)}: {advice}")


def main() -> None:
    """The command line."""
    run(finetune, {"resume", "new_tokenizer"})


if __name__ == "__main__":
    main()
