"""The loop that greedy, beam search and sampling share. They differ only in how a step's tokens are selected."""

import math
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple

import torch
from torch import Tensor

from seqcore.decoding.backpointers import BackPointers, Selection
from seqcore.decoding.config import GenerationConfig
from seqcore.decoding.constraints import Constraints, log_probabilities
from seqcore.decoding.hypothesis import Hypothesis, length_penalty
from seqcore.decoding.step import StateT, Step
from seqcore.deprecation import warn_renamed

Select = Callable[[Tensor, Tensor], Selection]
"""select(log-probabilities (B, K, V), totals (B, K)) -> the hypotheses to go on with."""


class _Ending(NamedTuple):
    """A hypothesis that has ended, or was cut: where its back-trace begins, and what it is worth."""

    finished: bool
    score: float
    total: float
    steps: int
    hypothesis: int


class Search(Generic[StateT]):
    """Runs a search step by step: `advance` while `active`, then read `results`.

    A finished hypothesis leaves the beam and makes room for another at the next step. A sentence stops when n_best
    hypotheses have finished and no live one, at the best length that it can still attain, can beat the worst of
    them, when it has no live one, or at its maximum length, where the live ones fill up what is missing to n_best.
    Going on would not change the answer: log-probabilities only fall. Sentences that have stopped leave the batch.

    Args:
        step, state: the model; see `seqcore.decoding.step`.
        start: the first token fed for each sentence, LongTensor (B,).
        config: how to search.
        select: the kind of search.
        n_best: how many hypotheses each sentence shall have.

    Raises:
        ValueError: start is no LongTensor (B,), or the configuration does not fit the batch.
    """

    def __init__(
        self, step: Step[StateT], state: StateT, start: Tensor, config: GenerationConfig, select: Select, n_best: int
    ) -> None:
        if start.dim() != 1 or start.dtype != torch.long:
            raise ValueError(f"start must be a LongTensor (B,), not {start.dtype} {tuple(start.shape)}")
        sentences = start.size(0)
        self._limits = config.limits(sentences)
        self._step, self._state, self._config, self._select, self._n_best = step, state, config, select, n_best
        self._constraints = Constraints(config, start.device)
        self._pointers = BackPointers()
        self._endings: list[list[_Ending]] = [[] for _ in range(sentences)]
        self._rows = {sentence: sentence for sentence in range(sentences)}
        self._steps = 0
        self._tokens = start.unsqueeze(1)
        self._totals = torch.zeros_like(self._tokens, dtype=torch.float32)
        self._prefixes = self._tokens.new_empty((sentences, 1, 0)) if self._constraints.needs_prefixes else None
        self._keep(self._undecided())

    @property
    def active(self) -> bool:
        """Tell whether any sentence is still searched."""
        return bool(self._rows)

    def advance(self) -> None:
        """Take one step of every sentence that is still searched."""
        logits, self._state = self._step(self._tokens, self._state)
        self._check(logits)
        logits = self._constraints.apply(logits, self._steps, self._prefixes)
        selection = self._select(log_probabilities(logits, self._config.eos), self._totals)
        self._pointers.record(self._rows, selection, getattr(self._state, "attention", None))
        self._steps += 1
        ended = selection.tokens == self._config.eos
        self._collect(ended, selection.totals)
        # What has ended leaves the beam: -inf keeps every continuation of it below those of live hypotheses.
        self._totals = selection.totals.masked_fill(ended, -math.inf)
        self._tokens = selection.tokens.masked_fill(self._totals.isneginf(), self._config.pad)
        parents = self._keep(self._undecided(), selection.parents)
        if self.active:
            self._follow(parents)

    def results(self) -> list[list[Hypothesis]]:
        """Return for each sentence its hypotheses, best first; at least one, when the search is over."""
        return [
            [self._hypothesis(sentence, ending) for ending in endings] for sentence, endings in enumerate(self._endings)
        ]

    def best(self, sentence: int = 0) -> Hypothesis:
        """Return the sentence's best hypothesis by score so far; at the end, the first of its results."""
        endings = self._endings[sentence]
        if sentence in self._rows:
            totals: list[float] = self._totals[self._rows[sentence]].tolist()
            live = max(self._live_endings(totals), key=lambda ending: ending.score)
            if not endings or live.score > endings[0].score:
                return self._hypothesis(sentence, live)
        return self._hypothesis(sentence, endings[0])

    def _check(self, logits: Tensor) -> None:
        if logits.dim() != 3 or logits.shape[:2] != self._tokens.shape:
            raise ValueError(f"step gave logits {tuple(logits.shape)} for tokens {tuple(self._tokens.shape)}")
        if self._steps == 0:
            self._constraints.check_vocabulary(logits.size(-1))

    def _collect(self, ended: Tensor, totals: Tensor) -> None:
        """Take in the hypotheses that end with this step. ended, totals: (B, K)."""
        places = (ended & ~totals.isneginf()).nonzero().tolist()
        if not places:
            return
        sentences, values = list(self._rows), totals.tolist()
        penalty = length_penalty(self._steps, self._config.length_penalty)
        for row, hypothesis in places:
            total = values[row][hypothesis]
            self._rank(sentences[row], [_Ending(True, total / penalty, total, self._steps, hypothesis)])

    def _undecided(self) -> list[int]:
        """List the rows that go on. A sentence that reaches its maximum length has its live hypotheses cut."""
        staying = []
        for (sentence, row), totals in zip(self._rows.items(), self._totals.tolist(), strict=True):
            limit, endings, live = self._limits[sentence], self._endings[sentence], max(totals)
            if self._steps >= limit:
                self._rank(sentence, self._live_endings(totals))
            elif live > -math.inf:
                # A total only falls, and the penalty is largest at the maximum length: no live one will score better.
                best_attainable = live / length_penalty(limit, self._config.length_penalty)
                if len(endings) < self._n_best or best_attainable > endings[-1].score:
                    staying.append(row)
        return staying

    def _live_endings(self, totals: Sequence[float]) -> list[_Ending]:
        penalty = length_penalty(self._steps, self._config.length_penalty)
        return [
            _Ending(False, total / penalty, total, self._steps, hypothesis)
            for hypothesis, total in enumerate(totals)
            if total > -math.inf
        ]

    def _rank(self, sentence: int, endings: list[_Ending]) -> None:
        """Keep the n_best: finished ones first, then by score; of equals the one that came first."""
        ranked = sorted(self._endings[sentence] + endings, key=lambda ending: (not ending.finished, -ending.score))
        self._endings[sentence] = ranked[: self._n_best]

    def _keep(self, rows: list[int], parents: Tensor | None = None) -> Tensor | None:
        """Drop all other rows of the batch, the state's included. parents (B, K) → (B', K)."""
        if len(rows) == len(self._rows):
            return parents
        sentences = list(self._rows)
        self._rows = {sentences[row]: new for new, row in enumerate(rows)}
        if not rows:
            return None
        index = torch.tensor(rows, device=self._tokens.device)
        self._state = _select_rows(self._state, index)
        self._tokens, self._totals = self._tokens[index], self._totals[index]
        self._prefixes = None if self._prefixes is None else self._prefixes[index]
        return None if parents is None else parents[index]

    def _follow(self, parents: Tensor | None) -> None:
        """Rearrange the state, and what constraints need of the past, so that each hypothesis continues its parent."""
        if parents is not None:
            self._state = self._state.reorder(parents)
        if self._prefixes is not None:
            if parents is not None:
                self._prefixes = self._prefixes.gather(1, parents.unsqueeze(-1).expand(-1, -1, self._prefixes.size(-1)))
            self._prefixes = torch.cat([self._prefixes, self._tokens.unsqueeze(-1)], -1)

    def _hypothesis(self, sentence: int, ending: _Ending) -> Hypothesis:
        tokens, log_probs, attention = self._pointers.path(sentence, ending.steps, ending.hypothesis)
        length = len(tokens) - ending.finished
        if attention is not None:
            with torch.inference_mode(False):  # An inference tensor cannot be used freely outside.
                attention = attention[:length].cpu().clone()
        return Hypothesis(
            tokens=tuple(tokens[:length]),
            token_log_probabilities=tuple(log_probs[:length]),
            end_log_probability=log_probs[length] if ending.finished else 0.0,
            log_probability=ending.total,
            score=ending.score,
            attention=attention,
            finished=ending.finished,
        )


def _select_rows(state: StateT, rows: Tensor) -> StateT:
    """The state of these rows; one that somebody wrote for the release before calls this `keep`."""
    if hasattr(state, "select"):
        return state.select(rows)
    warn_renamed("SearchState.keep", "SearchState.select")
    return state.keep(rows)  # type: ignore[attr-defined, no-any-return]


@torch.inference_mode()
def run(
    step: Step[StateT], state: StateT, start: Tensor, config: GenerationConfig, select: Select, n_best: int
) -> list[list[Hypothesis]]:
    """Run a whole search; the arguments are those of `Search`."""
    search = Search(step, state, start, config, select, n_best)
    while search.active:
        search.advance()
    return search.results()
