"""Consecutive chunks of long streams, for truncated backpropagation through time."""

import random
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset

from seqcore.errors import DataError
from seqcore.tasks.base import Batch, Example


class StreamDataset(Dataset[Batch]):
    """All examples one after the other, cut into streams that are read side by side, a chunk of each at a time.

    The state after a chunk is the state before the next one (Williams & Peng 1990). The batch of a number, from 0 at
    the beginning of the training, has every field as (streams, bptt + 1, …), whose first step is the last of the chunk
    before, and `reset` (streams,), true where a stream begins and no state may be carried. Each of `world` processes
    reads every `world`-th stream.

    Args:
        examples: each with the fields, whose first dimension is time: whole numbers, such as tokens that say where a
            text begins or ends, or floating point, such as a series of measurements.
        fields: the names of the fields; all of an example are as long as each other.
        batch_tokens: steps a batch over all processes together; divided by `bptt` it gives the number of streams.
        bptt: steps a chunk.
        seed: shuffles the examples of every pass anew; None keeps their order.

    Raises:
        DataError: fewer steps than one batch needs, or fields of an example that differ in length.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        fields: Sequence[str],
        batch_tokens: int,
        bptt: int,
        seed: int | None = None,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.bptt, self.seed, self.rank, self.world = bptt, seed, rank, world
        self.streams = max(1, batch_tokens // bptt // world) * world
        self._lengths = [len(example[fields[0]]) for example in examples]
        for number, (example, length) in enumerate(zip(examples, self._lengths, strict=True), 1):
            if other := [field for field in fields if len(example[field]) != length]:
                raise DataError(f"row {number} of training: {other[0]} is not as long as {fields[0]}")
        self.total = sum(self._lengths)
        self._chunks = (self.total - 1) // self.streams // bptt
        if self._chunks < 1:
            needed = self.streams * bptt + 1
            raise DataError(f"{self.total:,} steps of {fields[0]} are too few for a batch, which needs {needed:,}: "
                            "lower training.batch_tokens or training.bptt")  # fmt: skip
        self._fields = {
            field: torch.cat([_steps(row[field]) for row in examples if len(row[field])]) for field in fields
        }
        self._pass, self._laid_out = -1, self._fields

    def __len__(self) -> int:
        """Batches a pass over the examples."""
        return self._chunks

    def __getitem__(self, number: int) -> Batch:
        passes, chunk = divmod(number, self._chunks)
        if passes != self._pass:
            self._pass, self._laid_out = passes, self._lay_out(passes)
        begin = chunk * self.bptt
        batch = {"reset": torch.full((self.streams // self.world,), chunk == 0)}
        for field, streams in self._laid_out.items():
            kind = streams.dtype if streams.is_floating_point() else torch.int64
            # A copy, for a worker would send all that a view is a part of.
            batch[field] = streams[:, begin : begin + self.bptt + 1].to(kind, copy=True)
        return batch

    def _lay_out(self, passes: int) -> dict[str, Tensor]:
        """This process's streams (streams, chunks · bptt + 1, …); each begins with the last step of the one before."""
        order = list(range(len(self._lengths)))
        if self.seed is not None:
            random.Random(self.seed * 1_000_003 + passes).shuffle(order)
        width = self._chunks * self.bptt
        laid_out = {}
        for field, steps in self._fields.items():
            parts = steps.split(self._lengths)
            whole = torch.cat([parts[row] for row in order])[: self.streams * width + 1]
            streams = whole.unfold(0, width + 1, width)[self.rank :: self.world]
            laid_out[field] = streams.movedim(-1, 1)  # `unfold` puts the time last.
        return laid_out


def _steps(values: Sequence[float] | Tensor) -> Tensor:
    """A field of an example as a tensor that takes little memory."""
    steps = torch.as_tensor(values)
    if steps.is_floating_point():
        return steps.float()
    small = steps.int()
    return small if bool((small == steps).all()) else steps
