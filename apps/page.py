"""The skeleton of an app's page: its heading, why its model is not there, and its events.

It stands between the apps and both `apps.server` and `apps.ui`, which it brings together.
"""

from collections.abc import Callable
from typing import Any

import gradio as gr

from apps.server.errors import report_errors
from apps.server.launch import DELETE_CACHE
from apps.server.models import LazyTask, load_error_html
from apps.ui.files_tab import FilesRun
from apps.ui.layout import NO_API, Updates, heading, html
from seqcore.errors import SeqcoreError

# Answers that somebody looks at while they come: many at once, for most of them wait.
WATCHED: dict[str, Any] = {"trigger_mode": "multiple", "concurrency_limit": 16, "concurrency_id": "watched"}
FILES: dict[str, Any] = {"concurrency_limit": 2, "concurrency_id": "files"}


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


def on_files(run: FilesRun, handler: Callable[..., Any], inputs: Any, file: gr.File | None = None) -> None:
    """Have the buttons of a tab for files begin and end its work, and another choice of `file` end it, too."""
    on(run.tab.go.click, handler, inputs, run.outputs, **FILES)
    on(run.tab.stop.click, run.stop, None, run.outputs)
    if file is not None:
        on(file.change, run.choose, file, run.outputs)
