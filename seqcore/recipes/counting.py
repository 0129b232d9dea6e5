"""How far work is that goes before a training."""

import time
from collections.abc import Callable

from seqcore.recipes.base import say

_SECONDS_BETWEEN = 10.0


def counted(what: str) -> Callable[[int, int], None]:
    """What says every ten seconds how many of how many are done: `images are opened: 3,200 of 6,000`.

    Args:
        what: the work, in words.
    """
    shown = time.monotonic()

    def count(done: int, total: int) -> None:
        nonlocal shown
        if time.monotonic() - shown >= _SECONDS_BETWEEN:
            shown = time.monotonic()
            say(f"{what}: {done:,} of {total:,}")

    return count
