"""The translator's page: text or a file in, translation out, and a look at how each sentence came about.

`gradio apps/translator/app.py` serves it and reloads it when this file changes.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from apps.page import PageHead, endpoint, new_page, on
from apps.server.launch import MAX_CALLS, run_app
from apps.server.models import CHECKPOINTS, LazyTask
from apps.translator.api import API
from apps.translator.files import MAX_FILE_BYTES
from apps.translator.handlers import FileTab, Handlers, Languages, TextTab
from apps.translator.languages import AUTO, DETECT
from apps.translator.settings import DEFAULT_BEAM, DEFAULT_PENALTY, MAX_BEAM, MAX_TEXT_CHARS
from apps.ui.layout import UNQUEUED, html, search_settings, stop_and_go

if TYPE_CHECKING:
    from gradio.components import Component

    from seqcore.tasks.translation import Translator

TITLE = "Translator"
ABOUT = "One deep LSTM reads a sentence, another writes it in the other language and looks back at what was read."
DESCRIPTION = "Translate in the browser with a deep LSTM and attention."
_WATCHED = {"trigger_mode": "multiple", "concurrency_limit": 16, "concurrency_id": "watched"}


def build(load: "LazyTask[Translator]") -> gr.Blocks:
    """The page and its endpoints, `/translate` among them. `load` gives the task, on first use."""
    api = API(load)
    with new_page(TITLE) as page:
        head = PageHead(TITLE, ABOUT)
        languages = _languages()
        settings = _settings()
        with gr.Tab("Text", elem_id="text-tab"):
            text = _text_tab()
        with gr.Tab("File", elem_id="file-tab"):
            file = _file_tab()
        _show_settings(settings)
        handlers = Handlers(api, head, languages, text, file)
        pair = [languages.source, languages.swap, languages.target]
        on(page.load, handlers.on_load, None, [*head.components, *pair, text.examples])
        for choice, handler in (
            (languages.source, handlers.choose_source),
            (languages.target, handlers.choose_target),
        ):
            on(choice.input, handler, [languages.source, languages.target], pair, **UNQUEUED)  # type: ignore[attr-defined]
        _text_events(handlers, languages, text, settings)
        _file_events(handlers, languages, file, settings)
        _endpoints(api)
    return page


def _languages() -> Languages:
    with gr.Row(equal_height=True, elem_classes="sq-languages"):
        choices = [(DETECT, AUTO)]
        source = gr.Dropdown(choices, value=AUTO, label="From", min_width=110, scale=6, elem_id="from")
        swap = gr.Button("⇄", min_width=48, scale=0, elem_id="swap")
        target = gr.Dropdown([("German", "de")], value="de", label="To", min_width=110, scale=5, elem_id="to")
    return Languages(source, swap, target)


def _text_tab() -> TextTab:
    look: dict[str, Any] = {"lines": 6, "max_lines": 18, "min_width": 280, "elem_classes": "sq-text"}
    hint = f"Type or paste up to {MAX_TEXT_CHARS:,} characters. Shift + Enter translates."
    with gr.Row(equal_height=True):
        text = gr.Textbox(label="Text", placeholder=hint, elem_id="source", **look)
        translation = gr.Textbox(
            label="Translation", interactive=False, buttons=["copy"], elem_id="translation", **look
        )
    with gr.Row(elem_classes="sq-buttons"):
        clear = gr.Button("Clear", scale=1, min_width=80)
        stop = gr.Button("Stop", scale=1, min_width=80, interactive=False, elem_id="stop")
        go = gr.Button("Translate", variant="primary", scale=4, min_width=140, elem_id="go")
    status = gr.Markdown(elem_classes="sq-status", elem_id="status")
    examples = gr.Dataset(components=[text], samples=[[""]], label="Examples", visible=False, elem_id="examples")
    results = gr.State([])
    with gr.Column(visible=False, elem_classes="sq-closer") as closer:
        sentence = gr.Dropdown([], label="A closer look at", type="index", elem_id="sentence")
        details = html("details")
    return TextTab(text, translation, clear, stop, go, status, examples, results, closer, sentence, details)


def _text_events(handlers: Handlers, languages: Languages, tab: TextTab, settings: "list[Component]") -> None:
    source, target = languages.source, languages.target
    pair_and_text = [source, languages.swap, target, tab.text]
    outputs = [tab.translation, tab.status, source, tab.results, tab.closer, tab.sentence, tab.details, tab.stop]
    swapping = [source, target, tab.text, tab.translation, tab.results]
    chosen = on(tab.examples.click, handlers.choose_example, [tab.examples, target], pair_and_text, **UNQUEUED)
    swapped = on(languages.swap.click, handlers.swap, swapping, pair_and_text, **UNQUEUED)
    for begin in (tab.go.click, tab.text.submit, chosen.success, swapped.success):
        on(begin, handlers.show_translation, [tab.text, source, target, *settings], outputs, **_WATCHED)
    # Through the queue, so that what they show comes after what the run has shown.
    on(tab.stop.click, handlers.stop, None, outputs)
    on(tab.clear.click, handlers.clear, None, [*outputs, tab.text])
    on(tab.sentence.input, handlers.look_closer, [tab.results, tab.sentence], tab.details)


def _settings() -> "list[Component]":
    """Components for the fields of `Settings`, in their order, not yet on the page."""
    sampling = gr.Checkbox(
        label="Sampling", render=False,
        info="Draws words at random by their probability, instead of searching for the best ones.",
    )  # fmt: skip
    return [*search_settings("translation", MAX_BEAM, DEFAULT_BEAM, DEFAULT_PENALTY, 5), sampling, *_sampling()]


def _show_settings(settings: "list[Component]") -> None:
    *search, sampling, temperature, top_k, top_p, seed = settings
    with gr.Accordion("Settings", open=False, elem_id="settings"):
        with gr.Row():
            for setting in search:
                setting.render()
        sampling.render()
        with gr.Row(visible=False) as drawn:
            for setting in (temperature, top_k, top_p, seed):
                setting.render()
        on(sampling.change, lambda drawing: gr.update(visible=drawing), sampling, drawn, **UNQUEUED)  # type: ignore[attr-defined]


def _sampling() -> "list[Component]":
    look: dict[str, Any] = {"min_width": 400, "render": False}
    temperature = "Lower is safer, higher more varied."
    top_k = "Draw from the k likeliest pieces; 0: from all."
    top_p = "Draw from the likeliest that have this probability together."
    seed = "The same seed draws the same; 0: always another."
    return [
        gr.Slider(0.05, 2.0, value=1.0, step=0.05, label="Temperature", info=temperature, **look),
        gr.Slider(0, 100, value=0, step=1, label="Top k", info=top_k, **look),
        gr.Slider(0.05, 1.0, value=1.0, step=0.05, label="Top p", info=top_p, **look),
        gr.Number(0, precision=0, minimum=0, label="Seed", info=seed, elem_id="seed", **look),
    ]


def _file_tab() -> FileTab:
    limit = f"{MAX_FILE_BYTES // 1_000_000} MB"
    gr.Markdown(
        f"A text file (.txt, UTF-8) of {limit} at most is translated line by line.",
        elem_classes="sq-hint",
    )
    file = gr.File(label="Text file", file_types=[".txt"], height=160, elem_id="file")
    progress = html("file-progress")
    stop, go = stop_and_go("Translate file", "stop-file", "translate-file")
    download = gr.DownloadButton("Download", visible=False, variant="secondary", elem_id="download")
    return FileTab(file, progress, stop, go, download)


def _file_events(handlers: Handlers, languages: Languages, tab: FileTab, settings: "list[Component]") -> None:
    outputs = [tab.progress, tab.download, tab.stop]
    inputs = [tab.file, languages.source, languages.target, *settings]
    on(tab.go.click, handlers.show_file, inputs, outputs, concurrency_limit=2, concurrency_id="files")
    on(tab.stop.click, handlers.file_run.stop, None, outputs)
    on(tab.file.change, handlers.file_run.choose, tab.file, outputs)


def _endpoints(api: API) -> None:
    endpoint(api.translate, concurrency_limit=MAX_CALLS)
    endpoint(api.translate_stream)
    endpoint(api.explain_translation, concurrency_limit=MAX_CALLS)
    endpoint(api.languages)
    # A file needs components, if only unseen ones.
    inputs = [
        gr.File(label="file", file_types=[".txt"], visible=False),
        gr.Textbox(AUTO, label="source", visible=False),
        gr.Textbox("de", label="target", visible=False),
        gr.Number(DEFAULT_BEAM, label="beam_size", precision=0, visible=False),
        gr.Number(DEFAULT_PENALTY, label="length_penalty", visible=False),
    ]
    result = gr.File(label="translation", visible=False)
    endpoint(api.translate_file, inputs, result, concurrency_limit=2, concurrency_id="files")


main = partial(run_app, "translator", build, DESCRIPTION)
# Gradio's reloader looks for this name. It loads nothing yet.
demo = build(LazyTask(CHECKPOINTS / "translator"))

if __name__ == "__main__":
    main()
