"""The skeleton of an app's page: its heading, why its model is not there, its events and its endpoints.

It stands between the apps and both `apps.server` and `apps.ui`, which it brings together.
"""

from collections.abc import Callable
from typing import Any

import gradio as gr

from apps.server.errors import report_errors
from apps.server.launch import DELETE_CACHE
from apps.server.models import LazyTask, load_error_html
from apps.ui.layout import NO_API, Updates, heading, html
from seqcore.errors import SeqcoreError


def new_page(title: str) -> gr.Blocks:
    """An empty page."""
    return gr.Blocks(title=f"{title} · seqcore", delete_cache=DELETE_CACHE)


class PageHead:
    """The top of a page: what its model is, or why it could not be loaded."""

    def __init__(self, title: str, about: str) -> None:
        self._title, self._about = title, about
        self.heading = gr.HTML(heading(title, about), apply_default_css=False)
        self.load_error = html("trouble", visible=False)

    def updates(self, load: LazyTask[Any], require: Callable[[], object]) -> Updates:
        """What is shown of a model that the page has just turned to.

        Args:
            load: the model.
            require: loads it, and raises a `SeqcoreError` where it is not there or of another kind.
        """
        try:
            require()
        except SeqcoreError as error:
            return {self.load_error: gr.update(value=load_error_html(error), visible=True)}
        about = heading(self._title, load.about() or self._about)
        return {self.heading: about, self.load_error: gr.update(visible=False)}

    @property
    def components(self) -> list[gr.HTML]:
        """What `updates` changes."""
        return [self.heading, self.load_error]


def on(event: Any, handler: Callable[..., Any], inputs: Any, outputs: Any, **options: Any) -> Any:
    """Have an event of a component handled: our errors are shown in the page, and programs cannot call the handler."""
    return event(report_errors(handler), inputs, outputs, **{**NO_API, **options})


def endpoint(function: Callable[..., Any], inputs: Any = None, output: Any = None, **options: Any) -> None:
    """Let programs call a function by its name, over HTTP and as a tool.

    Args:
        inputs, output: unseen components, which a function that takes or gives files needs; without them, its
            annotations say what it takes and gives.
    """
    name = function.__name__
    if output is None:
        gr.api(report_errors(function), api_name=name, **options)
    else:
        gr.on([], report_errors(function), inputs, output, api_name=name, **options)
