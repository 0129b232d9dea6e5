"""Consecutive chunks of long streams, for truncated backpropagation through time."""

import random
import zlib
from collections.abc import Sequence

import torch
from torch import Tensor

from seqcore.errors import DataError
from seqcore.tasks.base import Batch, Example
from seqcore.training.epochs import ResumableLoader


class StreamLoader(ResumableLoader):
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

    decided_by = "training.bptt"

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
        self._pass = -1
        self._tokens: Tensor = torch.empty(0)
        order = repr((seed, self.streams, bptt, epoch_steps, total))
        super().__init__(epoch_steps or self._chunks, zlib.crc32(order.encode()))

    def _batch(self, number: int) -> Batch:
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
