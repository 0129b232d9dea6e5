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
        epoch_steps: batches an epoch; 0 makes an epoch of all examples. Epochs then go on where the last one ended.
        batch_rows: the most examples of a batch; 0 is any number.
    """

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
        self.epoch = self.position = 0
        lengths = [tuple(task.lengths(example)) for example in examples]
        self._order = zlib.crc32(
            repr((seed, batch_tokens, epoch_steps, lengths, *([batch_rows] if batch_rows else []))).encode()
        )
        self._lengths = lengths
        self._pass, self._batches = 0, self._shuffled(0)
        self._count = epoch_steps or len(self._batches)

    def __len__(self) -> int:
        """Batches an epoch; all epochs have as many."""
        return self._count

    def __iter__(self) -> Iterator[Batch]:
        if self.position >= self._count:  # the epoch before was read to its end
            self.epoch, self.position = self.epoch + 1, 0
        while self.position < self._count:
            share = self._share(self.position)
            self.position += 1
            yield self.task.collate([self.examples[row] for row in share])

    def shares(self) -> list[list[int]]:
        """The row numbers of this process's share of each batch, in the order of this epoch."""
        return [self._share(position) for position in range(self._count)]

    def state_dict(self) -> dict[str, Any]:
        """Where it is: the epoch, the batches given in it, and a mark of what decides the order."""
        return {"epoch": self.epoch, "position": self.position, "order": self._order}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there.

        Raises:
            SettingsError: the order is another one now, so that rows would be skipped or repeated.
        """
        if state.get("order", self._order) != self._order:
            raise SettingsError(
                "a run is resumed with what it began with, but the training data, training.seed, "
                "training.batch_tokens, training.batch_rows or training.epoch_steps have changed"
            )
        self.epoch, self.position = state["epoch"], state["position"]

    def _share(self, position: int) -> list[int]:
        passed, number = divmod(self.epoch * self._count + position, len(self._batches))
        if passed != self._pass:
            self._pass, self._batches = passed, self._shuffled(passed)
        return self._batches[number][self.rank :: self.world]

    def _shuffled(self, passed: int) -> list[list[int]]:
        """The batches of one pass over the examples; all passes have as many."""
        seed = None if self.seed is None else self.seed * 1_000_003 + passed
        return token_budget_batches(self._lengths, self.batch_tokens, seed, self.world, self.batch_rows)
