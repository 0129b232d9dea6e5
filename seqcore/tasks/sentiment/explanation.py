"""Why a classifier says what it says."""

from typing import Any

import torch
from torch import Tensor

from seqcore.explain import integrated_gradients
from seqcore.tasks.sentiment.config import SentimentConfig
from seqcore.tasks.sentiment.network import SentimentNetwork, calibrated
from seqcore.tasks.sentiment.result import Sentiment, words
from seqcore.text import Tokenizer

# Of a text whose words are weighed: each costs as much as reading it a hundred times.
MAX_TOKENS = 1024


def explained(
    network: SentimentNetwork, config: SentimentConfig, tokenizer: Tokenizer, text: str, result: Sentiment
) -> dict[str, Any]:
    """The fields of a `Sentiment` that `explain` asks for."""
    numbers, surfaces = tokenizer.encode_with_surfaces(text)
    tokens = torch.tensor([[tokenizer.bos_id, *numbers[: config.max_length - 1]]])
    tokens = tokens.to(network.embedding.weight.device)
    spans = words(tokenizer, numbers[: tokens.shape[1] - 1], surfaces)
    fields: dict[str, Any] = {"tokens": tuple(surface for _, _, surface in spans)}
    with torch.inference_mode():
        passed = calibrated(network.prefixes(tokens).float(), config)[1:].tolist()
    fields["trajectory"] = tuple(tuple(passed[end - 1]) for _, end, _ in spans)
    if tokens.shape[1] > MAX_TOKENS:
        return fields
    number = max(range(len(result.probabilities)), key=list(result.probabilities.values()).__getitem__)
    baseline, contributions, logit = _contributions(network, config, tokens, number)
    pieces = contributions[1:]
    return fields | {
        "attributions": tuple(float(sum(pieces[begin:end])) for begin, end, _ in spans),
        "baseline": baseline + contributions[0],
        "logit": logit,
    }


def _contributions(
    network: SentimentNetwork, config: SentimentConfig, tokens: Tensor, number: int
) -> tuple[float, list[float], float]:
    def log_odds(embedded: Tensor) -> Tensor:
        lengths = torch.full((len(embedded),), embedded.shape[1], device=embedded.device)
        logits = network.logits_of_embedded(embedded, lengths) / config.temperature
        if config.multi_label:
            return logits[:, number]
        others = torch.cat([logits[:, :number], logits[:, number + 1 :]], 1)
        return logits[:, number] - others.logsumexp(1)

    embedded = network.embed(tokens)
    baseline = torch.zeros_like(embedded)
    baseline[:, 0] = embedded[:, 0]  # A text that says nothing still begins.
    return integrated_gradients(log_odds, embedded.detach(), baseline.detach())
