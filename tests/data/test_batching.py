"""Buckets under a budget: nothing lost, nothing over, whatever the lengths; and chunks that cost least."""

from array import array
from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given, strategies

from seqcore.batching import MAX_CUTS, chunk_ends, padded, token_budget_batches

LENGTHS = strategies.lists(strategies.tuples(strategies.integers(1, 40), strategies.integers(1, 40)), max_size=60)


@given(lengths=LENGTHS, budget=strategies.integers(1, 300), seed=strategies.none() | strategies.integers(0, 99))
def test_every_row_once_and_no_batch_over_the_budget(
    lengths: list[tuple[int, int]], budget: int, seed: int | None
) -> None:
    batches = token_budget_batches(lengths, budget, seed)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        cost = len(batch) * max(length for row in batch for length in lengths[row])
        assert batch
        assert cost <= budget or len(batch) == 1


@given(lengths=LENGTHS, budget=strategies.integers(1, 300), most=strategies.integers(1, 9))
def test_no_batch_has_more_rows_than_allowed(lengths: list[tuple[int, int]], budget: int, most: int) -> None:
    batches = token_budget_batches(lengths, budget, 1, max_rows=most)
    assert all(len(batch) <= most for batch in batches)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))


@given(lengths=LENGTHS, budget=strategies.integers(1, 300), seeds=strategies.tuples(*[strategies.integers(0, 99)] * 2))
def test_every_seed_gives_as_many_batches(lengths: list[tuple[int, int]], budget: int, seeds: tuple[int, int]) -> None:
    assert len(token_budget_batches(lengths, budget, seeds[0])) == len(token_budget_batches(lengths, budget, seeds[1]))


@given(lengths=LENGTHS.filter(lambda rows: len(rows) >= 3), budget=strategies.integers(1, 300))
def test_every_process_gets_a_row_of_every_batch(lengths: list[tuple[int, int]], budget: int) -> None:
    batches = token_budget_batches(lengths, budget, 1, min_rows=3)
    assert all(len(batch) >= 3 for batch in batches)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))


def test_like_lengths_come_together_and_seeds_mix_them() -> None:
    lengths = [(length, length + length % 3) for length in range(5, 25) for _ in range(40)]
    batches = token_budget_batches(lengths, 400, seed=1)
    real = sum(sum(map(sum, (lengths[row] for row in batch))) for batch in batches)
    filled = sum(
        len(batch) * (max(lengths[row][0] for row in batch) + max(lengths[row][1] for row in batch))
        for batch in batches
    )
    assert filled <= 1.05 * real
    assert token_budget_batches(lengths, 400, seed=1) == batches
    assert token_budget_batches(lengths, 400, seed=2) != batches


def test_impossible_budgets_are_refused() -> None:
    assert token_budget_batches([], 10) == []
    with pytest.raises(ValueError, match="at least 1"):
        token_budget_batches([(1, 1)], 0)
    with pytest.raises(ValueError, match="1 rows cannot give a batch of 2"):
        token_budget_batches([(1, 1)], 10, min_rows=2)


def test_padding_fills_the_ends() -> None:
    rows = [[1, 2, 3], [], [4]]
    for sequences in (rows, map(tuple, rows), [array("i", row) for row in rows], [array("q", row) for row in rows]):
        assert padded(sequences, 7).tolist() == [[1, 2, 3], [7, 7, 7], [4, 7, 7]]
    assert padded([], 0).shape == (0, 0)


@given(
    lengths=strategies.lists(strategies.integers(1, 30), min_size=1, max_size=7),
    longest=strategies.integers(1, 40),
    price=strategies.integers(0, 50),
)
def test_chunks_end_where_they_cost_least(lengths: list[int], longest: int, price: int) -> None:
    def cost(ends: Sequence[int]) -> int:
        begins = [0, *ends[:-1]]
        return sum(
            price + (end - begin) * sum(length > begin for length in lengths)
            for begin, end in zip(begins, ends, strict=True)
        )

    ends = chunk_ends(lengths, longest, price)
    assert ends == sorted(set(ends))
    assert ends[-1] == max(lengths)
    assert max(end - begin for begin, end in zip([0, *ends[:-1]], ends, strict=True)) <= longest
    places = sorted(set(lengths) - {max(lengths)})
    if longest >= max(lengths):
        every = ([*cuts, max(lengths)] for count in range(len(places) + 1) for cuts in combinations(places, count))
        assert cost(ends) == min(map(cost, every))


def test_a_batch_of_many_lengths_is_cut_at_few_places() -> None:
    ends = chunk_ends(range(1, 10_001), 1024, 0)
    assert ends[-1] == 10_000
    assert len(ends) <= MAX_CUTS
