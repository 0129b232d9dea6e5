"""Batches for training, in an order that survives being stopped at any moment."""

from collections.abc import Iterator, Sequence
from typing import Any

from seqcore.batching import token_budget_batches
from seqcore.tasks.base import Batch, Example, Task


class BatchLoader:
    """Token-budget batches of examples; each of ``world`` processes gets its share of every batch.

    All processes draw the same batches from the same seed, and each takes every ``world``-th row: so two processes
    make the very steps that one would. Lightning saves and restores it through :meth:`state_dict`.

    Args:
        seed: shuffles every epoch anew; None keeps the order by length.
        rank, world: which process of how many.
    """

    def __init__(
        self,
        task: Task,
        examples: Sequence[Example],
        batch_tokens: int,
        seed: int | None = None,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.task, self.examples, self.batch_tokens, self.seed = task, examples, batch_tokens, seed
        self.rank, self.world = rank, world
        self.epoch = self.position = 0
        self._lengths = [task.lengths(example) for example in examples]
        self._count = len(self._batches())

    def __len__(self) -> int:
        """Batches an epoch; all epochs have as many."""
        return self._count

    def __iter__(self) -> Iterator[Batch]:
        if self.position >= self._count:  # the epoch before was read to its end
            self.epoch, self.position = self.epoch + 1, 0
        batches = self._batches()
        while self.position < len(batches):
            share = batches[self.position][self.rank :: self.world]
            self.position += 1
            yield self.task.collate([self.examples[row] for row in share])

    def shares(self) -> list[list[int]]:
        """The row numbers of this process's share of each batch, in the order of this epoch."""
        return [batch[self.rank :: self.world] for batch in self._batches()]

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "position": self.position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch, self.position = state["epoch"], state["position"]

    def _batches(self) -> list[list[int]]:
        seed = None if self.seed is None else self.seed * 1_000_003 + self.epoch
        return token_budget_batches(self._lengths, self.batch_tokens, seed, self.world)
