"""torch's DataLoader over samplers that can be resumed."""

import signal
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from random import Random
from typing import Any

import torch
from torch.utils.data import DataLoader

from seqcore.errors import SeqcoreError
from seqcore.tasks.base import Batch, Example, Task
from seqcore.training.samplers import NumberedBatch, ResumableSampler, TokenBudgetSampler
from seqcore.training.stopping import STOP_SIGNALS
from seqcore.training.streams import StreamDataset


class ResumableDataLoader(DataLoader[Any]):
    """A DataLoader that counts the batches which training takes; Lightning saves and restores it by its `state_dict`.

    Worker processes read ahead, so that what the sampler has given is more than what was trained on.

    Args:
        dataset: examples, or whole batches.
        collate: makes a batch of what the data set gives; with workers it runs there, and should draw nothing at
            random, for their random numbers are other ones when a run is resumed.
        workers: processes that make batches; 0 makes them where they are used.
    """

    batch_sampler: ResumableSampler

    def __init__(
        self, dataset: Any, sampler: ResumableSampler, collate: Callable[[Sequence[Any]], Batch], workers: int = 0
    ) -> None:
        super().__init__(
            dataset,
            batch_sampler=sampler,
            collate_fn=partial(_collate, collate),
            num_workers=workers,
            worker_init_fn=_ignore_interrupts,
            pin_memory=torch.cuda.is_available(),  # Else copying to a GPU waits for what it works on.
            generator=torch.Generator(),  # Without it, each epoch would draw from what decides the dropout masks.
        )

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        for batch in super().__iter__():
            if isinstance(batch, Exception):
                raise batch
            self.batch_sampler.position += 1
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """Where training is."""
        return self.batch_sampler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there.

        Raises:
            SettingsError: the order of the batches is another one now.
        """
        self.batch_sampler.load_state_dict(state)


def token_budget_loader(
    task: Task,
    examples: Sequence[Example],
    batch_tokens: int,
    seed: int | None = None,
    rank: int = 0,
    world: int = 1,
    epoch_steps: int = 0,
    batch_rows: int = 0,
    workers: int = 0,
) -> ResumableDataLoader:
    """Batches of a task's examples; the arguments are those of `TokenBudgetSampler` and `ResumableDataLoader`.

    With a seed they are those of a training: the task may vary its examples.
    """
    lengths = [task.lengths(example) for example in examples]
    sampler = TokenBudgetSampler(lengths, batch_tokens, seed, rank, world, epoch_steps, batch_rows)
    if seed is None or not task.varies:
        return ResumableDataLoader(examples, sampler, task.collate, workers)
    collate = partial(_collate_varied, task, seed)
    return ResumableDataLoader(_Placed(examples), sampler, collate, workers)


def stream_loader(
    task: Task,
    examples: Sequence[Example],
    batch_tokens: int,
    bptt: int,
    seed: int | None = None,
    rank: int = 0,
    world: int = 1,
    epoch_steps: int = 0,
    workers: int = 0,
) -> ResumableDataLoader:
    """Chunks of a stateful task's examples; the arguments are those of `StreamDataset` and `ResumableDataLoader`."""
    streams = StreamDataset(examples, task.stream_fields, batch_tokens, bptt, seed, rank, world)
    order = (seed, streams.streams, bptt, epoch_steps, streams.total)
    sampler = ResumableSampler(epoch_steps or len(streams), order, "training.bptt, the number of processes")
    return ResumableDataLoader(streams, sampler, _only, workers)


class _Placed:
    """Examples, each with its place and the number of the batch that asks for it."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self._examples = examples

    def __getitems__(self, batch: NumberedBatch) -> list[tuple[Example, int, int]]:  # torch asks for all at once.
        return [(self._examples[place], place, batch.number) for place in batch]


def _collate_varied(task: Task, seed: int, placed: Sequence[tuple[Example, int, int]]) -> Batch:
    """A batch of varied examples, whose random numbers say seed, batch and place, and no process."""
    return task.collate([task.vary(one, Random(f"{seed} {number} {place}")) for one, place, number in placed])


def _collate(collate: Callable[[Sequence[Any]], Batch], examples: Sequence[Any]) -> Batch | Exception:
    """A batch, or the error to raise where it is used: torch would put a traceback of the worker into its message."""
    try:
        return collate(examples)
    except (SeqcoreError, OSError) as error:
        return error


def _only(batches: Sequence[Batch]) -> Batch:
    return batches[0]


def _ignore_interrupts(worker: int) -> None:
    """Leave signals that a terminal or a cluster sends to workers too to the process that trains: it ends them."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
