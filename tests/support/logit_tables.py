"""Searches over tables of logits, without a model, and their answers worked out in plain Python."""

import dataclasses
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import torch
from hypothesis import settings
from torch import Tensor

from seqcore.decoding import (
    GenerationConfig,
    Hypothesis,
    search,
)

PAD, START, EOS = 0, 1, 2
Row = Callable[[int, tuple[int, ...]], list[float]]  # (sentence, tokens so far) -> logits
quick = settings(max_examples=40, deadline=None)


@dataclasses.dataclass
class Past:
    """A state that knows which sentence each row is and all that each hypothesis was fed, the start included."""

    sentences: list[int]
    fed: list[list[tuple[int, ...]]]
    attention: Tensor | None = None

    def reorder(self, parents: Tensor) -> "Past":
        return Past(self.sentences, [[row[k] for k in ks] for row, ks in zip(self.fed, parents.tolist(), strict=True)])

    def select(self, sentences: Tensor) -> "Past":
        rows = sentences.tolist()
        return Past([self.sentences[row] for row in rows], [self.fed[row] for row in rows])


class Table:
    """A step function made of `row`; attention (B, K, 3) holds sentence, last token fed and step: who looked, when."""

    def __init__(self, row: Row, dtype: torch.dtype = torch.float64) -> None:
        self.row, self.dtype = row, dtype
        self.batches: list[tuple[int, ...]] = []

    def __call__(self, tokens: Tensor, past: Past) -> tuple[Tensor, Past]:
        self.batches.append(tuple(past.sentences))
        new = zip(past.fed, tokens.tolist(), strict=True)
        fed = [[(*old, token) for old, token in zip(row, added, strict=True)] for row, added in new]
        logits = [[self.row(s, f[1:]) for f in row] for s, row in zip(past.sentences, fed, strict=True)]
        looks = [[[s, f[-1], len(f) - 1] for f in row] for s, row in zip(past.sentences, fed, strict=True)]
        return torch.tensor(logits, dtype=self.dtype), Past(past.sentences, fed, torch.tensor(looks))

    def run(self, config: GenerationConfig, sentences: Sequence[int] = (0,), how: Any = search) -> Any:
        past = Past(list(sentences), [[()] for _ in sentences])
        return how(self, past, torch.full((len(sentences),), START), config)


def random_rows(seed: int, vocabulary: int = 5, scale: float = 1.5) -> Row:
    """Logits that depend on the sentence and on everything before."""

    def row(sentence: int, prefix: tuple[int, ...]) -> list[float]:
        source = random.Random(f"{seed} {sentence} {prefix}")
        return [source.gauss(0, scale) for _ in range(vocabulary)]

    return row


def probabilities(table: dict[tuple[int, ...], dict[int, float]], vocabulary: int = 7) -> Row:
    """A hand-made tree: prefix → {token: probability}; after other prefixes the sentence ends."""

    def row(_: int, prefix: tuple[int, ...]) -> list[float]:
        chances = table.get(prefix, {EOS: 1.0})
        return [math.log(chances[token]) if token in chances else -math.inf for token in range(vocabulary)]

    return row


def settings_of(**changes: Any) -> GenerationConfig:
    return GenerationConfig(**{"eos": EOS, "pad": PAD, "max_length": 4, **changes})


def constrained(logits: list[float], prefix: tuple[int, ...], config: GenerationConfig) -> list[float]:
    """The rules once more, in plain Python: log-probabilities after this prefix."""
    logits = list(logits)
    size = config.no_repeat_ngram_size
    past = {prefix[i : i + size] for i in range(len(prefix) - size + 1)} if size else set()
    for token in range(len(logits)):
        if token in prefix and config.repetition_penalty != 1:
            penalty = config.repetition_penalty
            logits[token] = logits[token] / penalty if logits[token] > 0 else logits[token] * penalty
        repeats = size > 0 and (*prefix, token)[-size:] in past
        if repeats or token in {PAD, *config.banned_tokens} or (token == EOS and len(prefix) < config.min_length):
            logits[token] = -math.inf
    if len(prefix) < len(config.forced_prefix):
        logits = [0.0 if token == config.forced_prefix[len(prefix)] else -math.inf for token in range(len(logits))]
    if max(logits) == -math.inf:
        logits[EOS] = 0.0
    normaliser = math.log(sum(math.exp(value) for value in logits))
    return [value - normaliser for value in logits]


def every_answer(row: Row, config: GenerationConfig, sentence: int = 0) -> list[tuple[bool, float, tuple[int, ...]]]:
    """All that can be generated, by brute force: (cut, -score, tokens), best first."""
    (limit,) = config.limits(1)
    answers = []

    def grow(prefix: tuple[int, ...], total: float) -> None:
        def answer(steps: int) -> tuple[bool, float, tuple[int, ...]]:
            return steps == len(prefix), -total / ((5 + steps) / 6) ** config.length_penalty, prefix

        if len(prefix) == limit:
            answers.append(answer(len(prefix)))
            return
        for token, value in enumerate(constrained(row(sentence, prefix), prefix, config)):
            if token == EOS and value > -math.inf:
                steps = len(prefix) + 1
                answers.append((False, -(total + value) / ((5 + steps) / 6) ** config.length_penalty, prefix))
            elif value > -math.inf:
                grow((*prefix, token), total + value)

    grow((), 0.0)
    return sorted(answers)


def same(left: list[Hypothesis], right: list[Hypothesis]) -> bool:
    """Equal in everything, to the last digit."""
    fields = [[dataclasses.astuple(dataclasses.replace(h, attention=None)) for h in side] for side in (left, right)]
    looks = [[None if h.attention is None else h.attention.tolist() for h in side] for side in (left, right)]
    return fields[0] == fields[1] and looks[0] == looks[1]
