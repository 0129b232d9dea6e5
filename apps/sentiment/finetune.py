"""Train a sentiment classifier on your own texts: ``python -m apps.sentiment.finetune --help``."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from apps.commands import run
from apps.finetuning import announce, finish
from seqcore import load
from seqcore.data import hold_out, read_rows
from seqcore.errors import DataError, InputError, SettingsError
from seqcore.tasks.language import LanguageModel, LanguageModelConfig, new_language_model
from seqcore.tasks.sentiment import (
    SentimentClassifier,
    SentimentConfig,
    calibrate,
    classifier_from,
    labels_of,
    new_classifier,
)
from seqcore.text import Tokenizer
from seqcore.text.markup import strip_markup
from seqcore.training import TrainingSettings, fit, is_first_process

Rows = Sequence[Mapping[str, Any]]
_TEXTS_FOR_TOKENIZER = 20_000


@dataclass(frozen=True)
class Columns:
    """Names of the columns in the data files."""

    text: str = "text"
    label: str = "label"


def finetune(
    train: str,
    output: str,
    validation: str | None = None,
    init: str | None = None,
    columns: Columns = Columns(),
    pretrain: bool = False,
    hold: int = 500,
    balance: bool = False,
    resume: bool = False,
    new_tokenizer: bool = False,
    vectors: str | None = None,
    model: SentimentConfig = SentimentConfig(),  # noqa: B008
    language_model: LanguageModelConfig = LanguageModelConfig(),  # noqa: B008
    training: TrainingSettings = TrainingSettings(),  # noqa: B008
) -> None:
    """Train a classifier: from another one, on a language model, or from nothing, tokenizer included.

    Args:
        train: CSV, TSV, JSON lines or Parquet file, or a hub id, with a text and its label a row.
        output: folder for the checkpoint; logs and resumable state go to its ``training``.
        validation: like ``train``; without it, rows are held out of ``train``.
        init: checkpoint to start from, a classifier or a language model; without it, a new model is made.
        columns: where the columns have other names.
        pretrain: train a language model on the texts instead; labels are not read.
        hold: rows to hold out when there is no validation file (a tenth, if that is less).
        balance: weigh classes, so that a rare one counts as much as a frequent one.
        resume: go on with an interrupted run of the same output.
        new_tokenizer: with ``init``, learn a new vocabulary; embeddings of pieces that both have are kept.
        vectors: pretrained word vectors for a new model, a text file as of GloVe or fastText.
        model: what a classifier is; its labels follow from the data unless they are given. With ``init``, sizes are
            those of the checkpoint.
        language_model: what a new language model is.
        training: how to train.
    """
    fields = {"text": str} if pretrain else SentimentClassifier.fields
    rows, checks = read_data(train, validation, {name: vars(columns)[name] for name in fields}, fields, hold, training)
    torch.manual_seed(training.seed)  # of the first weights
    if pretrain:
        task: LanguageModel | SentimentClassifier = make_language_model(rows, init, language_model)
    else:
        task = make_classifier(rows, init, new_tokenizer, vectors, model)
        task.class_weights = class_weights(task, rows) if balance else None
    announce(task, rows, checks, "rows")
    fitted = fit(task, rows, checks, training, output, resume)
    if isinstance(task, SentimentClassifier) and fitted.scores and is_first_process():
        calibrate(task, checks)
        task.save_pretrained(output, dtype=torch.float16)
        print(f"calibrated on validation: temperature {task.config.temperature}")
    finish(fitted, output, None if pretrain else "apps.sentiment")


def read_data(
    train: str,
    validation: str | None,
    columns: Mapping[str, str],
    fields: Mapping[str, type],
    hold: int,
    training: TrainingSettings,
) -> tuple[Rows, Rows]:
    """Rows to train and to validate on.

    Raises:
        DataError: a file that cannot be read, or a row that lacks something.
        SettingsError: text and label are the same column.
    """
    if len(set(columns.values())) < len(columns):
        raise SettingsError(f"text and label are both the column {columns['text']!r}: name two with --columns")
    rows: Rows = read_rows(train, fields, columns)
    if validation:
        return rows, read_rows(validation, fields, columns, "validation")
    rows, checks, numbers = hold_out(rows, max(1, min(hold, len(rows) // 10)), training.seed)
    if is_first_process():
        print(f"held out for validation, rows from 0: {numbers[:10]}{' …' if len(numbers) > 10 else ''}")
    return rows, checks


def make_language_model(rows: Rows, init: str | None, config: LanguageModelConfig) -> LanguageModel:
    """Load a language model, or make a new one.

    Raises:
        DataError: too little text for a vocabulary.
        SettingsError: ``init`` is something else.
    """
    if not init:
        return new_language_model(config, (row["text"] for row in rows[:_TEXTS_FOR_TOKENIZER]))
    task = load(init, device="cpu")
    if not isinstance(task, LanguageModel):
        raise SettingsError(f"{init} is a checkpoint for {task.name!r}: --pretrain goes on with a language model only")
    return task


def make_classifier(
    rows: Rows, init: str | None, new_tokenizer: bool, vectors: str | None, model: SentimentConfig
) -> SentimentClassifier:
    """Load a classifier, extend it, build one on a language model, or make a new one, for the labels of the data.

    Raises:
        DataError: too little text for a vocabulary, or a row without a label.
        SettingsError: flags that exclude each other, less than two labels, or another task's checkpoint.
    """
    if new_tokenizer and not init:
        raise SettingsError("--new_tokenizer needs --init: a new model has a new tokenizer anyway")
    if vectors and init:
        raise SettingsError("--vectors are for a new model: leave --init out")
    old = load(init, device="cpu") if init else None
    if old is not None and not isinstance(old, LanguageModel | SentimentClassifier):
        raise SettingsError(f"{init} is a checkpoint for {old.name!r}, not for a classifier or a language model")
    model = replace(model, labels=labels_for(rows, old, model))
    texts = [strip_markup(row["text"]) for row in rows]
    if old is None:
        task = new_classifier(model, texts) if not vectors else classifier_with_vectors(model, texts, vectors)
        said = f"new tokenizer: {len(task.tokenizer):,} pieces"
    else:
        tokenizer = None
        if new_tokenizer:
            tokenizer = Tokenizer.train(texts, model.vocab_size, lowercase=old.config.lowercase)
        task, kept = classifier_from(old, model, tokenizer)
        whose = "new" if new_tokenizer else "old"
        said = f"{whose} tokenizer: {len(task.tokenizer):,} pieces, {kept:,} of them with the embeddings they had"
    if is_first_process():
        print(said)
        counts = Counter(str(row["label"]) for row in rows)
        print("labels: " + ", ".join(f"{name} {count:,}" for name, count in counts.most_common(20)), flush=True)
    return task


def labels_for(
    rows: Rows, old: "LanguageModel | SentimentClassifier | None", model: SentimentConfig
) -> tuple[str, ...]:
    """Those that were asked for, else those of the checkpoint if it knows all of the data's, else the data's own."""
    if model.labels != SentimentConfig().labels:
        return model.labels
    if not model.multi_label:
        for number, row in enumerate(rows, 1):
            if str(row["label"]).strip() == "":
                raise DataError(f"row {number} of training has no label")
    if isinstance(old, SentimentClassifier) and old.config.multi_label == model.multi_label:
        try:
            for row in rows:
                old.class_number(row["label"])
        except InputError:
            pass
        else:
            return old.config.labels
    return labels_of(rows, model.multi_label)


def classifier_with_vectors(model: SentimentConfig, texts: Sequence[str], file: str) -> SentimentClassifier:
    """A new classifier whose embedding holds pretrained vectors; says how much of the texts they cover."""
    from seqcore.text.vectors import fill_embedding, read_vectors

    vectors = read_vectors(file)
    task = new_classifier(replace(model, embedding_size=vectors.dim), texts)
    filled = fill_embedding(task.network.embedding, task.tokenizer, vectors)
    counts = Counter(token for text in texts for token in task.tokenizer.encode(text))
    covered = sum(count for token, count in counts.items() if token in filled)
    if is_first_process():
        share = covered / max(1, counts.total())
        print(f"vectors: {len(filled):,} of {len(task.tokenizer):,} pieces, {share:.1%} of the pieces in the texts")
    return task


def class_weights(task: SentimentClassifier, rows: Rows) -> torch.Tensor:
    """Weights of the classes, inverse to how often they are; their mean over the rows is 1."""
    numbers = torch.tensor([task.class_number(row["label"]) for row in rows])
    if task.config.multi_label:
        positive = numbers.sum(0).clamp(min=1)
        return (len(rows) - positive).clamp(min=1) / positive
    counts = torch.bincount(numbers, minlength=len(task.config.labels)).clamp(min=1)
    return len(rows) / (len(counts) * counts)


def main() -> None:
    """The command line."""
    run(finetune, {"resume", "new_tokenizer", "pretrain", "balance"})


if __name__ == "__main__":
    main()
