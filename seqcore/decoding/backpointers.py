"""What each step of a search chose, as back-pointers: hypotheses are put together only when they are wanted."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


class Selection(NamedTuple):
    """The hypotheses one step goes on with; all tensors are (B, K).

    parents says which old hypothesis each continues; None stands for each its own. A total of -inf marks a hypothesis
    that is none: it has ended before, or there were fewer than K to choose from.
    """

    tokens: Tensor
    parents: Tensor | None
    log_probabilities: Tensor  # of each token
    totals: Tensor  # of each hypothesis with this token


class Backtrace(NamedTuple):
    """The way to one hypothesis: a token, its log-probability and its attention (S,) for every step, first to last."""

    tokens: list[int]
    log_probabilities: list[float]
    attention: Tensor | None  # (T, S)


@dataclass(frozen=True)
class _Record:
    rows: dict[int, int]  # sentence → its row in this step's batch
    tokens: list[list[int]]
    parents: list[list[int]] | None
    log_probabilities: list[list[float]]
    attention: Tensor | None  # (B, old K, S)


class BackPointers:
    """The selections of all steps so far. Recording costs the same at every step, however long the hypotheses are."""

    def __init__(self) -> None:
        self._records: list[_Record] = []

    def record(self, rows: dict[int, int], selection: Selection, attention: Tensor | None) -> None:
        """Adds a step. rows maps a sentence's number to its row and is kept: give a new one when the batch shrinks."""
        self._records.append(
            _Record(
                rows,
                selection.tokens.tolist(),
                None if selection.parents is None else selection.parents.tolist(),
                selection.log_probabilities.tolist(),
                attention,
            )
        )

    def path(self, sentence: int, steps: int, hypothesis: int) -> Backtrace:
        """The path of a sentence's hypothesis as it was numbered after so many steps."""
        tokens, log_probabilities, attention = [], [], []
        for record in reversed(self._records[:steps]):
            row = record.rows[sentence]
            tokens.append(record.tokens[row][hypothesis])
            log_probabilities.append(record.log_probabilities[row][hypothesis])
            if record.parents is not None:
                hypothesis = record.parents[row][hypothesis]
            if record.attention is not None:
                attention.append(record.attention[row, hypothesis])
        return Backtrace(tokens[::-1], log_probabilities[::-1], torch.stack(attention[::-1]) if attention else None)
