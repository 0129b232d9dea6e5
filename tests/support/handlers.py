"""Handlers of a page without the page: what they change is told by the names of the components."""

from dataclasses import fields
from typing import Any, TypeVar

from apps.page import PageHead

_Tab = TypeVar("_Tab")


def named(tab: type[_Tab], **components: Any) -> _Tab:
    """A part of a page whose components are their own names."""
    names = {field.name: field.name for field in fields(tab)}  # type: ignore[arg-type]
    return tab(**{**names, **components})


def head() -> PageHead:
    """The top of a page whose components are their own names."""
    head: Any = PageHead("Title", "About.")
    head.heading, head.load_error = "heading", "load_error"
    return head
