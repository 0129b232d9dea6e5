"""Waiting for what a test can ask, but Playwright cannot see."""

import time
from collections.abc import Callable
from typing import Any

_PATIENCE = 30.0  # Seconds.


def wait_until(page: Any, condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, while the page goes on."""
    end = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never came about"
        page.wait_for_timeout(20)
