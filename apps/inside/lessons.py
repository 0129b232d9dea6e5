"""What every panel has: a paragraph to begin with, things to try, and how its events run."""

from collections.abc import Sequence
from html import escape
from typing import Any

LIMITED: dict[str, Any] = {"concurrency_limit": 2, "concurrency_id": "inside"}


def lesson(text: str) -> str:
    """The paragraph that a panel begins with, as HTML."""
    return f'<p class="sq-lesson">{escape(text)}</p>'


def to_try(things: Sequence[str]) -> str:
    """What a reader may do with a panel, as HTML."""
    listed = "".join(f"<li>{escape(thing)}</li>" for thing in things)
    return f'<div class="sq-note"><h2>To try</h2><ul class="sq-try">{listed}</ul></div>'
