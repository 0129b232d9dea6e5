"""The models that the apps use, each loaded once, when it is first asked for."""

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import apps.server.environment  # noqa: F401  # before torch

import seqcore
from apps.server.errors import message
from apps.server.log import log_event
from seqcore.errors import CheckpointError, SeqcoreError

CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"
# The folders in it.
MODELS = ("captioner", "sentiment", "translator", "video-shots", "video-lipreading", "language-model")

_Task = TypeVar("_Task")


class LazyTask(Generic[_Task]):
    """A checkpoint that is loaded on the first call, once, whichever thread calls first.

    A load that failed is tried again at the next call, so that a checkpoint put in its place meanwhile is found without
    a restart.
    """

    def __init__(
        self, checkpoint: str | Path, device: str = "auto", open_checkpoint: Callable[..., _Task] | None = None
    ) -> None:
        self.checkpoint = str(checkpoint)
        self.device = device
        self._open: Callable[..., Any] | None = open_checkpoint
        self._lock = threading.Lock()
        self._task: _Task | None = None
        self.load_seconds = 0.0
        self.error: Exception | None = None

    @property
    def state(self) -> str:
        """`loaded`, `failed` (`error` says why) or `not loaded`, as it is until somebody asks."""
        return "loaded" if self._task is not None else "failed" if self.error else "not loaded"

    def __call__(self) -> _Task:
        """The task. Raises `SeqcoreError` when the checkpoint is missing, damaged or of another kind."""
        with self._lock:
            if self._task is None:
                self._task = self._load()
            return self._task

    def _load(self) -> _Task:
        open_checkpoint: Callable[..., Any] = self._open or seqcore.load
        begun = time.monotonic()
        try:
            task: _Task = open_checkpoint(self.checkpoint, device=self.device)
        except Exception as error:
            self.error = error
            log_event("model", model=self.checkpoint, outcome="failed", error=type(error).__name__, message=str(error))
            raise
        self.error, self.load_seconds = None, time.monotonic() - begun
        log_event("model", model=self.checkpoint, outcome="loaded", seconds=round(self.load_seconds, 3))
        return task

    def require(self, method: str, noun: str) -> _Task:
        """The task, where it has what a page calls, such as `translate` of a translator.

        Raises:
            CheckpointError: the checkpoint holds a task of another kind.
            SeqcoreError: it could not be loaded.
        """
        task = self()
        if not hasattr(task, method):
            raise CheckpointError(f"{self.checkpoint} holds no {noun}: choose another with --checkpoint")
        return task

    def about(self) -> str:
        """The first paragraph of the checkpoint's model card as plain text; empty when there is none."""
        try:
            card = (Path(self.checkpoint) / "README.md").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        card = re.sub(r"\A---\n.*?\n---\n", "", card, flags=re.DOTALL)
        paragraphs = (" ".join(part.split()) for part in re.split(r"\n\s*\n", card))
        first = next((part for part in paragraphs if part and part[0] not in "#!<|`"), "")
        return re.sub(r"[*`]", "", re.sub(r"!?\[([^]]*)]\([^)]*\)", r"\1", first))


def load_error_html(error: SeqcoreError) -> str:
    """What a page shows, as HTML, when its task could not be loaded."""
    hint = "Put the checkpoint there and open this page again, or start the app with another --checkpoint."
    title = "The model could not be loaded."
    return f'<div class="sq-trouble"><strong>{title}</strong><br>{message(error)}<br>{hint}</div>'
