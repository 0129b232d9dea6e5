"""One run at a time for each visitor: whatever begins or ends a run ends the one before, and waits until it has ended.

Gradio's own `cancels` does not wait: a step of the run that was cancelled may still be shown after what cancelled it.
"""

import functools
import threading
from collections.abc import Callable, Generator
from typing import Any, Concatenate, ParamSpec

import gradio as gr

from apps.ui.layout import Steps, Updates

_Arguments = ParamSpec("_Arguments")
_Handler = Callable[Concatenate[Any, gr.Request, _Arguments], Steps]

_MAX_WAIT = 30.0  # Seconds, for a step: a run that Gradio dropped without closing it keeps nobody for ever.


def visitor(request: gr.Request) -> str:
    """Who sent a request: each page that is open is a visitor."""
    return request.session_hash or ""


class _Run:
    def __init__(self, key: object) -> None:
        self.key, self.cancelled, self.finished = key, threading.Event(), threading.Event()

    def end(self) -> None:
        self.cancelled.set()
        self.finished.wait(_MAX_WAIT)


class LatestRun:
    """Who is running what; a visitor is any string, such as the session of a page."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, _Run] = {}

    def end(self, visitor: str, unless: object = None) -> bool:
        """End what runs for a visitor, and return when its last step was shown.

        Args:
            unless: the key of a run that goes on; None is that of none.

        Returns:
            Whether no run goes on.
        """
        with self._lock:
            before = self._running.get(visitor)
            if before is not None and unless is not None and before.key == unless:
                return False
            self._running.pop(visitor, None)
        if before is not None:
            before.end()
        return True

    def run(self, visitor: str, steps: Generator[Any, None, None], key: object = None) -> Generator[Any, None, None]:
        """Give the steps of a run until it is whole, or ended by another call.

        Gradio shows the last step again, so that of a run that was ended changes nothing.

        Args:
            key: what the run works on, such as a file.
        """
        run = _Run(key)
        with self._lock:
            before, self._running[visitor] = self._running.get(visitor), run
        try:
            if before is not None:
                before.end()
            for step in steps:
                if run.cancelled.is_set():
                    yield gr.skip()
                    return
                yield step
        finally:
            steps.close()
            with self._lock:
                if self._running.get(visitor) is run:
                    del self._running[visitor]
            run.finished.set()


def latest(handler: _Handler[_Arguments]) -> _Handler[_Arguments]:
    """Have the steps of a handler run as the latest of its visitor, among the `runs` of what it is a method of."""

    @functools.wraps(handler)
    def run(self: Any, request: gr.Request, /, *given: _Arguments.args, **named: _Arguments.kwargs) -> Steps:
        yield from self.runs.run(visitor(request), handler(self, request, *given, **named))

    return run


class FileRun:
    """Work on files while a bar grows: it is begun and stopped by buttons, and ended by another choice of files.

    Args:
        stop: the button that ends it; on while it runs.
        empty: what the page shows before there is any result.
    """

    def __init__(self, stop: gr.Button, empty: Updates) -> None:
        self._runs, self._stop = LatestRun(), stop
        self._empty = {**empty, stop: gr.update(interactive=False)}

    @property
    def outputs(self) -> list[Any]:
        """The components that a run changes."""
        return list(self._empty)

    def start(self, request: gr.Request, steps: Steps, key: object = None) -> Steps:
        """Give the steps, the last of which turns the button off; an error leaves nothing on the page."""
        yield from self._runs.run(visitor(request), self._cleared(steps), key)

    def stop(self, request: gr.Request) -> Updates:
        """End what runs; nothing of it is offered."""
        self._runs.end(visitor(request))
        return self._empty

    def choose(self, request: gr.Request, key: object) -> Updates:
        """End what runs on other files than those just chosen: a run on them may have been started already."""
        return self._empty if self._runs.end(visitor(request), unless=key) else {self._stop: gr.skip()}

    def _cleared(self, steps: Steps) -> Steps:
        yield {**self._empty, self._stop: gr.update(interactive=True)}
        try:
            yield from steps
        except Exception:
            yield self._empty
            raise
