"""A server as those see it who run it: its name, its models, whether it is ready, and what it has to do."""

import asyncio
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
from prometheus_client.metrics_core import Metric

import seqcore
from apps.server.gradio_patches import sessions
from apps.server.gradio_queue import has_undelivered_answers, running_calls, waiting_calls
from apps.server.metrics import gauge, gauges
from apps.server.models import LazyTask
from seqcore.errors import SeqcoreError, first_line

# Who may see counts and times: programs on this machine that ask the server itself, everybody, or nobody.
METRICS = ("local", "on", "off")
_RETRY = 10.0  # Seconds until a model that could not be loaded is tried again.


class Service:
    """A page that is served, and what is known of it.

    Args:
        models: what loads each, by its name.
        root_path: where a proxy serves this: a path, or an address.
        name: of this server, where it is one of several behind a proxy.
        metrics: one of `METRICS`.

    Attributes:
        instance: the name with a part that differs each time the server is started; None without a name.
        ending: whether the server finishes what it has begun and takes no more.
        loop: of the thread that answers requests; None before the first.
        open_requests: how many are answered that are work.
    """

    def __init__(
        self,
        demo: gr.Blocks,
        models: Mapping[str, LazyTask[Any]] | None = None,
        root_path: str | None = None,
        name: str | None = None,
        metrics: str = "local",
    ) -> None:
        self.demo, self.models, self.metrics = demo, models or {}, metrics
        self.root = urlsplit(root_path or os.environ.get("GRADIO_ROOT_PATH", "")).path.rstrip("/")
        self.instance = f"{name}.{secrets.token_hex(4)}" if name else None
        self.ending, self.open_requests = False, 0
        self.loop: asyncio.AbstractEventLoop | None = None
        self._loading = threading.Lock()
        self._tried = -_RETRY

    def health(self) -> dict[str, Any]:
        """That the server is there, and what it has in memory."""
        states = {name: load.state for name, load in self.models.items()}
        return {"status": "ending" if self.ending else "ok", "version": seqcore.__version__, "models": states}

    def readiness(self) -> tuple[bool, dict[str, Any]]:
        """Whether calls would be answered now, and why not. Models that are not loaded are loaded meanwhile."""
        about = self.health()
        if self.ending:
            return False, about
        missing = [name for name, load in self.models.items() if load.state != "loaded"]
        if not missing:
            return True, about
        self._load_behind()
        reasons = {name: self._reason(name) for name in missing if self.models[name].error}
        return False, {**about, "status": "failed" if reasons else "loading", "reasons": reasons}

    def gauges(self) -> Iterable[Metric]:
        """What there is now, for Prometheus."""
        yield gauge("seqcore_calls_waiting", "Calls that wait to be begun.", waiting_calls(self.demo))
        yield gauge("seqcore_calls_running", "Calls of the queue that are worked on.", running_calls(self.demo))
        pages = [session for session in sessions(self.demo) if not session.is_closed]
        yield gauge("seqcore_sessions", "Pages that are open, and programs that keep a session.", len(pages))
        yield gauge("seqcore_ending", "Whether the server is about to end.", self.ending)
        loaded = {name: float(load.state == "loaded") for name, load in self.models.items()}
        yield gauges("seqcore_model_loaded", "Whether a model is in memory.", "model", loaded)
        failed = {name: float(load.state == "failed") for name, load in self.models.items()}
        yield gauges("seqcore_model_failed", "Whether a model could not be loaded.", "model", failed)
        seconds = {name: load.load_seconds for name, load in self.models.items() if load.load_seconds}
        yield gauges("seqcore_model_load_seconds", "How long it took to load a model.", "model", seconds)

    def has_calls(self) -> bool:
        """Whether anything is worked on, or waits to be."""
        return bool(self.open_requests or waiting_calls(self.demo) or running_calls(self.demo))

    def has_answers(self) -> bool:
        """Whether an answer is there that nobody has come for yet."""
        return has_undelivered_answers(self.demo)

    def in_loop(self, function: Callable[..., object], *arguments: Any) -> None:
        """Have a function called by the thread that answers requests."""
        if self.loop is not None:
            with suppress(RuntimeError):  # It has ended.
                self.loop.call_soon_threadsafe(function, *arguments)

    def _load_behind(self) -> None:
        if time.monotonic() - self._tried >= _RETRY and self._loading.acquire(blocking=False):
            threading.Thread(target=self._load, name="model-loader", daemon=True).start()

    def _load(self) -> None:
        try:
            for load in self.models.values():
                with suppress(Exception):  # Each keeps its own.
                    load()
        finally:
            self._tried = time.monotonic()
            self._loading.release()

    def _reason(self, name: str) -> str:
        """Why a model could not be loaded, in a line that does not say where on this machine it is."""
        load = self.models[name]
        if not isinstance(load.error, SeqcoreError):
            return "something went wrong inside; the log of the server says what"
        return first_line(load.error).replace(load.checkpoint, name)
