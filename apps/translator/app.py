"""The translator's page: text or a file in, translation out, and a look at how each sentence came about.

`gradio apps/translator/app.py` serves it and reloads it when this file changes.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from apps.endpoints import endpoint, one_of
from apps.page import FILES, WATCHED, PageHead, new_page, on, on_files
from apps.server.launch import MAX_CALLS, run_app
from apps.server.models import CHECKPOINTS, LazyTask
from apps.translator.api import API
from apps.translator.files import KINDS
from apps.translator.handlers import FileTab, Handlers, Languages, TextTab
from apps.ui.layout import UNQUEUED
from apps.ui.search import search_sliders

if TYPE_CHECKING:
    from gradio.components import Component

    from seqcore.tasks.translation import Translator

TITLE = "Translator"
ABOUT = "One deep LSTM reads a sentence, another writes it in the other language and looks back at what was read."
DESCRIPTION = "Translate in the browser with a deep LSTM and attention."


def build(load: "LazyTask[Translator]") -> gr.Blocks:
    """The page and its endpoints, `/translate` among them. `load` gives the task, on first use."""
    api = API(load)
    with new_page(TITLE) as page:
        head = PageHead(TITLE, ABOUT)
        languages = Languages()
        settings = _settings()
        with gr.Tab("Text", elem_id="text-tab"):
            text = TextTab()
        with gr.Tab("File", elem_id="file-tab"):
            file = FileTab()
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
        inputs = [file.file, languages.source, languages.target, *settings]
        on_files(handlers.file_run, handlers.show_file, inputs, file.file)
        _endpoints(api)
    return page


def _text_events(handlers: Handlers, languages: Languages, tab: TextTab, settings: "list[Component]") -> None:
    source, target = languages.source, languages.target
    pair_and_text = [source, languages.swap, target, tab.text]
    outputs = [tab.translation, tab.status, source, tab.results, tab.closer, tab.sentence, tab.details, tab.stop]
    swapping = [source, target, tab.text, tab.translation, tab.results]
    chosen = on(tab.examples.click, handlers.choose_example, [tab.examples, target], pair_and_text, **UNQUEUED)
    swapped = on(languages.swap.click, handlers.swap, swapping, pair_and_text, **UNQUEUED)
    for begin in (tab.go.click, tab.text.submit, chosen.success, swapped.success):
        on(begin, handlers.show_translation, [tab.text, source, target, *settings], outputs, **WATCHED)
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
    return [*search_sliders("translation", 5), sampling, *_sampling()]


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


def _endpoints(api: API) -> None:
    endpoint(api.translate, "translation", concurrency_limit=MAX_CALLS)
    endpoint(api.translate_stream, "translation")
    endpoint(api.explain_translation, "explanation", concurrency_limit=MAX_CALLS)
    endpoint(api.languages, "directions")
    endpoint(api.translate_file, "translation", files={"file": one_of(KINDS)}, gives_file=True, **FILES)


main = partial(run_app, "translator", build, DESCRIPTION)
# Gradio's reloader looks for this name. It loads nothing yet.
demo = build(LazyTask(CHECKPOINTS / "translator"))

if __name__ == "__main__":
    main()
