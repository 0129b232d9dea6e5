"""Train a sentiment classifier on labelled texts: `seqcore train sentiment`."""

from collections import Counter
from dataclasses import dataclass, replace

from seqcore.data import row_number
from seqcore.errors import DataError, InputError, SettingsError
from seqcore.recipes.base import Rows, VocabularyRecipe, say
from seqcore.tasks import load
from seqcore.tasks.base import Task
from seqcore.tasks.language import LanguageModel
from seqcore.tasks.sentiment import SentimentClassifier, SentimentConfig, class_weights, labels_of
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
        counts = Counter(str(row["label"]) for row in rows)
        say("labels: " + ", ".join(f"{name} {count:,}" for name, count in counts.most_common(20)))
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
    if not model.multi_label:
        for place, row in enumerate(rows):
            if str(row["label"]).strip() == "":
                raise DataError(f"row {row_number(rows, place)} of training has no label")
    if isinstance(old, SentimentClassifier) and old.config.multi_label == model.multi_label:
        try:
            for row in rows:
                old.class_number(row["label"])
        except InputError:
            pass
        else:
            return old.config.labels
    return labels_of(rows, model.multi_label)


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
