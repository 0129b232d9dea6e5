"""One run at a time for each visitor: whatever begins or ends a run ends the one before, and waits until it has ended.

Gradio's own `cancels` does not wait: a step of the run that was cancelled may still be shown after what cancelled it.
"""

import threading
from collections.abc import Generator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import gradio as gr

_Step = TypeVar("_Step")

_MAX_WAIT = 30.0  # seconds, for a step; a run that Gradio dropped without closing it keeps nobody for ever


def visitor(request: "gr.Request") -> str:
    """Who sent a request: each page that is open is a visitor."""
    return request.session_hash or ""


class _Turn:
    def __init__(self, of: object) -> None:
        self.of, self.over, self.left = of, threading.Event(), threading.Event()

    def end(self) -> None:
        self.over.set()
        self.left.wait(_MAX_WAIT)


class Turns:
    """Who is running what; a visitor is any string, such as the session of a page."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, _Turn] = {}

    def end(self, visitor: str, unless: object = None) -> bool:
        """End what runs for a visitor, and return when its last step was shown.

        Args:
            unless: a run of this goes on; None is nothing.

        Returns:
            Whether no run goes on.
        """
        with self._lock:
            before = self._running.get(visitor)
            if before is not None and unless is not None and before.of == unless:
                return False
            self._running.pop(visitor, None)
        if before is not None:
            before.end()
        return True

    def run(
        self, visitor: str, steps: Generator[_Step, None, None], nothing: _Step, of: object = None
    ) -> Generator[_Step, None, None]:
        """Give the steps of a run until it is whole, or ended by another call.

        Args:
            nothing: a step that changes nothing, the last of a run that was ended: Gradio shows the last one again.
            of: what it is a run of, such as a file.
        """
        turn = _Turn(of)
        with self._lock:
            before, self._running[visitor] = self._running.get(visitor), turn
        try:
            if before is not None:
                before.end()
            for step in steps:
                if turn.over.is_set():
                    yield nothing
                    return
                yield step
        finally:
            steps.close()
            with self._lock:
                if self._running.get(visitor) is turn:
                    del self._running[visitor]
            turn.left.set()
