"""In which order there are batches: numbered from the beginning, so that a stopped run goes on where it was."""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from torch.utils.data import Sampler

from seqcore.batching import LengthBuckets
from seqcore.errors import SettingsError


class NumberedBatch(list[int]):
    """What the data set is asked for, and the number of the batch that is made of it."""

    def __init__(self, places: Iterable[int], number: int) -> None:
        super().__init__(places)
        self.number = number


class ResumableSampler(Sampler[list[int]]):
    """The numbers of batches, which go on from epoch to epoch; what a batch of a number holds, subclasses say.

    Attributes:
        epoch, position: the batches that were taken, which is less than what workers have read ahead: the loader, not
            the sampler, counts them.
        order: a mark of what decides the order, the same in all processes.

    Args:
        count: batches an epoch; all epochs have as many.
        order: what decides the order; a run that is resumed must have the same.
        decided_by: the setting that decides the order besides those that decide it for every sampler.
    """

    def __init__(self, count: int, order: tuple[Any, ...], decided_by: str) -> None:
        self._count, self._decided_by = count, decided_by
        self.order = zlib.crc32(repr(order).encode())
        self.epoch = self.position = 0
        self._cut = 0  # Batches that epochs lack which ended early.

    def __len__(self) -> int:
        """Batches an epoch."""
        return self._count

    def __iter__(self) -> Iterator[list[int]]:
        if self.position >= self._count:  # The epoch before was read to its end.
            self.epoch, self.position = self.epoch + 1, 0
        for position in range(self.position, self._count):
            number = self.epoch * self._count + position - self._cut
            yield NumberedBatch(self.batch(number), number)

    def cut_epoch(self) -> None:
        """End this epoch: the next one begins with the batch after the last that was taken, and is a whole one."""
        if 0 < self.position < self._count:
            self._cut += self._count - self.position
            self.position = self._count

    def batch(self, number: int) -> list[int]:
        """What the data set is asked for to make the batch of a number, from 0 at the beginning of the training."""
        return [number]

    def state_dict(self) -> dict[str, Any]:
        """Where training is: the epoch, batches taken in it and lacking before, a mark of what decides the order."""
        return {"epoch": self.epoch, "position": self.position, "order": self.order, "cut": self._cut}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there.

        Raises:
            SettingsError: the order is another one now, so that rows would be skipped or repeated.
        """
        if state.get("order", self.order) != self.order:
            raise SettingsError(
                "a run is resumed with what it began with, but the training data, training.seed, "
                f"training.batch_tokens, {self._decided_by} or training.epoch_steps have changed"
            )
        self.epoch, self.position, self._cut = state["epoch"], state["position"], state.get("cut", 0)


class TokenBudgetSampler(ResumableSampler):
    """Batches of rows that are about as long as each other; each of `world` processes gets its share of every batch.

    All processes draw the same batches from the same seed, and each takes every `world`-th row: so two processes
    make the very steps that one would (unless a batch of one would have fewer rows than there are processes).

    Args:
        lengths: of every row, such as (source, target).
        batch_tokens: the token budget of a batch, over all processes together.
        seed: shuffles every epoch anew; None keeps the order by length.
        rank, world: which process of how many.
        epoch_steps: batches an epoch; 0 makes an epoch of all rows. Epochs then go on where the last one ended.
        batch_rows: the most rows of a batch; 0 is any number.
    """

    def __init__(
        self,
        lengths: Sequence[Sequence[int]],
        batch_tokens: int,
        seed: int | None = None,
        rank: int = 0,
        world: int = 1,
        epoch_steps: int = 0,
        batch_rows: int = 0,
    ) -> None:
        self.lengths = [tuple(each) for each in lengths]
        self.batch_tokens, self.seed, self.rank, self.world, self.batch_rows = (
            batch_tokens, seed, rank, world, batch_rows
        )  # fmt: skip
        self._buckets = self._bucketed(world)
        self._pass, self._batches = 0, self._shuffled(0)
        order: tuple[Any, ...] = (seed, batch_tokens, epoch_steps, self.lengths, *([batch_rows] if batch_rows else []))
        if world > 1 and self._batches != self._shuffled(0, 1):
            order = (*order, "processes", world)
        super().__init__(epoch_steps or len(self._batches), order, "training.batch_rows, the number of processes")

    def batch(self, number: int) -> list[int]:
        passes, place = divmod(number, len(self._batches))
        if passes != self._pass:
            self._pass, self._batches = passes, self._shuffled(passes)
        return self._batches[place][self.rank :: self.world]

    def _shuffled(self, passes: int, min_rows: int | None = None) -> list[list[int]]:
        """The batches of one pass over the rows, one for each process at least; all passes have as many."""
        seed = None if self.seed is None else self.seed * 1_000_003 + passes
        buckets = self._buckets if min_rows is None else self._bucketed(min_rows)
        return buckets.batches(seed)

    def _bucketed(self, min_rows: int) -> LengthBuckets:
        return LengthBuckets(self.lengths, self.batch_tokens, min_rows, self.batch_rows)
