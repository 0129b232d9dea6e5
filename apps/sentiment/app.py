"""The sentiment classifier's page: texts or a file in, labels out, and what made them.

`gradio apps/sentiment/app.py` serves it and reloads it when this file changes.
"""

from typing import TYPE_CHECKING

import gradio as gr

from apps.sentiment.api import MAX_TEXT_CHARS, UNSURE_BELOW, Answers
from apps.sentiment.handlers import ABOUT, EXAMPLES, TITLE, PageEvents
from apps.sentiment.tables import KINDS, MAX_FILE_BYTES
from apps.server.errors import report_errors
from apps.server.launch import DELETE_CACHE, MAX_CALLS, run_app
from apps.server.models import CHECKPOINTS, LazyTask
from apps.ui.layout import NO_API, UNQUEUED, heading

if TYPE_CHECKING:
    from seqcore.tasks.sentiment import SentimentClassifier

DESCRIPTION = "Classify texts in the browser with a deep LSTM, and see why."
MAX_WATCHED = 16  # texts whose words are weighed at the same time, or wait for it


def build(load: "LazyTask[SentimentClassifier]") -> gr.Blocks:
    """The page and its endpoints, `/classify` among them. `load` gives the task, on first use."""
    answers = Answers(load)
    events = PageEvents(answers)
    with gr.Blocks(title="Sentiment · seqcore", delete_cache=DELETE_CACHE) as page:
        head = gr.HTML(heading(TITLE, ABOUT), apply_default_css=False)
        trouble = gr.HTML(visible=False, elem_id="trouble", apply_default_css=False)
        band = gr.Slider(
            0.0, 1.0, value=UNSURE_BELOW, step=0.01, label="Unsure below", elem_id="band", render=False,
            info="A label of lower probability is called unsure; of two classes, this makes a band around one half.",
        )  # fmt: skip
        with gr.Tab("Text", elem_id="text-tab"):
            _text_tab(events, band)
        with gr.Tab("Many", elem_id="many-tab"):
            _many_tab(events, band)
        with gr.Accordion("Settings", open=False, elem_id="settings"):
            band.render()
        page.load(report_errors(events.greet), None, [head, trouble], **NO_API)
        _endpoints(answers)
    return page


def _text_tab(events: PageEvents, band: gr.Slider) -> None:
    with gr.Row(equal_height=True):
        text = gr.Textbox(
            label="Text", lines=6, max_lines=18, min_width=280, elem_id="text", elem_classes="sq-text",
            placeholder=f"Type or paste up to {MAX_TEXT_CHARS:,} characters. Shift + Enter classifies.",
        )  # fmt: skip
        with gr.Column(min_width=280, elem_classes="sq-answer"):
            verdict = gr.HTML(elem_id="verdict", elem_classes="sq-filled", apply_default_css=False)
    with gr.Row(elem_classes="sq-buttons"):
        clear = gr.Button("Clear", scale=1, min_width=80)
        go = gr.Button("Classify", variant="primary", scale=4, min_width=140, elem_id="go")
    status = gr.Markdown(elem_classes="sq-status", elem_id="status")
    labels = [" ⏎ ".join(sample.split("\n\n")) for sample in EXAMPLES]
    examples = gr.Dataset(
        components=[text], samples=[[sample] for sample in EXAMPLES], sample_labels=labels,
        label="Examples", elem_id="examples",
    )  # fmt: skip
    reasons = gr.HTML(elem_id="reasons", elem_classes="sq-filled", apply_default_css=False)
    classified = gr.State("")
    outputs = [verdict, reasons, status, classified]
    chosen = examples.click(lambda sample: sample[0], examples, text, **UNQUEUED)
    for begin in (go.click, text.submit, chosen.success):
        begin(
            report_errors(events.show_text), [text, band], outputs,
            trigger_mode="multiple", concurrency_limit=MAX_WATCHED, concurrency_id="watched", **NO_API,
        )  # fmt: skip
    band.change(report_errors(events.judge_again), [classified, band], verdict, trigger_mode="always_last", **NO_API)
    clear.click(report_errors(events.clear), None, [*outputs, text], **NO_API)


def _many_tab(events: PageEvents, band: gr.Slider) -> None:
    limit = f"{MAX_FILE_BYTES // 1_000_000} MB"
    gr.Markdown(
        f"Texts, one a line; or a file in UTF-8 of {limit} at most: a table whose first row names its columns (.csv, "
        ".tsv), or a text a line (.txt). The answers come as a table and as a CSV file.",
        elem_classes="sq-hint",
    )
    with gr.Row():
        lines = gr.Textbox(label="Texts, one a line", lines=6, max_lines=12, min_width=280, elem_id="lines")
        with gr.Column(min_width=280):
            file = gr.File(label="Or a file", file_types=list(KINDS), height=160, elem_id="file")
            column = gr.Dropdown([], label="Column with the texts", visible=False, elem_id="column")
    progress = gr.HTML(elem_id="file-progress", apply_default_css=False)
    with gr.Row(elem_classes="sq-buttons"):
        stop = gr.Button("Stop", scale=1, min_width=80, interactive=False, elem_id="stop-file")
        go = gr.Button("Classify all", variant="primary", scale=4, min_width=140, elem_id="classify-all")
    download = gr.DownloadButton("Download", visible=False, variant="secondary", elem_id="download")
    results = gr.HTML(elem_id="results", apply_default_css=False)

    outputs = [progress, download, results, stop]
    file.change(report_errors(events.choose_file), file, [column, *outputs], **NO_API)
    go.click(
        report_errors(events.show_table), [file, column, lines, band], outputs,
        concurrency_limit=2, concurrency_id="files", **NO_API,
    )  # fmt: skip
    stop.click(report_errors(events.stop_table), None, outputs, **NO_API)


def _endpoints(answers: Answers) -> None:
    gr.api(report_errors(answers.classify), api_name="classify", concurrency_limit=MAX_CALLS)
    gr.api(report_errors(answers.explain_sentiment), api_name="explain_sentiment", concurrency_limit=MAX_WATCHED)
    gr.api(report_errors(answers.labels), api_name="labels")
    # A file needs components, if only unseen ones.
    inputs = [
        gr.File(label="file", file_types=list(KINDS), visible=False),
        gr.Textbox("", label="column", visible=False),
        gr.Number(UNSURE_BELOW, label="unsure_below", visible=False),
    ]
    result = gr.File(label="answers", visible=False)
    gr.on(
        [], report_errors(answers.classify_file), inputs, result,
        api_name="classify_file", concurrency_limit=2, concurrency_id="files",
    )  # fmt: skip


# Gradio's reloader looks for this name. It loads nothing yet.
demo = build(LazyTask(CHECKPOINTS / "sentiment"))

if __name__ == "__main__":
    run_app("sentiment", build, DESCRIPTION)
