"""Calls that wait at the same time are worked on together, and each gets its own answer or its own error."""

import queue
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from apps.server.metrics import BATCH_ITEMS, BATCH_SECONDS, BATCH_WAIT_SECONDS
from seqcore.errors import SeqcoreError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

MAX_TOGETHER = 64


class BusyError(SeqcoreError):
    """More calls are waiting than a server takes."""


@dataclass(frozen=True)
class _Call(Generic[_Item, _Result]):
    item: _Item
    settings: tuple[tuple[str, Hashable], ...]
    answer: "Future[_Result]"
    since: float = field(default_factory=time.monotonic)


class Batcher(Generic[_Item, _Result]):
    """Gathers calls for a function that works on many items at once.

    There is no delay: a lone call is worked on alone, and those that come meanwhile are the next ones together. Calls
    are grouped by their settings, which must be hashable. When a group fails, its halves are tried, down to single
    calls, so that a bad item fails alone.

    Args:
        work: takes a list of items and the settings, gives as many results in the same order.
        max_together: items given to `work` at once; `MAX_TOGETHER` at most.
        max_waiting: calls that may wait; a further one is refused.
    """

    def __init__(
        self, work: Callable[..., Sequence[_Result]], max_together: int | None = None, max_waiting: int = 256
    ) -> None:
        self._name = getattr(work, "__name__", type(work).__name__).strip("_<>")
        self._work, self._max_together = work, min(max_together or MAX_TOGETHER, MAX_TOGETHER)
        self._waiting: queue.Queue[_Call[_Item, _Result]] = queue.Queue(max_waiting)
        self._lock = threading.Lock()
        self._worker: threading.Thread | None = None

    def __call__(self, item: _Item, **settings: Hashable) -> _Result:
        """The result for one item. Raises what `work` raises for it, or `BusyError`."""
        return self.submit(item, **settings).result()

    def submit(self, item: _Item, **settings: Hashable) -> "Future[_Result]":
        """The result to come. Raises `BusyError` when too many calls are waiting."""
        call: _Call[_Item, _Result] = _Call(item, tuple(sorted(settings.items())), Future())
        with self._lock:
            try:
                self._waiting.put_nowait(call)
            except queue.Full:
                raise BusyError("This server has more to do than it can: try again in a moment") from None
            if self._worker is None:
                self._worker = threading.Thread(target=self._serve, name="batcher", daemon=True)
                self._worker.start()
        return call.answer

    def _serve(self) -> None:
        while True:
            for group in self._groups():
                for call in group:
                    BATCH_WAIT_SECONDS.labels(self._name).observe(time.monotonic() - call.since)
                self._answer(group)

    def _groups(self) -> list[list[_Call[_Item, _Result]]]:
        """All calls that are waiting now, at least one, in groups of equal settings; who came first is first."""
        calls = [self._waiting.get()]
        while not self._waiting.empty():  # Nobody else takes from it.
            calls.append(self._waiting.get())
        groups: dict[Any, list[_Call[_Item, _Result]]] = {}
        for call in calls:
            if call.answer.set_running_or_notify_cancel():
                groups.setdefault(call.settings, []).append(call)
        size = self._max_together
        return [group[i : i + size] for group in groups.values() for i in range(0, len(group), size)]

    def _answer(self, group: list[_Call[_Item, _Result]]) -> None:
        begun = time.monotonic()
        try:
            results = self._work([call.item for call in group], **dict(group[0].settings))
            if len(results) != len(group):
                raise RuntimeError(f"{len(group)} items gave {len(results)} results")
        except BaseException as error:  # A caller waits for it, whatever it is.
            if len(group) == 1:
                group[0].answer.set_exception(error)
                return
            middle = len(group) // 2
            self._answer(group[:middle])
            self._answer(group[middle:])
        else:
            BATCH_ITEMS.labels(self._name).observe(len(group))
            BATCH_SECONDS.labels(self._name).observe(time.monotonic() - begun)
            for call, result in zip(group, results, strict=True):
                call.answer.set_result(result)
