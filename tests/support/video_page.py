"""The video page with two tiny models, one that streams and one that reads whole films."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tiny_videos import tiny_classifier

from apps.server.launch import start
from apps.server.models import LazyTask
from apps.video.app import build

NAMES = ["red"] * 6 + ["blue"] * 6  # of a film's frames


def tiny_load(path: Path, **changes: Any) -> Any:
    """A model in a folder of its own, with a card."""
    path.mkdir(exist_ok=True)
    (path / "README.md").write_text("# A model\n\nTells **colours** apart.\n", encoding="utf-8")
    return LazyTask(path, open_checkpoint=lambda _, device: tiny_classifier(**changes))


@contextmanager
def served_page(folder: Path, port: int) -> Iterator[str]:
    """Serve the page until the block ends. The address."""
    app = build(tiny_load(folder / "stream"), tiny_load(folder / "whole", bidirectional=True, delay=0))
    yield str(start(app, "127.0.0.1", port))
    app.close()
