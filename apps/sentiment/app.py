"""The sentiment classifier's page: texts or a file in, labels out, and what made them.

`gradio apps/sentiment/app.py` serves it and reloads it when this file changes.
"""

from functools import partial
from typing import TYPE_CHECKING

import gradio as gr

from apps.page import PageHead, endpoint, new_page, on
from apps.sentiment.api import API, MAX_TEXT_CHARS, UNSURE_BELOW
from apps.sentiment.files import KINDS, MAX_FILE_BYTES
from apps.sentiment.handlers import Handlers, ManyTab, TextTab
from apps.server.launch import MAX_CALLS, run_app
from apps.server.models import CHECKPOINTS, LazyTask
from apps.ui.layout import UNQUEUED, html, stop_and_go

if TYPE_CHECKING:
    from seqcore.tasks.sentiment import SentimentClassifier

TITLE = "Sentiment"
ABOUT = "A deep LSTM reads a text word by word; what it remembers says how the text is meant, how surely, and why."
DESCRIPTION = "Classify texts in the browser with a deep LSTM, and see why."
MAX_WATCHED = 16  # Texts that are explained at the same time, or wait for it.
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


def build(load: "LazyTask[SentimentClassifier]") -> gr.Blocks:
    """The page and its endpoints, `/classify` among them. `load` gives the task, on first use."""
    api = API(load)
    with new_page(TITLE) as page:
        head = PageHead(TITLE, ABOUT)
        band = gr.Slider(
            0.0, 1.0, value=UNSURE_BELOW, step=0.01, label="Unsure below", elem_id="band", render=False,
            info="A label of lower probability is called unsure; of two classes, this makes a band around one half.",
        )  # fmt: skip
        with gr.Tab("Text", elem_id="text-tab"):
            text = _text_tab()
        with gr.Tab("Many", elem_id="many-tab"):
            many = _many_tab()
        with gr.Accordion("Settings", open=False, elem_id="settings"):
            band.render()
        handlers = Handlers(api, head, text, many)
        on(page.load, handlers.on_load, None, head.components)
        _text_events(handlers, text, band)
        _many_events(handlers, many, band)
        _endpoints(api)
    return page


def _text_tab() -> TextTab:
    with gr.Row(equal_height=True):
        text = gr.Textbox(
            label="Text", lines=6, max_lines=18, min_width=280, elem_id="text", elem_classes="sq-text",
            placeholder=f"Type or paste up to {MAX_TEXT_CHARS:,} characters. Shift + Enter classifies.",
        )  # fmt: skip
        with gr.Column(min_width=280, elem_classes="sq-answer"):
            verdict = html("verdict", filled=True)
    with gr.Row(elem_classes="sq-buttons"):
        clear = gr.Button("Clear", scale=1, min_width=80)
        go = gr.Button("Classify", variant="primary", scale=4, min_width=140, elem_id="go")
    status = gr.Markdown(elem_classes="sq-status", elem_id="status")
    labels = [" ⏎ ".join(sample.split("\n\n")) for sample in EXAMPLES]
    examples = gr.Dataset(
        components=[text], samples=[[sample] for sample in EXAMPLES], sample_labels=labels,
        label="Examples", elem_id="examples",
    )  # fmt: skip
    reasons = html("reasons", filled=True)
    return TextTab(text, verdict, clear, go, status, examples, reasons, classified=gr.State(""))


def _text_events(handlers: Handlers, tab: TextTab, band: gr.Slider) -> None:
    outputs = [tab.verdict, tab.reasons, tab.status, tab.classified]
    chosen = on(tab.examples.click, lambda sample: sample[0], tab.examples, tab.text, **UNQUEUED)
    for begin in (tab.go.click, tab.text.submit, chosen.success):
        on(
            begin, handlers.show_text, [tab.text, band], outputs,
            trigger_mode="multiple", concurrency_limit=MAX_WATCHED, concurrency_id="watched",
        )  # fmt: skip
    on(band.change, handlers.rethreshold, [tab.classified, band], tab.verdict, trigger_mode="always_last")
    on(tab.clear.click, handlers.clear, None, [*outputs, tab.text])


def _many_tab() -> ManyTab:
    gr.Markdown(
        f"Texts, one a line; or a file in UTF-8 of {MAX_FILE_BYTES // 1_000_000} MB at most: a table whose first row "
        "names its columns (.csv, .tsv), or a text a line (.txt). The answers come as a table and as a CSV file.",
        elem_classes="sq-hint",
    )
    with gr.Row():
        lines = gr.Textbox(label="Texts, one a line", lines=6, max_lines=12, min_width=280, elem_id="lines")
        with gr.Column(min_width=280):
            file = gr.File(label="Or a file", file_types=list(KINDS), height=160, elem_id="file")
            column = gr.Dropdown([], label="Column with the texts", visible=False, elem_id="column")
    progress = html("file-progress")
    stop, go = stop_and_go("Classify all", "stop-file", "classify-all")
    download = gr.DownloadButton("Download", visible=False, variant="secondary", elem_id="download")
    return ManyTab(lines, file, column, progress, stop, go, download, results=html("results"))


def _many_events(handlers: Handlers, tab: ManyTab, band: gr.Slider) -> None:
    outputs = [tab.progress, tab.download, tab.results, tab.stop]
    inputs = [tab.file, tab.column, tab.lines, band]
    on(tab.file.change, handlers.choose_file, tab.file, [tab.column, *outputs])
    on(tab.go.click, handlers.show_table, inputs, outputs, concurrency_limit=2, concurrency_id="files")
    on(tab.stop.click, handlers.table_run.stop, None, outputs)


def _endpoints(api: API) -> None:
    endpoint(api.classify, concurrency_limit=MAX_CALLS)
    endpoint(api.explain_sentiment, concurrency_limit=MAX_WATCHED)
    endpoint(api.labels)
    # A file needs components, if only unseen ones.
    inputs = [
        gr.File(label="file", file_types=list(KINDS), visible=False),
        gr.Textbox("", label="column", visible=False),
        gr.Number(UNSURE_BELOW, label="unsure_below", visible=False),
    ]
    result = gr.File(label="answers", visible=False)
    endpoint(api.classify_file, inputs, result, concurrency_limit=2, concurrency_id="files")


main = partial(run_app, "sentiment", build, DESCRIPTION)
# Gradio's reloader looks for this name. It loads nothing yet.
demo = build(LazyTask(CHECKPOINTS / "sentiment"))

if __name__ == "__main__":
    main()
