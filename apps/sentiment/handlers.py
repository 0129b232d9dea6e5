"""What happens on the sentiment classifier's page."""

import time
from concurrent.futures import wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from apps.page import PageHead
from apps.sentiment import views
from apps.sentiment.api import API, check_band
from apps.sentiment.files import classify_table, file_of_lines, open_table
from apps.ui.layout import HIDDEN, Steps, Updates
from apps.ui.runs import FileRun, LatestRun, visitor

if TYPE_CHECKING:
    from seqcore.tasks.sentiment import Sentiment

MAX_SHOWN = 200  # Rows of a table's result on the page; the file has them all.
_POLL_SECONDS = 0.3  # Whether the text is explained, or nobody waits for it any more.
_NO_COLUMNS = gr.update(choices=[], value=None, visible=False)


@dataclass(frozen=True)
class TextTab:
    """The components for one text; `classified` is the text that the verdict is about."""

    text: gr.Textbox
    verdict: gr.HTML
    clear: gr.Button
    go: gr.Button
    status: gr.Markdown
    examples: gr.Dataset
    reasons: gr.HTML
    classified: gr.State


@dataclass(frozen=True)
class ManyTab:
    """The components for many texts."""

    lines: gr.Textbox
    file: gr.File
    column: gr.Dropdown
    progress: gr.HTML
    stop: gr.Button
    go: gr.Button
    download: gr.DownloadButton
    results: gr.HTML


class Handlers:
    """What the page does when something is clicked, chosen or typed."""

    def __init__(self, api: API, head: PageHead, text: TextTab, many: ManyTab) -> None:
        self.api, self._head, self._text, self._many = api, head, text, many
        self._text_run = LatestRun()
        self.table_run = FileRun(many.stop, {many.progress: "", many.download: HIDDEN, many.results: ""})

    def on_load(self) -> Updates:
        """Fill a page that was just opened."""
        return self._head.updates(self.api.load, self.api.classifier)

    def show_text(self, request: gr.Request, text: str, unsure_below: float) -> Steps:
        """Classify what is in the text box, and then explain it."""
        yield from self._text_run.run(visitor(request), self._classify(text, unsure_below))

    def _classify(self, text: str, unsure_below: float) -> Steps:
        tab = self._text
        nothing = {tab.verdict: "", tab.reasons: "", tab.classified: ""}
        if not text.strip():
            yield {**nothing, tab.status: "There is nothing to classify yet."}
            return
        yield {tab.reasons: "", tab.status: "Reading …", tab.classified: ""}
        try:
            self.api.classifier()  # Loading is not reading: the time shown leaves it out.
            started = time.perf_counter()
            result = self.api.sentiment(text, unsure_below)
        except Exception:  # A message of its own says why.
            yield {**nothing, tab.status: "Not classified."}
            raise
        read = f"read in {time.perf_counter() - started:.2f} s"
        yield {
            tab.verdict: views.verdict(result),
            tab.status: f"{read.capitalize()}, weighing each word …",
            tab.classified: text,
        }
        try:
            yield from self._explain(text, unsure_below, read)
        except Exception:
            yield {tab.reasons: "", tab.status: f"{read.capitalize()}. Its words could not be weighed."}
            raise

    def _explain(self, text: str, unsure_below: float, read: str) -> Steps:
        started = time.perf_counter()
        explanation = self.api.explain(text, unsure_below)
        try:
            while not wait([explanation], _POLL_SECONDS).done:
                yield gr.skip()
        finally:
            explanation.cancel()
        result = explanation.result()
        words = f"{len(result.tokens):,} word{'s' * (len(result.tokens) != 1)}"
        yield {
            self._text.reasons: views.reasons(result, self.api.classifier().config.multi_label),
            self._text.status: f"{words}, {read}, explained in {time.perf_counter() - started:.1f} s",
        }

    def rethreshold(self, text: str, unsure_below: float) -> Updates:
        """The verdict on the text that was classified last, with another band."""
        return {self._text.verdict: views.verdict(self.api.sentiment(text, unsure_below)) if text else ""}

    def clear(self, request: gr.Request) -> Updates:
        """An empty page."""
        self._text_run.end(visitor(request))
        tab = self._text
        return dict.fromkeys((tab.text, tab.verdict, tab.reasons, tab.status, tab.classified), "")

    def choose_file(self, request: gr.Request, file: str | None) -> Steps:
        """End what runs on another file than the one just chosen, and offer its columns."""
        yield {**self.table_run.choose(request, file), self._many.column: _NO_COLUMNS}
        if file is not None:
            table = open_table(file)
            names = list(dict.fromkeys(table.header))
            columns = gr.update(choices=names, value=table.likely_column(), visible=len(names) > 1)
            yield {self._many.column: columns}

    def show_table(
        self, request: gr.Request, file: str | None, column: str | None, lines: str, unsure_below: float
    ) -> Steps:
        """Classify an uploaded file, or else the lines of the text box, while a bar grows."""
        steps = self._table(file, column, lines, unsure_below)
        yield from self.table_run.start(request, steps, key=file)

    def _table(self, file: str | None, column: str | None, lines: str, unsure_below: float) -> Steps:
        check_band(unsure_below)
        if file is not None:
            yield from self._rows(file, Path(file).name, column, unsure_below)
        else:
            with file_of_lines(lines) as path:
                yield from self._rows(path, "", None, unsure_below)

    def _rows(self, path: str, title: str, column: str | None, unsure_below: float) -> Steps:
        table, classifier, tab = open_table(path), self.api.classifier(), self._many
        started = time.perf_counter()
        shown: list[tuple[str, Sentiment]] = []
        for progress in classify_table(classifier, table, column, unsure_below):
            shown += progress.results[: MAX_SHOWN - len(shown)]
            bar = progress.bar(time.perf_counter() - started, "text", "Texts classified", title)
            updates: Updates = {tab.progress: bar}
            for result in progress.files:
                more = f'<p class="sq-more">The first {MAX_SHOWN} of {progress.total:,}; the file has them all.</p>'
                updates[tab.results] = views.table(shown) + more * (progress.total > len(shown))
                updates[tab.download] = gr.update(value=result, label=f"Download {Path(result).name}", visible=True)
                updates[tab.stop] = gr.update(interactive=False)
            yield updates
