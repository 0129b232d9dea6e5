"""What a search asks of a model: a step function and the state that it passes along."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from torch import Tensor

StateT = TypeVar("StateT", bound="SearchState")


class SearchState(Protocol):
    """Holds all that a model remembers of B sentences with K hypotheses each. A search begins with K = 1.

    A state may also have an attribute `attention`: the weights (B, K, S) of the last step, or None. They come back in
    `Hypothesis.attention`; S must stay the same through a search.
    """

    def reorder(self: StateT, parents: Tensor) -> StateT:
        """Return the state in which hypothesis k of sentence b continues the old hypothesis parents[b, k].

        parents: LongTensor (B, K). K may differ from what it was: a beam grows from 1 to its full width.
        """
        ...

    def select(self: StateT, sentences: Tensor) -> StateT:
        """Return the state of these rows of the batch only, in this order. sentences: LongTensor (B',), never empty."""
        ...


Step = Callable[[Tensor, StateT], tuple[Tensor, StateT]]
"""step(tokens (B, K), state) -> (logits (B, K, V), state). The logits are read and never written to.

A hypothesis that has ended waits for the others of its sentence and is fed the padding token; what the step then
answers for it is not used, but must not be NaN.
"""
