"""What each step of a search chose, as back-pointers: hypotheses are put together only when they are wanted."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


class Selection(NamedTuple):
    """Holds the hypotheses that one step goes on with; all tensors are (B, K).

    Attributes:
        tokens: the token that each is extended by.
        parents: which old hypothesis each continues; None stands for each its own.
        log_probabilities: one for each token.
        totals: the log-probability of each hypothesis with this token. -inf marks one that is none: it has ended
            before, or there were fewer than K to choose from.
    """

    tokens: Tensor
    parents: Tensor | None
    log_probabilities: Tensor
    totals: Tensor


class Backtrace(NamedTuple):
    """Holds the way to one hypothesis, step by step from first to last.

    Attributes:
        tokens, log_probabilities: one each for every step.
        attention: (T, S), or None where the state has none.
    """

    tokens: list[int]
    log_probabilities: list[float]
    attention: Tensor | None


@dataclass(frozen=True)
class _Record:
    """One step's selection; `rows` says in which row of its batch a sentence was."""

    rows: dict[int, int]
    tokens: list[list[int]]
    parents: list[list[int]] | None
    log_probabilities: list[list[float]]
    attention: Tensor | None


class BackPointers:
    """Records the selections of all steps. A step costs the same however long the hypotheses are."""

    def __init__(self) -> None:
        self._records: list[_Record] = []

    def record(self, rows: dict[int, int], selection: Selection, attention: Tensor | None) -> None:
        """Add a step.

        Args:
            rows: for each sentence's number its row. It is not copied: give a new one when the batch shrinks.
            selection: what the step chose.
            attention: (B, K before the step, S), or None.
        """
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
        """Trace back a sentence's hypothesis, by the number that it had after so many steps."""
        tokens, log_probabilities, attention = [], [], []
        for record in reversed(self._records[:steps]):
            row = record.rows[sentence]
            tokens.append(record.tokens[row][hypothesis])
            log_probabilities.append(record.log_probabilities[row][hypothesis])
            if record.parents is not None:
                hypothesis = record.parents[row][hypothesis]
            # A step looks with the hypotheses that it began with, so its attention belongs to the parent.
            if record.attention is not None:
                attention.append(record.attention[row, hypothesis])
        return Backtrace(tokens[::-1], log_probabilities[::-1], torch.stack(attention[::-1]) if attention else None)
