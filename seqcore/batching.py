"""Length buckets under a token budget, chunks of a batch, and its padding; without torch."""

import math
import random
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

MAX_CUTS = 128  # All cuts at which a batch may be cut are compared with each other.


def token_budget_batches(
    lengths: Sequence[Sequence[int]], budget: int, seed: int | None = None, min_rows: int = 1, max_rows: int = 0
) -> list[list[int]]:
    """Group rows of like length into batches that hold at most `budget` tokens, padding counted.

    A batch costs its rows times the longest of all its lengths. Rows are sorted by their lengths, so that a batch
    holds little padding, and most batches hold sources of a single length, which a recurrent network reads fastest.

    Args:
        lengths: for every row its lengths, such as (source, target); one number each is written (n,).
        budget: tokens a batch; a single longer row makes a batch of its own.
        seed: shuffles rows of equal length, and the batches; without it the order is by length.
        min_rows: rows that every batch has at least (one for each process), even beyond the budget.
        max_rows: rows that a batch has at most; 0 is any number.

    Returns:
        Row numbers, each exactly once; their count does not depend on the seed.

    Raises:
        ValueError: fewer rows than `min_rows`, or a budget below 1.
    """
    return LengthBuckets(lengths, budget, min_rows, max_rows).batches(seed) if lengths else []


class LengthBuckets:
    """The batches of `token_budget_batches` for one seed after another, of the same rows.

    Where batches begin and end does not depend on the seed: only which of the rows of equal lengths come first does.

    Args:
        lengths, budget, min_rows, max_rows: see `token_budget_batches`; one row at least.

    Raises:
        ValueError: fewer rows than `min_rows`, or a budget below 1.
    """

    def __init__(self, lengths: Sequence[Sequence[int]], budget: int, min_rows: int = 1, max_rows: int = 0) -> None:
        if budget < 1:
            raise ValueError(f"the token budget must be at least 1, but is {budget}")
        if len(lengths) < min_rows:
            raise ValueError(f"{len(lengths)} rows cannot give a batch of {min_rows}")
        count = max(map(len, lengths))
        # A row of fewer lengths comes before one that goes on, as among tuples.
        table = np.array([row if len(row) == count else (*row, *[-1] * (count - len(row))) for row in lengths]).T
        self._sorted = np.lexsort(table[::-1])
        table = table[:, self._sorted]
        ranks = np.cumsum((np.diff(table, prepend=table[:, :1]) != 0).any(0), dtype=np.int32)
        self._ranks = np.empty_like(ranks)
        self._ranks[self._sorted] = ranks
        self._ends = _batch_ends(table[0].tolist(), table.max(0).tolist(), budget, min_rows, max_rows)

    def __len__(self) -> int:
        """Batches."""
        return len(self._ends)

    def batches(self, seed: int | None = None) -> list[list[int]]:
        """The row numbers of all batches."""
        rng, order = random.Random(seed), self._sorted
        if seed is not None:
            shuffled = list(range(len(order)))
            rng.shuffle(shuffled)
            order = np.array(shuffled)
            order = order[np.argsort(self._ranks[order], kind="stable")]
        rows = order.tolist()
        batches = [rows[begin:end] for begin, end in pairwise([0, *self._ends])]
        if seed is not None:
            rng.shuffle(batches)
        return batches


def _batch_ends(firsts: Sequence[int], longests: Sequence[int], budget: int, min_rows: int, max_rows: int) -> list[int]:
    """Where batches of sorted rows end.

    Args:
        firsts, longests: of every row, the first of its lengths and the longest.
    """
    ends: list[int] = []
    begin = longest = 0
    for row, (first, own) in enumerate(zip(firsts, longests, strict=True)):
        size, widest = row - begin, max(longest, own)
        if size and size >= min_rows:
            full = size + 1 > max(1, budget // max(1, widest)) or size == max_rows > 0
            if full or (first != firsts[begin] and 4 * size * longest >= budget):
                ends.append(row)
                begin, widest = row, own
        longest = widest
    if ends and len(firsts) - begin < min_rows:
        ends.pop()
    return [*ends, len(firsts)]


def chunk_ends(lengths: Sequence[int], max_chunk: int, overhead: int) -> list[int]:
    """Where to cut a batch of sequences, read in chunks, so that those that have ended are left out of the next chunk.

    The cuts are those of least cost: a chunk costs an overhead, and its steps times the sequences that had not ended
    when it began.

    Args:
        lengths: of the sequences, one at least, 1 or more each.
        max_chunk: steps of a chunk at most.
        overhead: what it costs to begin a chunk, in steps of one sequence.

    Returns:
        The ends of the chunks; the last one is the greatest length.
    """
    ends = sorted(set(lengths))
    cuts = [0, *ends[-1 :: -math.ceil(len(ends) / MAX_CUTS)][::-1]]
    ordered = sorted(lengths)
    going = [len(ordered) - bisect_right(ordered, cut) for cut in cuts]
    least, before = [0], [0]  # The cost of having read up to each cut, and the number of the cut before it.
    for number, cut in enumerate(cuts[1:], 1):
        costs = [least[other] + overhead + (cut - cuts[other]) * going[other] for other in range(number)]
        before.append(min(range(number), key=costs.__getitem__))
        least.append(costs[before[-1]])
    chunks: list[int] = []
    number = len(cuts) - 1
    while number:
        begin, end = cuts[before[number]], cuts[number]
        chunks += range(end, begin, -max_chunk)
        number = before[number]
    return chunks[::-1]


def padded(sequences: Iterable[Sequence[int]], padding: int) -> NDArray[np.int64]:
    """Fill shorter sequences up at their ends, so that all are as long as the longest: (rows, longest).

    Sequences that are `array("i")` are joined as bytes, a hundred times as fast as number by number.
    """
    rows = [*sequences]
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    if {*map(type, rows)} == {array} and {row.typecode for row in rows if isinstance(row, array)} == {"i"}:
        flat = np.frombuffer(b"".join(rows), np.intc)  # type: ignore[arg-type]
    else:
        flat = np.fromiter(chain.from_iterable(rows), np.int64, lengths.sum())
    matrix = np.full((len(rows), lengths.max(initial=0)), padding)
    matrix[np.arange(matrix.shape[1]) < lengths[:, None]] = flat
    return matrix
