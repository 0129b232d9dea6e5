"""Train a sentiment classifier on labelled texts: `seqcore train sentiment`."""

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from seqcore.errors import DataError, SettingsError
from seqcore.recipes.base import Rows, VocabularyRecipe, say, warn
from seqcore.tasks import load
from seqcore.tasks.base import Task
from seqcore.tasks.language import LanguageModel
from seqcore.tasks.sentiment import SentimentClassifier, SentimentConfig, class_weights, labels_of
from seqcore.tasks.sentiment.labels import (
    class_index,
    examine_labels,
    fold,
    listing,
    same_label,
    texts_in,
    texts_of_rows,
)
from seqcore.text.markup import strip_markup

Origin = LanguageModel | SentimentClassifier


@dataclass(frozen=True, kw_only=True)
class SentimentRecipe(VocabularyRecipe):
    """Train a classifier: from another one, on a language model, or from nothing, tokenizer included.

    Attributes:
        train: CSV, TSV, JSON lines or Parquet file, or a hub id, with a text and its label a row.
        init: checkpoint to start from, a classifier or a language model; without it, a new model is made.
        balance: weigh classes, so that a rare one counts as much as a frequent one.
        vectors: pretrained word vectors for a new model, a text file as of GloVe or fastText.
        model: what a classifier is; its labels follow from the data unless they are given. With `init`, sizes are
            those of the checkpoint.
    """

    task = SentimentClassifier
    balance: bool = False
    vectors: str | None = None
    model: SentimentConfig = SentimentConfig()  # noqa: RUF009

    def check(self) -> None:
        super().check()
        if self.vectors and self.init:
            raise SettingsError("--vectors are for a new model: leave --init out")

    def read_rows(self, source: str, split: str) -> Rows:
        """Read texts and their labels.

        Raises:
            DataError: a file that cannot be read, or a row that lacks something.
        """
        rows = super().read_rows(source, split)
        texts_of_rows(rows, self.model.multi_label, "training" if split == "train" else split)
        return rows

    def classes(self, row: Mapping[str, Any]) -> set[Hashable]:
        return {same_label(text) for text in texts_in(row["label"], self.model.multi_label)}

    def make_task(self, rows: Rows, validation: Rows) -> SentimentClassifier:
        """Load a classifier, extend it, build one on a language model, or make a new one, for the labels of the data.

        Raises:
            DataError: too little text for a vocabulary, or a row without a label.
            SettingsError: less than two labels, or another task's checkpoint.
        """
        old = load(self.init, device="cpu") if self.init else None
        if old is not None and not isinstance(old, Origin):
            raise SettingsError(
                f"{self.init} is a checkpoint for {old.name!r}, not for a classifier or a language model"
            )
        model = replace(self.model, labels=labels_for(rows, old, self.model))
        texts = [{"text": row["text"]} for row in rows]
        shared = None
        if old is None:
            task = (
                classifier_with_vectors(model, texts, self.vectors) if self.vectors else self.task.create(model, texts)
            )
        else:
            model = replace(model, lowercase=old.config.lowercase)
            tokenizer = self.task.train_tokenizer(model, texts) if self.new_tokenizer else None
            task, shared = self.task.adapt(old, model, tokenizer)
        self.say_vocabulary(len(task.tokenizer), shared)
        say_labels(task, rows)
        return task

    def prepare(self, task: Task, rows: Rows, validation: Rows) -> tuple[Rows, Rows]:
        assert isinstance(task, SentimentClassifier)
        task.class_weights = class_weights(task, rows) if self.balance else None
        return rows, validation

    def describe(self, task: Task) -> None:
        say(f"calibrated on validation: temperature {task.config.temperature}")


def labels_for(rows: Rows, old: Origin | None, model: SentimentConfig) -> tuple[str, ...]:
    """Those that were named, else those of the checkpoint if it knows all of the data's, else the data's own."""
    if model.labels != SentimentConfig().labels:
        return model.labels
    labels = labels_of(rows, model.multi_label)
    if isinstance(old, SentimentClassifier):
        if old.config.multi_label == model.multi_label:
            try:
                examine_labels(rows, old.config.labels, model.multi_label, "training")
            except DataError as error:
                say(f"the checkpoint's labels do not do: {error}")
            else:
                return old.config.labels
        say(f"labels are learned anew: {listing(labels)}")
    return labels


def say_labels(task: SentimentClassifier, rows: Rows) -> None:
    """Say how many rows have each label, and warn of labels that may not be what was meant."""
    several = task.config.multi_label
    texts = [text for row in rows for text in texts_in(row["label"], several)]
    index = class_index(task.config.labels)
    counts = Counter(task.config.labels[index.class_of(text)] for text in texts)
    say("labels: " + ", ".join(f"{name} {count:,}" for name, count in counts.most_common(20)))
    alike = Counter(fold(name) for name in counts)
    if names := [name for name in counts if alike[fold(name)] > 1]:
        warn(f"labels that differ only in capitals are learned as different ones: {listing(names)}")
    if not several and (names := [name for name in counts if "|" in name]):
        warn(f"labels hold a |, which divides several of a text only with --model.multi-label true: {listing(names)}")


def classifier_with_vectors(model: SentimentConfig, texts: Rows, file: str) -> SentimentClassifier:
    """A new classifier whose embedding holds pretrained vectors; says how much of the texts they cover."""
    from seqcore.text.vectors import fill_embedding, read_vectors

    vectors = read_vectors(file)
    task = SentimentClassifier.create(replace(model, embedding_size=vectors.dim), texts)
    filled = fill_embedding(task.network.embedding, task.tokenizer, vectors)
    counts = Counter(token for row in texts for token in task.tokenizer.encode(strip_markup(row["text"])))
    covered = sum(count for token, count in counts.items() if token in filled)
    share = covered / max(1, counts.total())
    say(f"vectors: {len(filled):,} of {len(task.tokenizer):,} pieces, {share:.1%} of the pieces in the texts")
    return task
