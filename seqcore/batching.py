"""Length buckets under a token budget, and chunks of a batch, over plain Python lists."""

import math
import random
from bisect import bisect_right
from collections.abc import Iterable, Sequence

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
    if budget < 1:
        raise ValueError(f"the token budget must be at least 1, but is {budget}")
    if not lengths:
        return []
    if len(lengths) < min_rows:
        raise ValueError(f"{len(lengths)} rows cannot give a batch of {min_rows}")
    rng = random.Random(seed)
    order = list(range(len(lengths)))
    if seed is not None:
        rng.shuffle(order)
    order.sort(key=lambda row: tuple(lengths[row]))
    batches: list[list[int]] = [[]]
    longest = 0
    for row in order:
        batch = batches[-1]
        widest = max(longest, *lengths[row])
        full = len(batch) + 1 > max(1, budget // max(1, widest)) or len(batch) == max_rows > 0
        apart = bool(batch) and lengths[row][0] != lengths[batch[0]][0] and 4 * len(batch) * longest >= budget
        if batch and len(batch) >= min_rows and (full or apart):
            batches.append([])
            widest = max(lengths[row])
        batches[-1].append(row)
        longest = widest
    if len(batches) > 1 and len(batches[-1]) < min_rows:
        short = batches.pop()
        batches[-1].extend(short)
    if seed is not None:
        rng.shuffle(batches)
    return batches


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


def padded(sequences: Iterable[Sequence[int]], padding: int) -> list[list[int]]:
    """Fill shorter sequences up at their ends, so that all are as long as the longest."""
    rows = [list(sequence) for sequence in sequences]
    width = max(map(len, rows), default=0)
    return [row + [padding] * (width - len(row)) for row in rows]
