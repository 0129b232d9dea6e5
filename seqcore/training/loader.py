"""Batches for training, in an order that survives being stopped at any moment."""

import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from seqcore.batching import token_budget_batches
from seqcore.errors import SettingsError
from seqcore.tasks.base import Batch, Example, Task


class BatchLoader:
    """Token-budget batches of examples; each of ``world`` processes gets its share of every batch.

    All processes draw the same batches from the same seed, and each takes every ``world``-th row: so two processes
    make the very steps that one would (unless a batch of one would have fewer rows than there are processes).
    Lightning saves and restores it through :meth:`state_dict`.

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
        """Where it is: the epoch, the batches given in it, and a mark of what decides the order."""
        return {"epoch": self.epoch, "position": self.position, "order": self._order()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there.

        Raises:
            SettingsError: the order is another one now, so that rows would be skipped or repeated.
        """
        if state.get("order", self._order()) != self._order():
            raise SettingsError(
                "a run is resumed with what it began with, but the training data, training.seed or "
                "training.batch_tokens have changed"
            )
        self.epoch, self.position = state["epoch"], state["position"]

    def _order(self) -> int:
        return zlib.crc32(repr((self.seed, self.batch_tokens, self._lengths)).encode())

    def _batches(self) -> list[list[int]]:
        seed = None if self.seed is None else self.seed * 1_000_003 + self.epoch
        return token_budget_batches(self._lengths, self.batch_tokens, seed, self.world)
