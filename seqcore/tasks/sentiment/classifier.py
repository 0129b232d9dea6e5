"""The sentiment classifier: texts in, labels out."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, overload

import torch
from torch import Tensor, nn
from typing_extensions import Self

from seqcore.batching import padded
from seqcore.data import read_rows
from seqcore.errors import InputError
from seqcore.metrics import classification_scores, multi_label_scores
from seqcore.tasks.base import Batch, Example, Loss
from seqcore.tasks.language.model import LanguageModel
from seqcore.tasks.prediction import each, in_one_field
from seqcore.tasks.sentiment.calibration import best_temperature, min_letter_log_likelihood
from seqcore.tasks.sentiment.config import SentimentConfig
from seqcore.tasks.sentiment.explanation import explained
from seqcore.tasks.sentiment.labels import class_index, examine_labels, label_text, label_texts, labels_of
from seqcore.tasks.sentiment.network import SentimentNetwork, calibrated
from seqcore.tasks.sentiment.result import Sentiment
from seqcore.tasks.text_task import TextTask, blank_notice, check_text, examples_in_batches, transfer
from seqcore.text import Tokenizer
from seqcore.text.likelihood import letter_log_likelihood
from seqcore.text.markup import strip_markup
from seqcore.text.tokenizer import replace_invalid_unicode
from seqcore.validation import check_flag, check_int, check_probability

CALIBRATION_BATCH = 32
MAX_TOKEN_LENGTH = 16  # Characters; a text is cut to so many for each token before it is taken apart.


class SentimentClassifier(TextTask):
    """A deep one-way LSTM over a text, what it leaves pooled (Howard & Ruder 2018), and its tokenizer.

    Attributes:
        class_weights: of the classes in the training objective; None is alike.
    """

    name = "sentiment"
    Config = SentimentConfig
    fields: ClassVar[Mapping[str, type]] = {"text": str, "label": object}
    monitor = ("accuracy", "max")
    bfloat16_pays = ("cpu",)
    layout = LanguageModel.layout
    Network = SentimentNetwork
    config: SentimentConfig
    network: SentimentNetwork

    def __init__(self, config: SentimentConfig, tokenizer: Tokenizer) -> None:
        super().__init__(config, tokenizer)
        self.class_weights: Tensor | None = None

    @classmethod
    def train_tokenizer(cls, config: SentimentConfig, rows: Sequence[Mapping[str, Any]]) -> Tokenizer:
        texts = (strip_markup(row["text"]) for row in rows)
        return Tokenizer.train(texts, config.vocab_size, lowercase=config.lowercase)

    @classmethod
    def create(cls, config: SentimentConfig, rows: Sequence[Mapping[str, Any]]) -> Self:
        """Make an untrained classifier with a tokenizer that is learned from the texts.

        Its labels are those of the rows, unless `config` has them all, or the rows say none.
        """
        labels = labels_of([row for row in rows if "label" in row], config.multi_label)
        return super().create(config if set(labels) <= set(config.labels) else replace(config, labels=labels), rows)

    @classmethod
    def adapt(
        cls, old: "LanguageModel | SentimentClassifier", config: SentimentConfig, tokenizer: Tokenizer | None = None
    ) -> tuple[Self, int]:
        """Make a classifier with what another one or a language model has learned: see `TextTask.adapt`.

        Encoder and embedding are the old ones; the classes too, if `old` has the same labels.
        """
        new = cls._laid_out_as(old, config, tokenizer)
        weights = old.network.state_dict()
        if isinstance(old, LanguageModel):
            weights = {name.replace("decoder.stack", "encoder.stack"): weight for name, weight in weights.items()}
            weights["embedding.weight"] = weights["decoder.embedding.weight"]
        elif any(getattr(old.config, name) != getattr(config, name) for name in ("labels", "multi_label", "head_size")):
            weights = {name: weight for name, weight in weights.items() if not name.startswith("head.")}
        return new, transfer(weights, old.tokenizer, new, ("embedding.weight",))

    def finish_training(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Set the temperature (Guo 2017) and the least familiarity by rows that were not trained on."""
        examples = sorted(self.examples(rows), key=lambda example: len(example["tokens"]))
        tokens = [example["tokens"] for example in examples]
        begins = range(0, len(tokens), CALIBRATION_BATCH)
        logits = [self.raw_logits(tokens[begin : begin + CALIBRATION_BATCH]) for begin in begins]
        labels = torch.tensor([example["label"] for example in examples])
        temperature = best_temperature(torch.cat(logits).double(), labels, self.config.multi_label)
        values = (letter_log_likelihood(self.tokenizer, strip_markup(row["text"])) for row in rows)
        least = min_letter_log_likelihood([value for value in values if value is not None])
        self.config = replace(self.config, temperature=temperature, min_letter_log_likelihood=least)

    @overload
    def classify(  # type: ignore[overload-overlap]  # a string is a sequence of strings
        self, texts: str, explain: bool = ..., unsure_below: float = ..., batch_size: int = ...
    ) -> Sentiment: ...
    @overload
    def classify(
        self, texts: Sequence[str], explain: bool = ..., unsure_below: float = ..., batch_size: int = ...
    ) -> list[Sentiment]: ...
    def classify(
        self, texts: str | Sequence[str], explain: bool = False, unsure_below: float = 0.6, batch_size: int = 32
    ) -> Sentiment | list[Sentiment]:
        """Classify one text, or a list of them; texts of like length are worked on together.

        A text is read whole, in chunks with carried state, up to `config.max_length` tokens.

        Args:
            explain: also give each word's contribution and how the verdict moves from word to word.
            unsure_below: a label of lower probability is unsure; of two classes, a band around one half.
            batch_size: texts worked on at once; it never changes an answer.

        Raises:
            InputError: something that is no string, or a setting out of range.
        """
        if isinstance(texts, str):
            return self.classify([texts], explain, unsure_below, batch_size)[0]
        check_flag("explain", explain)
        check_probability("unsure_below", unsure_below)
        check_int("batch_size", batch_size, 1)
        read = each(texts, self._read)
        order = sorted(range(len(read)), key=lambda row: len(read[row][1]))
        results: dict[int, Sentiment] = {}
        for begin in range(0, len(order), batch_size):
            rows = order[begin : begin + batch_size]
            probabilities = calibrated(self.raw_logits([read[row][1] for row in rows]), self.config).tolist()
            for row, values in zip(rows, probabilities, strict=True):
                text, _, cut = read[row]
                result = self._result(text, cut, values, unsure_below)
                if explain:
                    result = replace(result, **explained(self.network, self.config, self.tokenizer, text, result))
                results[row] = result
        return [results[row] for row in range(len(read))]

    def tokens(self, text: str) -> list[int]:
        """A tidied text as the network reads it: its start, then its pieces."""
        return [self.tokenizer.bos_id, *self.tokenizer.encode(text)]

    def example(self, row: Mapping[str, Any]) -> Example:
        """`{text, label}` → token numbers, and the number of the class, or of all classes 0 or 1."""
        return next(SentimentClassifier.examples(self, [row]))  # A subclass may make `examples` of this.

    def examples(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Example]:
        start, limit = self.tokenizer.bos_id, self.config.max_length
        return examples_in_batches(
            rows, self.tokenizer,
            lambda row: ([self._beginning(row["text"])[0]], self.class_number(row["label"])),
            lambda label, tokens: {"tokens": array("i", [start, *tokens[0]][:limit]), "label": label},
        )  # fmt: skip

    @classmethod
    def read_rows(
        cls, source: str, columns: Mapping[str, str] | None = None, split: str = "train"
    ) -> Sequence[Mapping[str, Any]]:
        """Rows of a data set, checked; whether a row may have no label is for `examine` to say."""
        rows = read_rows(source, {"text": str}, columns, split, {"label": object})
        # Where there is no column of labels, the second reader says so.
        return rows if "label" in rows[0] else super().read_rows(source, columns, split)

    def class_number(self, label: Any) -> "int | list[float]":
        """What a label is to the network: see `seqcore.tasks.sentiment.labels.ClassIndex`.

        Of several labels a text, that is 1 or 0 for each class; the label is a list, or a text that a `|` divides.
        Whether the labels of a data set go together is for `examine` to say.

        Raises:
            InputError: no label of this model.
        """
        index = class_index(self.config.labels)
        if self.config.multi_label:
            chosen = {index.class_of(text) for text in label_texts(label)}
            return [float(number in chosen) for number in range(len(self.config.labels))]
        text = label_text(label)
        if text is None:
            raise InputError(index.unknown(label))
        return index.class_of(text)

    def examine(self, rows: Sequence[Mapping[str, Any]], name: str = "the data") -> list[str]:
        """Decide what the labels of a data set mean, once for all of its rows; see `Task.examine`.

        Raises:
            DataError: a label is none of the model's, or labels are names in some rows and numbers in others.
        """
        notices = examine_labels(rows, self.config.labels, self.config.multi_label, name)
        return notices + blank_notice(rows, "text")

    def lengths(self, example: Example) -> Sequence[int]:
        return (len(example["tokens"]),)

    def collate(self, examples: Sequence[Example]) -> Batch:
        tokens = [example["tokens"] for example in examples]
        lengths = torch.tensor([len(row) for row in tokens])
        labels = torch.tensor([example["label"] for example in examples])
        return {"tokens": torch.tensor(padded(tokens, self.tokenizer.pad_id)), "lengths": lengths, "labels": labels}

    def loss(self, batch: Batch, state: Any = None) -> Loss:
        weights = self.class_weights if self.network.training else None
        return self.network(batch, None if weights is None else weights.to(self.device))  # type: ignore[no-any-return]

    def parameter_groups(self) -> list[list[nn.Parameter]]:
        return self.network.parameter_groups()

    def predict(self, inputs: Sequence[str], *, unsure_below: float = 0.6, batch_size: int = 32) -> list[Sentiment]:
        """Classify texts: see `classify`.

        Args:
            unsure_below: a label of lower probability is unsure
            batch_size: texts at once
        """
        return self.classify(inputs, False, unsure_below, batch_size)

    def to_text(self, result: Sentiment) -> str:
        return f"{in_one_field(result.label)}\t{result.probability:.4f}"

    @property
    def answer_columns(self) -> Mapping[str, type]:
        probabilities = ["probability", *(f"probability_{name}" for name in self.config.labels)]
        rest = {"unsure": bool, "out_of_domain": bool, "characters_cut": int}
        return {"label": str, **dict.fromkeys(probabilities, float), **rest}

    def to_cells(self, result: Sentiment) -> list[str | int | float | bool]:
        each = (result.probabilities[name] for name in self.config.labels)
        rounded = [round(value, 4) for value in (result.probability, *each)]
        return [result.label, *rounded, result.unsure, result.out_of_domain, result.characters_cut]

    def to_dict(self, result: Sentiment) -> dict[str, Any]:
        """`{label, probabilities}`, and what is unusual: `unsure`, `out_of_domain`, `characters_cut`."""
        rounded = {name: round(value, 4) for name, value in result.probabilities.items()}
        record: dict[str, Any] = {"label": result.label, "probabilities": rounded}
        for name in ("unsure", "out_of_domain", "characters_cut"):
            if value := getattr(result, name):
                record[name] = value
        return record

    def compute_metrics(self, predictions: Sequence[Sentiment], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Accuracy, macro F1 and ECE in per cent, and a confusion matrix: see `seqcore.metrics`.

        Of several labels, accuracy is that of all decisions, and there is neither ECE nor a matrix.
        """
        labels = self.config.labels
        examine_labels(rows, labels, self.config.multi_label, "the data")
        probabilities = [[prediction.probabilities[name] for name in labels] for prediction in predictions]
        wanted: list[Any] = [self.class_number(row["label"]) for row in rows]
        if self.config.multi_label:
            return multi_label_scores(probabilities, wanted)
        return classification_scores(probabilities, wanted)

    def raw_logits(self, tokens: Sequence[Sequence[int]]) -> Tensor:
        """(B, C), not yet calibrated, in single precision on the CPU."""
        lengths = torch.tensor([len(row) for row in tokens], device=self.device)
        batch = torch.tensor(padded(tokens, self.tokenizer.pad_id), device=self.device)
        with torch.inference_mode():
            return self.network.logits_in_chunks(batch, lengths).float().cpu()

    def _read(self, text: str) -> tuple[str, list[int], int]:
        """A text as it is read, its tokens, and how many characters were left out."""
        limit, (part, cut) = self.config.max_length, self._beginning(text)
        tokens = self.tokens(part)
        if len(tokens) > limit:
            _, surfaces = self.tokenizer.encode_with_surfaces(part)
            start = "".join(surfaces[: limit - 1])
            cut += len(part) - len(start)
            part, tokens = start, tokens[:limit]
        return part, tokens, cut

    def _beginning(self, text: str) -> tuple[str, int]:
        """As much of a text as may be read, and how many characters come behind."""
        check_text(text)
        limit, text = self.config.max_length * MAX_TOKEN_LENGTH, replace_invalid_unicode(text)
        return strip_markup(text[:limit]), max(0, len(text) - limit)

    def _result(self, text: str, cut: int, probabilities: list[float], unsure_below: float) -> Sentiment:
        named = dict(zip(self.config.labels, probabilities, strict=True))
        if self.config.multi_label:
            label = "|".join(name for name, value in named.items() if value >= 0.5)
        else:
            label = max(named, key=lambda name: named[name])
        result = Sentiment(label, named, characters_cut=cut, text=text)
        known = letter_log_likelihood(self.tokenizer, text)
        foreign = known is None or known < self.config.min_letter_log_likelihood
        return replace(result, unsure=result.probability < unsure_below or foreign, out_of_domain=foreign)


def class_weights(classifier: SentimentClassifier, rows: Sequence[Mapping[str, Any]]) -> Tensor:
    """Weights of the classes, inverse to how often they are in rows; their mean over the rows is 1.

    Returns:
        (C,); of several labels a text, what a positive one counts beside a negative one.
    """
    numbers = torch.tensor([classifier.class_number(row["label"]) for row in rows])
    if classifier.config.multi_label:
        positive = numbers.sum(0).clamp(min=1)
        return (len(rows) - positive).clamp(min=1) / positive
    counts = torch.bincount(numbers, minlength=len(classifier.config.labels)).clamp(min=1)
    return len(rows) / (len(counts) * counts)
