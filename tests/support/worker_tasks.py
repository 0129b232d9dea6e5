"""Work for processes beside the test, without torch, so that they start at once."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seqcore.errors import SettingsError

Work = Callable[[list[Any]], list[Any]]


class CannotBeSentError(Exception):
    """An error that holds what no pipe carries."""

    def __init__(self) -> None:
        super().__init__("it is stuck")
        self.held = lambda: None


def prepared() -> Work:
    return work


def refused() -> Work:
    raise SettingsError("there is nothing to work with")


def ended() -> Work:
    os._exit(3)


def work(items: list[Any]) -> list[Any]:
    """Answer numbers by their doubles; texts say what happens: `die`, `once PATH`, `wait PATH`, `touch PATH`, …"""
    return [_one(item) for item in items]


def _one(item: Any) -> Any:
    if not isinstance(item, str):
        return 2 * item
    verb, _, name = item.partition(" ")
    path = Path(name)
    if verb == "die" or (verb == "once" and not path.exists()):
        if verb == "once":
            path.touch()
        os._exit(9)
    if verb == "wait":
        while not path.exists():
            time.sleep(0.005)
    if verb == "touch":
        path.touch()
    if verb == "refuse":
        raise SettingsError("it is refused")
    if verb == "stuck":
        raise CannotBeSentError
    return os.getpid() if verb == "pid" else item


if __name__ == "__main__":  # It says which processes work for it, and waits to be ended.
    from seqcore.runtime.workers import in_order

    answered = in_order(prepared, [["pid"], ["wait /nowhere/at/all"]], 2)
    print(next(answered)[1][0], flush=True)
    next(answered)
