"""The tabs of the sentiment classifier's page, and what happens on them."""

import time
from concurrent.futures import wait
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from apps.page import PageHead
from apps.sentiment import views
from apps.sentiment.api import API, MAX_TEXT_CHARS, check_band
from apps.sentiment.files import KINDS, MAX_FILE_BYTES, classify_table, file_of_lines, open_table
from apps.ui.files_tab import FilesRun, FilesTab
from apps.ui.layout import Steps, Updates, html
from apps.ui.progress import Progress
from apps.ui.runs import LatestRun, latest, visitor

if TYPE_CHECKING:
    from seqcore.tasks.sentiment import Sentiment

EXAMPLES = (
    "A warm, funny and deeply moving film. I laughed, I cried, I called my mother.",
    "Oh great, another superhero sequel. Exactly what the world was waiting for.",
    "It's not that I didn't like it; I just wouldn't call it good.",
    "The acting is superb and the pictures are a feast, but the story drags and the ending ruins everything.",
    "ok this new season?? SO good, no notes 😍 #finally",
    (
        "I went in expecting very little. The first half hour is slow, the jokes are old and the sound is poor. "
        "Twice I looked at my watch, and the man beside me was asleep.\n\n"
        "But then the daughter comes home, and from there on it is one of the finest things I have seen this year. "
        "Nothing is explained, everything is felt, and the last scene alone is worth the ticket. Stay for it."
    ),
    "Ein wunderbarer Film, den ich jedem empfehlen kann.",
)
MAX_SHOWN = 200  # Rows of a table's result on the page; the file has them all.
_POLL_SECONDS = 0.3  # Whether the text is explained, or nobody waits for it any more.
_NO_COLUMNS = gr.update(choices=[], value=None, visible=False)


class TextTab:
    """The components for one text; `classified` is the text that the verdict is about."""

    def __init__(self) -> None:
        with gr.Row(equal_height=True):
            self.text = gr.Textbox(
                label="Text", lines=6, max_lines=18, min_width=280, elem_id="text", elem_classes="sq-text",
                placeholder=f"Type or paste up to {MAX_TEXT_CHARS:,} characters. Shift + Enter classifies.",
            )  # fmt: skip
            with gr.Column(min_width=280, elem_classes="sq-answer"):
                self.verdict = html("verdict", filled=True)
        with gr.Row(elem_classes="sq-buttons"):
            self.clear = gr.Button("Clear", scale=1, min_width=80)
            self.go = gr.Button("Classify", variant="primary", scale=4, min_width=140, elem_id="go")
        self.status = gr.Markdown(elem_classes="sq-status", elem_id="status")
        labels = [" ⏎ ".join(sample.split("\n\n")) for sample in EXAMPLES]
        self.examples = gr.Dataset(
            components=[self.text], samples=[[sample] for sample in EXAMPLES], sample_labels=labels,
            label="Examples", elem_id="examples",
        )  # fmt: skip
        self.reasons = html("reasons", filled=True)
        self.classified = gr.State("")


class ManyTab(FilesTab):
    """The components for many texts."""

    def __init__(self) -> None:
        gr.Markdown(
            f"Texts, one a line; or a file in UTF-8 of {MAX_FILE_BYTES // 1_000_000} MB at most: a table whose first "
            "row names its columns (.csv, .tsv), JSON lines (.jsonl), or a text a line (.txt). The answers come as a "
            "table and as a file of the same kind.",
            elem_classes="sq-hint",
        )
        with gr.Row():
            self.lines = gr.Textbox(label="Texts, one a line", lines=6, max_lines=12, min_width=280, elem_id="lines")
            with gr.Column(min_width=280):
                self.file = gr.File(label="Or a file", file_types=list(KINDS), height=160, elem_id="file")
                self.column = gr.Dropdown([], label="Column with the texts", visible=False, elem_id="column")
        super().__init__("Classify all", "stop-file", "classify-all", {"download": "Download"})
        self.results = html("results")


class Handlers:
    """What the page does when something is clicked, chosen or typed."""

    def __init__(self, api: API, head: PageHead, text: TextTab, many: ManyTab) -> None:
        self.api, self._head, self._text, self._many = api, head, text, many
        self.runs = LatestRun()
        self.table_run = FilesRun(many, {many.results: ""})

    def on_load(self) -> Updates:
        """Fill a page that was just opened."""
        return self._head.updates(self.api.load, self.api.classifier)

    @latest
    def show_text(self, request: gr.Request, text: str, unsure_below: float) -> Steps:
        """Classify what is in the text box, and then explain it."""
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
        self.runs.end(visitor(request))
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
        shown: list[tuple[str, Sentiment]] = []

        def show(progress: "Progress[tuple[str, Sentiment]]") -> Updates:
            shown.extend(progress.results[: MAX_SHOWN - len(shown)])
            if not progress.files:
                return {}
            more = f'<p class="sq-more">The first {MAX_SHOWN} of {progress.total:,}; the file has them all.</p>'
            return {self._many.results: views.table(shown) + more * (progress.total > len(shown))}

        work = classify_table(self.api.classifier(), open_table(path), column, unsure_below)
        yield from self.table_run.follow(work, "text", "Texts classified", title, show)
