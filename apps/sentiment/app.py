"""The sentiment classifier's page: texts or a file in, labels out, and what made them.

`gradio apps/sentiment/app.py` serves it and reloads it when this file changes.
"""

from functools import partial
from typing import TYPE_CHECKING

import gradio as gr

from apps.endpoints import endpoint, one_of
from apps.page import FILES, WATCHED, PageHead, new_page, on, on_files
from apps.sentiment.api import API, UNSURE_BELOW
from apps.sentiment.files import KINDS
from apps.sentiment.handlers import Handlers, ManyTab, TextTab
from apps.server.launch import MAX_CALLS, run_app
from apps.server.models import CHECKPOINTS, LazyTask
from apps.ui.layout import UNQUEUED

if TYPE_CHECKING:
    from seqcore.tasks.sentiment import SentimentClassifier

TITLE = "Sentiment"
ABOUT = "A deep LSTM reads a text word by word; what it remembers says how the text is meant, how surely, and why."
DESCRIPTION = "Classify texts in the browser with a deep LSTM, and see why."


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
            text = TextTab()
        with gr.Tab("Many", elem_id="many-tab"):
            many = ManyTab()
        with gr.Accordion("Settings", open=False, elem_id="settings"):
            band.render()
        handlers = Handlers(api, head, text, many)
        on(page.load, handlers.on_load, None, head.components)
        _text_events(handlers, text, band)
        _many_events(handlers, many, band)
        _endpoints(api)
    return page


def _text_events(handlers: Handlers, tab: TextTab, band: gr.Slider) -> None:
    outputs = [tab.verdict, tab.reasons, tab.status, tab.classified]
    chosen = on(tab.examples.click, lambda sample: sample[0], tab.examples, tab.text, **UNQUEUED)
    for begin in (tab.go.click, tab.text.submit, chosen.success):
        on(begin, handlers.show_text, [tab.text, band], outputs, **WATCHED)
    on(band.change, handlers.rethreshold, [tab.classified, band], tab.verdict, trigger_mode="always_last")
    on(tab.clear.click, handlers.clear, None, [*outputs, tab.text])


def _many_events(handlers: Handlers, tab: ManyTab, band: gr.Slider) -> None:
    run = handlers.table_run
    on(tab.file.change, handlers.choose_file, tab.file, [tab.column, *run.outputs])
    on_files(run, handlers.show_table, [tab.file, tab.column, tab.lines, band])


def _endpoints(api: API) -> None:
    endpoint(api.classify, "sentiment", concurrency_limit=MAX_CALLS)
    endpoint(api.explain_sentiment, "explanation", concurrency_limit=WATCHED["concurrency_limit"])
    endpoint(api.labels, "labels")
    endpoint(api.classify_file, "answers", files={"file": one_of(KINDS)}, gives_file=True, **FILES)


main = partial(run_app, "sentiment", build, DESCRIPTION)
# Gradio's reloader looks for this name. It loads nothing yet.
demo = build(LazyTask(CHECKPOINTS / "sentiment"))

if __name__ == "__main__":
    main()
