"""The lower part of a tab for files: how far the work on them is, buttons that begin and end it, what comes of it."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import gradio as gr

from apps.ui.layout import HIDDEN, Steps, Updates, html, stop_and_go
from apps.ui.progress import Progress
from apps.ui.runs import FileRun


class FilesTab:
    """The components, which an app's own tab puts beneath its choice of files.

    Args:
        label: what the button says that begins the work.
        stop_id, go_id: of the two buttons.
        downloads: labels of the buttons for what comes of it, by their ids. One that is alone names its file.
    """

    def __init__(self, label: str, stop_id: str, go_id: str, downloads: Mapping[str, str]) -> None:
        self.progress = html("file-progress")
        self.stop, self.go = stop_and_go(label, stop_id, go_id)
        with gr.Row() if len(downloads) > 1 else nullcontext():
            self.downloads = [
                gr.DownloadButton(text, visible=False, elem_id=elem_id) for elem_id, text in downloads.items()
            ]


class FilesRun(FileRun):
    """The work of a `FilesTab`; `results` is what the page shows of the tab's own components before there is any."""

    def __init__(self, tab: FilesTab, results: Updates | None = None) -> None:
        super().__init__(tab.stop, {tab.progress: "", **dict.fromkeys(tab.downloads, HIDDEN), **(results or {})})
        self.tab = tab

    def follow(
        self, work: Iterator[Progress[Any]], unit: str, label: str, title: str = "",
        show: Callable[[Progress[Any]], Updates] = lambda _: {},
    ) -> Steps:  # fmt: skip
        """The bar after every step of the work, and what it made once it is complete.

        Args:
            unit, label, title: as `Progress.bar` has them.
            show: what else is shown after a step.
        """
        started, tab = time.perf_counter(), self.tab
        for progress in work:
            updates = {tab.progress: progress.bar(time.perf_counter() - started, unit, label, title), **show(progress)}
            if progress.files:
                for button, path in zip(tab.downloads, progress.files, strict=True):
                    name = {"label": f"Download {Path(path).name}"} if len(tab.downloads) == 1 else {}
                    updates[button] = gr.update(value=path, visible=True, **name)
                updates[tab.stop] = gr.update(interactive=False)
            yield updates
