"""Every app on one page, with models so small that a test can train them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tiny_captioner import tiny_captioner
from tiny_sentiment import tiny_classifier as tiny_sentiment
from tiny_videos import tiny_classifier as tiny_video
from tiny_writer import tiny_writer

from apps.__main__ import build
from apps.server.launch import start
from apps.server.models import LazyTask


@contextmanager
def served_site(translator: Any, port: int) -> Iterator[str]:
    """Serve it until the block ends. The address."""
    tasks = {
        "captioner": tiny_captioner,
        "sentiment": tiny_sentiment,
        "translator": lambda: translator,
        "video-shots": tiny_video,
        "video-lipreading": lambda: tiny_video(bidirectional=True, delay=0),
        "language-model": tiny_writer,
    }
    pages = build({name: _load(name, task) for name, task in tasks.items()})
    yield str(start(pages, "127.0.0.1", port))
    pages.close()


def _load(name: str, task: Any) -> LazyTask[Any]:
    return LazyTask(name, open_checkpoint=lambda path, device: task())
