"""The captioner's page: photos in, sentences out, and where the model looked for each word.

`gradio apps/captioner/app.py` serves it and reloads it when this file changes.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from apps.captioner.api import DEFAULT_BEAM, DEFAULT_CAPTIONS, DEFAULT_PENALTY, MAX_BEAM, Answers
from apps.captioner.files import MAX_IMAGE_BYTES, MAX_IMAGES
from apps.captioner.handlers import ABOUT, TITLE, PageEvents
from apps.server.errors import report_errors
from apps.server.launch import DELETE_CACHE, MAX_CALLS, run_app
from apps.server.models import CHECKPOINTS, LazyTask
from apps.ui.layout import NO_API, heading, search_settings

if TYPE_CHECKING:
    from gradio.components import Component

    from seqcore.tasks.captioning import Captioner

DESCRIPTION = "Caption images in the browser with a convolutional network and a deep LSTM."
EXAMPLES = Path(__file__).resolve().parent / "examples"
MAX_WATCHED = 16


def build(load: "LazyTask[Captioner]") -> gr.Blocks:
    """The page and its endpoints, `/caption` among them. `load` gives the task, on first use."""
    answers = Answers(load)
    events = PageEvents(answers)
    with gr.Blocks(title="Captioner · seqcore", delete_cache=DELETE_CACHE) as page:
        head = gr.HTML(heading(TITLE, ABOUT), apply_default_css=False)
        trouble = gr.HTML(visible=False, elem_id="trouble", apply_default_css=False)
        settings = _settings()
        with gr.Tab("Photo", elem_id="photo-tab"):
            _photo_tab(events, settings)
        with gr.Tab("Many", elem_id="many-tab"):
            _many_tab(events, settings)
        with gr.Accordion("Settings", open=False, elem_id="settings"), gr.Row():
            for setting in settings:
                setting.render()
        page.load(report_errors(events.greet), None, [head, trouble], **NO_API)
        _endpoints(answers)
    return page


def _settings() -> "list[Component]":
    """Beam size, length penalty, captions to compare."""
    return search_settings("caption", MAX_BEAM, DEFAULT_BEAM, DEFAULT_PENALTY, DEFAULT_CAPTIONS)


def _photo_tab(events: PageEvents, settings: "list[Component]") -> None:
    with gr.Row(equal_height=True):
        photo = _photo(
            label="Photo", sources=["upload", "clipboard", "webcam"], height=360, min_width=280, elem_id="photo",
            placeholder="# Drop a photo here, or choose one\nBelow, take one with the camera, or paste one",
        )  # fmt: skip
        with gr.Column(min_width=280):
            text = gr.Textbox(
                label="Alt text",
                interactive=False,
                buttons=["copy"],
                lines=3,
                elem_id="caption",
                elem_classes="sq-text",
            )
            status = gr.Markdown(elem_classes="sq-status", elem_id="status")
            go = gr.Button("Caption", variant="primary", elem_id="go")
            examples = gr.Dataset(
                components=[gr.Image(render=False, type="filepath")], samples=[[str(path)] for path in _examples()],
                label="Examples", elem_id="examples",
            )  # fmt: skip
    looked = gr.HTML(elem_id="looked", elem_classes="sq-filled", apply_default_css=False)
    outputs = [text, status, looked]
    chosen = examples.click(lambda sample: sample[0], examples, photo, **NO_API)
    for begin in (go.click, photo.input, chosen.success):
        begin(
            report_errors(events.show_caption), [photo, *settings], outputs,
            trigger_mode="multiple", concurrency_limit=MAX_WATCHED, concurrency_id="watched", **NO_API,
        )  # fmt: skip
    photo.clear(report_errors(events.clear), None, outputs, **NO_API)


def _photo(**options: Any) -> gr.Image:
    """An image component that hands on the very file that was uploaded, pasted or taken.

    Gradio's own opens it first, so that one it cannot open ends in an error without a reason, and writes it anew in
    RGB: what is transparent turns black, and 16 bits white.
    """
    photo = gr.Image(type="filepath", **options)
    photo.preprocess = lambda payload: payload.path if payload else None  # type: ignore[method-assign]
    return photo


def _many_tab(events: PageEvents, settings: "list[Component]") -> None:
    gr.Markdown(
        f"Up to {MAX_IMAGES} images of at most {MAX_IMAGE_BYTES // 1_000_000} MB. Their alt texts come as a table, to "
        "look at and to download.",
        elem_classes="sq-hint",
    )
    files = gr.File(label="Images", file_count="multiple", height=200, elem_id="files")
    progress = gr.HTML(elem_id="file-progress", apply_default_css=False)
    with gr.Row(elem_classes="sq-buttons"):
        stop = gr.Button("Stop", scale=1, min_width=80, interactive=False, elem_id="stop-files")
        go = gr.Button("Caption all", variant="primary", scale=4, min_width=140, elem_id="caption-all")
    with gr.Row():
        table = gr.DownloadButton("Download CSV", visible=False, elem_id="csv")
        objects = gr.DownloadButton("Download JSON lines", visible=False, elem_id="jsonl")
    results = gr.HTML(elem_id="results", apply_default_css=False)
    outputs = [progress, table, objects, results, stop]
    go.click(
        report_errors(events.show_files), [files, *settings[:2]], outputs,
        concurrency_limit=2, concurrency_id="files", **NO_API,
    )  # fmt: skip
    stop.click(report_errors(events.stop_files), None, outputs, **NO_API)
    files.change(report_errors(events.choose_files), files, outputs, **NO_API)


def _endpoints(answers: Answers) -> None:
    # A file needs components, if only unseen ones.
    inputs = [
        gr.File(label="image", visible=False),
        gr.Number(DEFAULT_BEAM, label="beam_size", visible=False),
        gr.Number(DEFAULT_PENALTY, label="length_penalty", visible=False),
        gr.Number(DEFAULT_CAPTIONS, label="n_best", visible=False),
    ]
    gr.on(
        [], report_errors(answers.caption), inputs[:3], gr.Textbox(label="caption", visible=False),
        api_name="caption", concurrency_limit=MAX_CALLS,
    )  # fmt: skip
    gr.on(
        [], report_errors(answers.explain_caption), inputs, gr.JSON(label="explanation", visible=False),
        api_name="explain_caption", concurrency_limit=MAX_CALLS,
    )  # fmt: skip


def _examples() -> list[Path]:
    return sorted(EXAMPLES.glob("*.jpg"))


# Gradio's reloader looks for this name. It loads nothing yet.
demo = build(LazyTask(CHECKPOINTS / "captioner"))

if __name__ == "__main__":
    run_app("captioner", build, DESCRIPTION)
