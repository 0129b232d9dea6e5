"""Batches of examples that are about as long as each other."""

import zlib
from collections.abc import Sequence

from seqcore.batching import token_budget_batches
from seqcore.tasks.base import Batch, Example, Task
from seqcore.training.epochs import ResumableLoader


class BatchLoader(ResumableLoader):
    """Token-budget batches of examples; each of ``world`` processes gets its share of every batch.

    All processes draw the same batches from the same seed, and each takes every ``world``-th row: so two processes
    make the very steps that one would (unless a batch of one would have fewer rows than there are processes).

    Args:
        seed: shuffles every epoch anew; None keeps the order by length.
        rank, world: which process of how many.
        epoch_steps: batches an epoch; 0 makes an epoch of all examples. Epochs then go on where the last one ended.
        batch_rows: the most examples of a batch; 0 is any number.
    """

    decided_by = "training.batch_rows"

    def __init__(
        self,
        task: Task,
        examples: Sequence[Example],
        batch_tokens: int,
        seed: int | None = None,
        rank: int = 0,
        world: int = 1,
        epoch_steps: int = 0,
        batch_rows: int = 0,
    ) -> None:
        self.task, self.examples, self.batch_tokens, self.seed = task, examples, batch_tokens, seed
        self.rank, self.world, self.batch_rows = rank, world, batch_rows
        self._lengths = [tuple(task.lengths(example)) for example in examples]
        self._pass, self._batches = 0, self._shuffled(0)
        order = repr((seed, batch_tokens, epoch_steps, self._lengths, *([batch_rows] if batch_rows else [])))
        super().__init__(epoch_steps or len(self._batches), zlib.crc32(order.encode()))

    def shares(self) -> list[list[int]]:
        """The row numbers of this process's share of each batch, in the order of this epoch."""
        return [self._share(self.epoch * len(self) + position) for position in range(len(self))]

    def _batch(self, number: int) -> Batch:
        return self.task.collate([self.examples[row] for row in self._share(number)])

    def _share(self, number: int) -> list[int]:
        passed, place = divmod(number, len(self._batches))
        if passed != self._pass:
            self._pass, self._batches = passed, self._shuffled(passed)
        return self._batches[place][self.rank :: self.world]

    def _shuffled(self, passed: int) -> list[list[int]]:
        """The batches of one pass over the examples; all passes have as many."""
        seed = None if self.seed is None else self.seed * 1_000_003 + passed
        return token_budget_batches(self._lengths, self.batch_tokens, seed, self.world, self.batch_rows)
