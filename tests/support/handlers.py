"""Handlers of a page without the page: what they change is told by the names of the components."""

from typing import Any, TypeVar

import gradio as gr

from apps.page import PageHead

_Tab = TypeVar("_Tab")


def named(tab: type[_Tab]) -> _Tab:
    """A part of a page whose components are their own names, or, where there are several, their ids."""
    with gr.Blocks():
        part = tab()
    for name, component in vars(part).items():
        setattr(part, name, [one.elem_id for one in component] if isinstance(component, list) else name)
    return part


def head() -> PageHead:
    """The top of a page whose components are their own names."""
    head: Any = PageHead("Title", "About.")
    head.heading, head.load_error = "heading", "load_error"
    return head
