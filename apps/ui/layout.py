"""What the pages of all apps are made of: their head, the heads of their parts, wide things, how events are handled."""

from html import escape
from typing import Any

import gradio as gr
from gradio.components import Component

# Events of a page are no endpoints for programs. What takes no time is answered at once, not in its turn.
NO_API: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
UNQUEUED: dict[str, Any] = {**NO_API, "queue": False}


def heading(title: str, about: str) -> str:
    """The head of a page as HTML."""
    return f'<div class="sq-head"><h1>{escape(title)}</h1><p>{escape(about)}</p></div>'


def part(title: str, note: str = "") -> str:
    """The head of a part of an answer; both are HTML."""
    return f'<div class="sq-note"><h2>{title}</h2>{f"<p>{note}</p>" if note else ""}</div>'


def scrolling(wide: str, label: str) -> str:
    """HTML that may be wider than the screen, in a box that scrolls alone and that the keyboard reaches."""
    return f'<div class="sq-scroll" tabindex="0" role="region" aria-label="{escape(label)}">{wide}</div>'


def search_settings(noun: str, widest: int, beam_size: int, length_penalty: float, n_best: int) -> list[Component]:
    """Sliders for a beam search, not yet on the page: beam size, length penalty, how many answers to compare.

    Args:
        noun: what is searched for, in the singular.
        widest: the largest beam; the others are what is set at first.
    """
    look: dict[str, Any] = {"min_width": 200, "render": False}
    return [
        gr.Slider(
            1, widest, value=beam_size, step=1, label="Beam size", **look,
            info=f"How many {noun}s are followed at once; 1 takes the likeliest word at every step.",
        ),
        gr.Slider(
            0.0, 2.0, value=length_penalty, step=0.1, label="Length penalty", **look,
            info=f"Above 0 makes up for the lower probability of long {noun}s.",
        ),
        gr.Slider(
            1, widest, value=n_best, step=1, label=f"{noun.capitalize()}s to compare", **look,
            info="Listed beneath with their scores; of a beam, as many as it holds.",
        ),
    ]  # fmt: skip
