"""New sentiment classifiers: from nothing, on a language model, or from another classifier."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from seqcore.tasks.language import LanguageModel
from seqcore.tasks.sentiment.classifier import SentimentClassifier
from seqcore.tasks.sentiment.config import SentimentConfig
from seqcore.tasks.vocabulary import copy_rows
from seqcore.text import Tokenizer

_SIZES = ("embedding_size", "hidden_size", "num_layers", "lowercase")


def new_classifier(config: SentimentConfig, texts: Iterable[str]) -> SentimentClassifier:
    """An untrained classifier whose tokenizer is learned from `texts`, with the labels of `config`."""
    return SentimentClassifier.create(config, [{"text": text} for text in texts])


@torch.no_grad()
def classifier_from(
    old: LanguageModel | SentimentClassifier, config: SentimentConfig, tokenizer: Tokenizer | None = None
) -> tuple[SentimentClassifier, int]:
    """A classifier with what another model has learned, and how many rows of its embedding were kept.

    Encoder and embedding are the old ones; the classes too, if `old` has the same labels.

    Args:
        config: gives labels and dropout; all sizes are those of `old`.
        tokenizer: a new vocabulary. Pieces that both have keep their embedding; a new one begins with the mean of the
            old pieces that spell it.
    """
    known = tokenizer or old.tokenizer
    sizes = {name: getattr(old.config, name) for name in _SIZES}
    new = SentimentClassifier(replace(config, vocab_size=len(known), **sizes), known)
    embedding, encoder = _learned(old)
    new.network.encoder.stack.load_state_dict(encoder.state_dict())
    kept = copy_embedding(old.tokenizer, embedding, known, new.network.embedding)
    if isinstance(old, SentimentClassifier) and _classes(old.config) == _classes(config):
        new.network.head.load_state_dict(old.network.head.state_dict())
    return new, kept


@torch.no_grad()
def copy_embedding(old: Tokenizer, source: nn.Embedding, new: Tokenizer, target: nn.Embedding) -> int:
    """Fill an embedding from another vocabulary's, and count the pieces that both have."""
    if old.model == new.model:
        target.weight.copy_(source.weight)
        return len(new)
    return copy_rows(old, new, [(source.weight, target.weight)], lambda piece: piece.replace("▁", " "))


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


def _classes(config: SentimentConfig) -> tuple[Any, ...]:
    return config.labels, config.multi_label, config.head_size


def _learned(old: LanguageModel | SentimentClassifier) -> tuple[nn.Embedding, nn.Module]:
    if isinstance(old, LanguageModel):
        return old.network.decoder.embedding, old.network.decoder.stack
    return old.network.embedding, old.network.encoder.stack
