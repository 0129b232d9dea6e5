"""Work on files in threads, some ahead of what is used, with results in order."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice, repeat, takewhile
from typing import Any, TypeVar

MAX_THREADS = 16
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def usable_cores() -> int:
    """How many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def in_threads(
    work: Callable[[_Item], _Result], items: Iterable[_Item], threads: int | None = None, ahead: int | None = None
) -> Generator[_Result]:
    """Give what `work` makes of each item, in their order, while threads work on those that follow.

    Decoders of images and films let other threads run meanwhile.

    Args:
        threads: how many; None is one for each usable core.
        ahead: results that may wait to be used; None is twice as many as threads.

    Raises:
        Exception: what `work` raised, where the result would have come. No more than those ahead are worked on then.

    Example:
        >>> list(in_threads(abs, [-3, 2, -1]))
        [3, 2, 1]
    """
    threads = threads or min(MAX_THREADS, usable_cores())
    rest, waiting = iter(items), deque[Future[_Result]]()
    with ThreadPoolExecutor(threads, "seqcore-ahead") as pool:
        try:
            waiting.extend(pool.submit(work, item) for item in islice(rest, ahead or 2 * threads))
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(pool.submit(work, item) for item in islice(rest, 1))
                yield result
        finally:
            for one in waiting:
                one.cancel()


def read_ahead(items: Iterable[_Item], ahead: int = 2) -> Generator[_Item]:
    """Give items one after the other, while a thread makes those that follow.

    What makes them is only ever run by one thread at a time, and is closed when the reader is.

    Args:
        ahead: items that may wait to be used.

    Example:
        >>> list(read_ahead(range(3)))
        [0, 1, 2]
    """
    source: Any = iter(items)
    end = object()
    try:
        with closing(in_threads(lambda _: next(source, end), repeat(None), 1, ahead)) as results:
            yield from takewhile(lambda item: item is not end, results)
    finally:
        if hasattr(source, "close"):
            source.close()
