"""Batches: the same as before torch's DataLoader made them, whoever makes them and wherever training goes on."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import pytest
import torch
from hypothesis import given, settings, strategies
from torch import Tensor

from seqcore.batching import token_budget_batches
from seqcore.errors import DataError, InputError
from seqcore.training import ResumableDataLoader, TokenBudgetSampler, stream_loader, token_budget_loader

LENGTHS = strategies.lists(strategies.tuples(strategies.integers(1, 40), strategies.integers(1, 40)), min_size=3)


@dataclass
class Numbers:
    """As much of a task as its batches need."""

    stream_fields: tuple[str, ...] = ("values",)
    varies = False
    broken: int = -1

    def lengths(self, example: Any) -> Sequence[int]:
        return (len(example["values"]),)

    def collate(self, examples: Sequence[Any]) -> Any:
        if any(example["values"][0] == self.broken for example in examples):
            raise InputError("it is broken", 3)
        return {"values": [example["values"] for example in examples]}


def examples(count: int, **more: Any) -> list[Any]:
    rng = random.Random(count)
    return [{"values": [number] * rng.randint(1, 9), **more} for number in range(count)]


def loader(task: Any = None, workers: int = 0, seed: int | None = 7, epoch_steps: int = 0) -> ResumableDataLoader:
    return token_budget_loader(
        task or cast(Any, Numbers()), examples(50), 30, seed, epoch_steps=epoch_steps, workers=workers
    )


def streams(fields: tuple[str, ...], rows: Sequence[Any], *arguments: Any, **options: Any) -> ResumableDataLoader:
    task: Any = Numbers(fields)
    return stream_loader(task, rows, *arguments, **options)


# Word for word what gave the batches until version 0.1.0: nothing here is changed when the samplers are.


def batches_of_before(
    lengths: Sequence[Sequence[int]], budget: int, seed: int | None = None, smallest: int = 1, most: int = 0
) -> list[list[int]]:
    chance = random.Random(seed)
    order = list(range(len(lengths)))
    if seed is not None:
        chance.shuffle(order)
    order.sort(key=lambda row: tuple(lengths[row]))
    batches: list[list[int]] = [[]]
    longest = 0
    for row in order:
        batch = batches[-1]
        widest = max(longest, *lengths[row])
        full = len(batch) + 1 > max(1, budget // max(1, widest)) or len(batch) == most > 0
        apart = bool(batch) and lengths[row][0] != lengths[batch[0]][0] and 4 * len(batch) * longest >= budget
        if batch and len(batch) >= smallest and (full or apart):
            batches.append([])
            widest = max(lengths[row])
        batches[-1].append(row)
        longest = widest
    if len(batches) > 1 and len(batches[-1]) < smallest:
        short = batches.pop()
        batches[-1].extend(short)
    if seed is not None:
        chance.shuffle(batches)
    return batches


def epochs_of_before(
    lengths: Sequence[Sequence[int]], budget: int, seed: int | None, rank: int, world: int, epoch_steps: int, most: int
) -> Iterator[list[int]]:
    """The batches of three epochs."""
    count = len(batches_of_before(lengths, budget, None, world, most))
    for number in range(3 * (epoch_steps or count)):
        passed, place = divmod(number, count)
        of_pass = None if seed is None else seed * 1_000_003 + passed
        yield batches_of_before(lengths, budget, of_pass, world, most)[place][rank::world]


def streams_of_before(
    rows: Sequence[Any], batch_tokens: int, bptt: int, seed: int | None, rank: int, world: int
) -> Iterator[tuple[Tensor, bool]]:
    """The chunks of two passes, and whether a stream begins."""
    streams = max(1, batch_tokens // bptt // world) * world
    chunks = (sum(len(row["tokens"]) for row in rows) - 1) // streams // bptt
    for number in range(2 * chunks):
        passed, chunk = divmod(number, chunks)
        order = list(range(len(rows)))
        if seed is not None:
            random.Random(seed * 1_000_003 + passed).shuffle(order)
        parts = [torch.tensor(rows[row]["tokens"], dtype=torch.int32) for row in order]
        width = chunks * bptt
        tokens = torch.cat(parts)[: streams * width + 1].unfold(0, width + 1, width)[rank::world]
        yield tokens[:, chunk * bptt : chunk * bptt + bptt + 1].long(), chunk == 0


# End of what is kept word for word.


@settings(max_examples=60, deadline=None)
@given(
    lengths=LENGTHS,
    budget=strategies.integers(1, 200),
    seed=strategies.none() | strategies.integers(0, 99),
    share=strategies.sampled_from([(0, 1), (0, 2), (1, 2), (2, 3)]),
    epoch_steps=strategies.integers(0, 9),
    most=strategies.integers(0, 9),
)
def test_the_sampler_gives_the_batches_of_before(
    lengths: list[tuple[int, int]], budget: int, seed: int | None, share: tuple[int, int], epoch_steps: int, most: int
) -> None:
    sampler = TokenBudgetSampler(lengths, budget, seed, *share, epoch_steps, most)
    given_now = []
    for _ in range(3):
        given_now += list(sampler)
        sampler.position = len(sampler)  # Training has taken them all.
    assert given_now == list(epochs_of_before(lengths, budget, seed, *share, epoch_steps, most))


@settings(max_examples=60, deadline=None)
@given(
    lengths=strategies.lists(strategies.lists(strategies.integers(1, 6), min_size=1, max_size=3), min_size=1),
    budget=strategies.integers(1, 50),
    seed=strategies.none() | strategies.integers(0, 9),
)
def test_rows_may_have_different_numbers_of_lengths(lengths: list[list[int]], budget: int, seed: int | None) -> None:
    assert token_budget_batches(lengths, budget, seed) == batches_of_before(lengths, budget, seed)


@pytest.mark.parametrize("share", [(0, 1), (0, 2), (1, 2)])
@pytest.mark.parametrize("seed", [None, 3])
def test_streams_give_the_chunks_of_before(seed: int | None, share: tuple[int, int]) -> None:
    rows = [{"tokens": example["values"]} for example in examples(90)]
    batches = streams(("tokens",), rows, 40, 8, seed, *share)
    given_now = [batch for _ in range(2) for batch in batches]
    for batch, (tokens, begins) in zip(given_now, streams_of_before(rows, 40, 8, seed, *share), strict=True):
        assert batch["tokens"].equal(tokens)
        assert batch["tokens"].dtype == torch.int64
        assert batch["reset"].tolist() == [begins] * len(tokens)


def test_workers_make_the_batches_of_the_process_itself() -> None:
    alone, helped = loader(), loader(workers=2)
    assert [list(alone) for _ in range(2)] == [list(helped) for _ in range(2)]


@pytest.mark.parametrize("count", [1, 5, 12])
def test_what_workers_have_read_ahead_counts_as_not_taken(count: int) -> None:
    whole, first, second = loader(epoch_steps=12), loader(workers=2, epoch_steps=12), loader(workers=2, epoch_steps=12)
    expected = [*whole, *whole]
    batches = iter(first)
    taken = [next(batches) for _ in range(count)]
    assert first.state_dict()["position"] == count
    second.load_state_dict(first.state_dict())
    assert [*taken, *second, *second][: len(expected)] == expected


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_leave_the_random_numbers_of_training_alone(workers: int) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    list(loader(workers=workers))
    assert torch.rand(3).equal(expected)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_in_a_batch_is_that_of_the_task(workers: int) -> None:
    with pytest.raises(InputError) as caught:
        list(loader(Numbers(broken=20), workers))
    assert str(caught.value) == "text 3: it is broken"
    assert (caught.value.message, caught.value.number) == ("it is broken", 3)


@pytest.mark.parametrize("workers", [0, 1])
def test_streams_of_several_fields_run_in_step(workers: int) -> None:
    rows = [
        {
            "values": torch.arange(begin, begin + 10).double()[:, None] / 4 + torch.tensor([0.0, 500.0]),
            "days": [2**40 + day for day in range(begin, begin + 10)],
            "holiday": [day % 7 == 0 for day in range(begin, begin + 10)],
        }
        for begin in range(0, 100, 10)
    ]
    batches = list(streams(("values", "days", "holiday"), rows, 32, 8, workers=workers))
    assert len(batches) == 3
    for batch in batches:
        assert (batch["values"].shape, batch["values"].dtype) == ((4, 9, 2), torch.float32)
        days = batch["days"] - 2**40
        assert batch["values"][..., 0].equal(days / 4)
        assert batch["values"][..., 1].equal(days / 4 + 500)
        assert batch["holiday"].equal((days % 7 == 0).long())
    for before, after in pairwise(batches):
        assert before["values"][:, -1].equal(after["values"][:, 0])


def test_fields_of_different_lengths_are_named() -> None:
    rows = [{"values": [1, 2, 3], "days": [1, 2, 3]}, {"values": [1.0, 2.0], "days": [1, 2, 3]}]
    with pytest.raises(DataError, match="row 2 of training: days is not as long as values"):
        streams(("values", "days"), rows, 2, 1)
