"""Why a classifier says what it says."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from seqcore.explain import integrated_gradients
from seqcore.tasks.sentiment.result import Sentiment, words

if TYPE_CHECKING:
    from seqcore.tasks.sentiment.classifier import SentimentClassifier

LONGEST = 1024  # tokens of a text whose words are weighed: each costs as much as reading it a hundred times


def explained(classifier: "SentimentClassifier", text: str, result: Sentiment) -> dict[str, Any]:
    """The fields of a :class:`Sentiment` that ``explain`` asks for."""
    numbers, surfaces = classifier.tokenizer.encode_with_surfaces(text)
    tokens = torch.tensor([[classifier.tokenizer.start, *numbers[: classifier.config.max_length - 1]]])
    tokens = tokens.to(classifier.device)
    spans = words(classifier.tokenizer, numbers[: tokens.shape[1] - 1], surfaces)
    found: dict[str, Any] = {"tokens": tuple(surface for _, _, surface in spans)}
    with torch.inference_mode():
        passed = classifier.probabilities_of(classifier.network.prefixes(tokens).float())[1:].tolist()
    found["trajectory"] = tuple(tuple(passed[end - 1]) for _, end, _ in spans)
    if tokens.shape[1] > LONGEST:
        return found
    number = max(range(len(result.probabilities)), key=list(result.probabilities.values()).__getitem__)
    baseline, contributions, logit = _contributions(classifier, tokens, number)
    pieces = contributions[1:]
    return found | {
        "attributions": tuple(float(sum(pieces[begin:end])) for begin, end, _ in spans),
        "baseline": baseline + contributions[0],
        "logit": logit,
    }


def _contributions(classifier: "SentimentClassifier", tokens: Tensor, number: int) -> tuple[float, list[float], float]:
    network = classifier.network

    def log_odds(embedded: Tensor) -> Tensor:
        lengths = torch.full((len(embedded),), embedded.shape[1], device=embedded.device)
        logits = network.logits_of_embedded(embedded, lengths) / classifier.config.temperature
        if classifier.config.multi_label:
            return logits[:, number]
        others = torch.cat([logits[:, :number], logits[:, number + 1 :]], 1)
        return logits[:, number] - others.logsumexp(1)

    embedded = network.embed(tokens)
    baseline = torch.zeros_like(embedded)
    baseline[:, 0] = embedded[:, 0]  # a text that says nothing still begins
    return integrated_gradients(log_odds, embedded.detach(), baseline.detach())
