"""What the pages of all apps are made of: their heading, the headings of their parts, wide things, usual components."""

from collections.abc import Generator
from html import escape
from typing import Any, TypeAlias

import gradio as gr

# Events of a page are no endpoints for programs. What takes no time is answered at once, without queueing.
NO_API: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
UNQUEUED: dict[str, Any] = {**NO_API, "queue": False}

# What a handler changes on its page: new values, or updates, of components. What is not mentioned stays as it is.
Updates: TypeAlias = dict[Any, Any]
Steps: TypeAlias = Generator[Updates, None, None]
HIDDEN = gr.update(visible=False, value=None)


def heading(title: str, about: str) -> str:
    """The heading of a page as HTML."""
    return f'<div class="sq-head"><h1>{escape(title)}</h1><p>{escape(about)}</p></div>'


def part(title: str, note: str = "") -> str:
    """The heading of a part of an answer; both arguments are HTML."""
    return f'<div class="sq-note"><h2>{title}</h2>{f"<p>{note}</p>" if note else ""}</div>'


def scrolling(wide: str, label: str, classes: str = "sq-scroll") -> str:
    """HTML that may be wider than the screen, in a box that scrolls alone and that the keyboard reaches."""
    return f'<div class="{classes}" tabindex="0" role="region" aria-label="{escape(label)}">{wide}</div>'


def html(elem_id: str, filled: bool = False, **options: Any) -> gr.HTML:
    """A place for HTML in the page's own style; with `filled`, it is not seen before there is something in it."""
    if filled:
        options["elem_classes"] = "sq-filled"
    return gr.HTML(elem_id=elem_id, apply_default_css=False, **options)


def stop_and_go(label: str, stop_id: str, go_id: str) -> tuple[gr.Button, gr.Button]:
    """A row of two buttons: one that ends work, off until there is some, and a large one that begins it."""
    with gr.Row(elem_classes="sq-buttons"):
        stop = gr.Button("Stop", scale=1, min_width=80, interactive=False, elem_id=stop_id)
        go = gr.Button(label, variant="primary", scale=4, min_width=140, elem_id=go_id)
    return stop, go
