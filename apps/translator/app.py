"""The translator's page: text or a file in, translation out, and a look at how each sentence came about.

`gradio apps/translator/app.py` serves it and reloads it when this file changes.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

import gradio as gr

from apps.server.errors import report_errors
from apps.server.launch import DELETE_CACHE, MAX_CALLS, run_app
from apps.server.models import CHECKPOINTS, LazyTask
from apps.translator.api import Answers
from apps.translator.details import look_closer
from apps.translator.files import MAX_FILE_BYTES
from apps.translator.handlers import ABOUT, TITLE, PageEvents
from apps.translator.languages import AUTO, DETECT
from apps.translator.settings import DEFAULT_BEAM, DEFAULT_PENALTY, MAX_BEAM, MAX_TEXT_CHARS
from apps.ui.layout import NO_API, UNQUEUED, heading, search_settings

if TYPE_CHECKING:
    from gradio.components import Component

    from seqcore.tasks.translation import Translator

DESCRIPTION = "Translate in the browser with a deep LSTM and attention."
Languages: TypeAlias = tuple[gr.Dropdown, gr.Dropdown, gr.Button]

MAX_WATCHED = 16  # translations that grow at the same time


def build(load: "LazyTask[Translator]") -> gr.Blocks:
    """The page and its endpoints, `/translate` among them. `load` gives the task, on first use."""
    answers = Answers(load)
    events = PageEvents(answers)
    with gr.Blocks(title="Translator · seqcore", delete_cache=DELETE_CACHE) as page:
        head = gr.HTML(heading(TITLE, ABOUT), apply_default_css=False)
        trouble = gr.HTML(visible=False, elem_id="trouble", apply_default_css=False)
        languages = source, target, _ = _language_choice()
        source.input(report_errors(events.choose_source), [source, target], languages, **UNQUEUED)
        target.input(report_errors(events.choose_target), [source, target], languages, **UNQUEUED)
        settings = _settings()
        with gr.Tab("Text", elem_id="text-tab"):
            examples = _text_tab(events, languages, settings)
        with gr.Tab("File", elem_id="file-tab"):
            _file_tab(events, source, target, settings)
        _show_settings(settings)
        greeted: list[Component] = [head, trouble, *languages, examples]
        page.load(report_errors(events.greet), None, greeted, **NO_API)
        _endpoints(answers)
    return page


def _language_choice() -> Languages:
    with gr.Row(equal_height=True, elem_classes="sq-languages"):
        choices = [(DETECT, AUTO)]
        source = gr.Dropdown(choices, value=AUTO, label="From", min_width=110, scale=6, elem_id="from")
        swap = gr.Button("⇄", min_width=48, scale=0, elem_id="swap")
        target = gr.Dropdown([("German", "de")], value="de", label="To", min_width=110, scale=5, elem_id="to")
    return source, target, swap


def _text_tab(events: PageEvents, languages: Languages, settings: "list[Component]") -> gr.Dataset:
    text, translation = _text_boxes()
    with gr.Row(elem_classes="sq-buttons"):
        clear = gr.Button("Clear", scale=1, min_width=80)
        stop = gr.Button("Stop", scale=1, min_width=80, interactive=False, elem_id="stop")
        go = gr.Button("Translate", variant="primary", scale=4, min_width=140, elem_id="go")
    status = gr.Markdown(elem_classes="sq-status", elem_id="status")
    examples = gr.Dataset(components=[text], samples=[[""]], label="Examples", visible=False, elem_id="examples")
    results = gr.State([])
    with gr.Column(visible=False, elem_classes="sq-closer") as closer:
        which = gr.Dropdown([], label="A closer look at", type="index", elem_id="sentence")
        details = gr.HTML(elem_id="details", apply_default_css=False)

    source, target, swap = languages
    turned = [*languages, text]
    outputs = [translation, status, source, results, closer, which, details, stop]
    chosen = examples.click(report_errors(events.choose_example), [examples, target], turned, **UNQUEUED)
    swapped = swap.click(report_errors(events.swap), [source, target, text, translation, results], turned, **UNQUEUED)
    for begin in (go.click, text.submit, chosen.success, swapped.success):
        begin(
            report_errors(events.show_translation), [text, source, target, *settings], outputs,
            trigger_mode="multiple", concurrency_limit=MAX_WATCHED, concurrency_id="watched", **NO_API,
        )  # fmt: skip
    # Through the queue, so that what they show comes after what the run has shown.
    stop.click(report_errors(events.stop), None, outputs, **NO_API)
    clear.click(report_errors(events.clear), None, [*outputs, text], **NO_API)
    which.input(report_errors(look_closer), [results, which], details, **NO_API)
    return examples


def _text_boxes() -> tuple[gr.Textbox, gr.Textbox]:
    look: dict[str, Any] = {"lines": 6, "max_lines": 18, "min_width": 280, "elem_classes": "sq-text"}
    hint = f"Type or paste up to {MAX_TEXT_CHARS:,} characters. Shift + Enter translates."
    with gr.Row(equal_height=True):
        text = gr.Textbox(label="Text", placeholder=hint, elem_id="source", **look)
        translation = gr.Textbox(
            label="Translation", interactive=False, buttons=["copy"], elem_id="translation", **look
        )
    return text, translation


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
        sampling.change(lambda on: gr.update(visible=on), sampling, drawn, **UNQUEUED)  # type: ignore[attr-defined]


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


def _file_tab(events: PageEvents, source: "Component", target: "Component", settings: "list[Component]") -> None:
    limit = f"{MAX_FILE_BYTES // 1_000_000} MB"
    gr.Markdown(
        f"A text file (.txt, UTF-8) of {limit} at most is translated line by line.",
        elem_classes="sq-hint",
    )
    file = gr.File(label="Text file", file_types=[".txt"], height=160, elem_id="file")
    progress = gr.HTML(elem_id="file-progress", apply_default_css=False)
    with gr.Row(elem_classes="sq-buttons"):
        stop = gr.Button("Stop", scale=1, min_width=80, interactive=False, elem_id="stop-file")
        go = gr.Button("Translate file", variant="primary", scale=4, min_width=140, elem_id="translate-file")
    download = gr.DownloadButton("Download", visible=False, variant="secondary", elem_id="download")

    outputs = [progress, download, stop]
    go.click(
        report_errors(events.show_file), [file, source, target, *settings], outputs,
        concurrency_limit=2, concurrency_id="files", **NO_API,
    )  # fmt: skip
    stop.click(report_errors(events.stop_file), None, outputs, **NO_API)
    file.change(report_errors(events.choose_file), file, outputs, **NO_API)


def _endpoints(answers: Answers) -> None:
    gr.api(report_errors(answers.translate), api_name="translate", concurrency_limit=MAX_CALLS)
    gr.api(report_errors(answers.translate_stream), api_name="translate_stream")
    gr.api(report_errors(answers.explain_translation), api_name="explain_translation", concurrency_limit=MAX_CALLS)
    gr.api(report_errors(answers.languages), api_name="languages")
    # A file needs components, if only unseen ones.
    inputs = [
        gr.File(label="file", file_types=[".txt"], visible=False),
        gr.Textbox(AUTO, label="source", visible=False),
        gr.Textbox("de", label="target", visible=False),
        gr.Number(DEFAULT_BEAM, label="beam_size", precision=0, visible=False),
        gr.Number(DEFAULT_PENALTY, label="length_penalty", visible=False),
    ]
    result = gr.File(label="translation", visible=False)
    gr.on(
        [], report_errors(answers.translate_file), inputs, result,
        api_name="translate_file", concurrency_limit=2, concurrency_id="files",
    )  # fmt: skip


# Gradio's reloader looks for this name. It loads nothing yet.
demo = build(LazyTask(CHECKPOINTS / "translator"))

if __name__ == "__main__":
    run_app("translator", build, DESCRIPTION)
