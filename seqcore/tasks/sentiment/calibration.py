"""Probabilities that mean what they say."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch.nn import functional

from seqcore.tasks.sentiment.classifier import SentimentClassifier
from seqcore.text.likelihood import letter_log_likelihood
from seqcore.text.markup import strip_markup

FOREIGN = 0.002  # of the validation texts, so many are called foreign by mistake


def calibrate(classifier: SentimentClassifier, rows: Sequence[Mapping[str, Any]], batch_size: int = 32) -> None:
    """Set temperature (Guo 2017) and least familiarity by rows that were not trained on.

    The temperature minimises the cross-entropy. The least familiarity is what all but one in 500 of the rows have.
    """
    examples = sorted((classifier.example(row) for row in rows), key=lambda example: len(example["tokens"]))
    logits, wanted = [], []
    for begin in range(0, len(examples), batch_size):
        part = examples[begin : begin + batch_size]
        logits.append(classifier.raw_logits([example["tokens"] for example in part]))
        wanted += [example["label"] for example in part]
    together, labels = torch.cat(logits).double(), torch.tensor(wanted)
    temperature = _best_temperature(together, labels, classifier.config.multi_label)
    known = [letter_log_likelihood(classifier.tokenizer, strip_markup(row["text"])) for row in rows]
    least = float(torch.tensor([value for value in known if value is not None] or [-1000.0]).quantile(FOREIGN))
    classifier.config = replace(
        classifier.config, temperature=round(temperature, 4), min_letter_log_likelihood=round(least, 4)
    )


def _best_temperature(logits: torch.Tensor, labels: torch.Tensor, multi_label: bool) -> float:
    logarithm = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([logarithm], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        scaled = logits / logarithm.exp()
        if multi_label:
            value = functional.binary_cross_entropy_with_logits(scaled, labels.double())
        else:
            value = functional.cross_entropy(scaled, labels)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return min(20.0, max(0.5, float(logarithm.detach().exp())))
