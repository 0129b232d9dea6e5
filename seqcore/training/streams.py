"""Consecutive chunks of long streams, for truncated backpropagation through time."""

import random
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from seqcore.errors import DataError, SettingsError
from seqcore.tasks.base import Batch, Example


class StreamLoader:
    """All examples one after the other, cut into streams that are read side by side, a chunk of each at a time.

    The state after a chunk is the state before the next one (Williams & Peng 1990). A batch has ``tokens``
    (streams, bptt + 1), of which the first is the last of the chunk before, and ``reset`` (streams,), true where a
    stream begins and no state may be carried. Each of ``world`` processes reads every ``world``-th stream.

    Args:
        examples: each with ``tokens``, which say where a text begins or ends.
        batch_tokens: over all processes together; divided by ``bptt`` it gives the number of streams.
        bptt: steps a chunk.
        seed: shuffles the examples of every pass anew; None keeps their order.
        epoch_steps: batches an epoch; 0 makes an epoch of all examples. Epochs then go on where the last one ended.

    Raises:
        DataError: fewer tokens than one batch needs.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        batch_tokens: int,
        bptt: int,
        seed: int | None = None,
        rank: int = 0,
        world: int = 1,
        epoch_steps: int = 0,
    ) -> None:
        self.examples, self.bptt, self.seed, self.rank, self.world = examples, bptt, seed, rank, world
        self.streams = max(1, batch_tokens // bptt // world) * world
        total = sum(len(example["tokens"]) for example in examples)
        self._chunks = (total - 1) // self.streams // bptt
        if self._chunks < 1:
            least = self.streams * bptt + 1
            raise DataError(f"{total:,} tokens of text are too few for a batch, which needs {least:,}: lower "
                            "training.batch_tokens or training.bptt")  # fmt: skip
        self._count = epoch_steps or self._chunks
        self._order = zlib.crc32(repr((seed, self.streams, bptt, epoch_steps, total)).encode())
        self._pass = -1
        self._tokens: Tensor = torch.empty(0)
        self.epoch = self.position = 0

    def __len__(self) -> int:
        """Batches an epoch; all epochs have as many."""
        return self._count

    def __iter__(self) -> Iterator[Batch]:
        if self.position >= self._count:  # the epoch before was read to its end
            self.epoch, self.position = self.epoch + 1, 0
        while self.position < self._count:
            chunk = self._chunk(self.epoch * self._count + self.position)
            self.position += 1
            yield chunk

    def state_dict(self) -> dict[str, Any]:
        """Where it is: the epoch, the batches given in it, and a mark of what decides the order."""
        return {"epoch": self.epoch, "position": self.position, "order": self._order}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there.

        Raises:
            SettingsError: the order is another one now, so that text would be skipped or repeated.
        """
        if state.get("order", self._order) != self._order:
            raise SettingsError(
                "a run is resumed with what it began with, but the training data, training.seed, "
                "training.batch_tokens, training.bptt or training.epoch_steps have changed"
            )
        self.epoch, self.position = state["epoch"], state["position"]

    def _chunk(self, number: int) -> Batch:
        passed, chunk = divmod(number, self._chunks)
        if passed != self._pass:
            self._pass, self._tokens = passed, self._laid_out(passed)
        begin = chunk * self.bptt
        tokens = self._tokens[:, begin : begin + self.bptt + 1].long()
        return {"tokens": tokens, "reset": torch.full((len(tokens),), chunk == 0)}

    def _laid_out(self, passed: int) -> Tensor:
        """This process's streams (streams, chunks · bptt + 1); each begins with the last token of the one before."""
        order = list(range(len(self.examples)))
        if self.seed is not None:
            random.Random(self.seed * 1_000_003 + passed).shuffle(order)
        parts = [torch.tensor(self.examples[row]["tokens"], dtype=torch.int32) for row in order]
        width = self._chunks * self.bptt
        tokens = torch.cat(parts)[: self.streams * width + 1]
        return tokens.unfold(0, width + 1, width)[self.rank :: self.world]
