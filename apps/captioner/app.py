"""The captioner's page: photos in, sentences out, and where the model looked for each word.

`gradio apps/captioner/app.py` serves it and reloads it when this file changes.
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from apps.captioner.api import API, DEFAULT_BEAM, DEFAULT_CAPTIONS, DEFAULT_PENALTY, MAX_BEAM
from apps.captioner.files import MAX_IMAGES
from apps.captioner.handlers import Handlers, ManyTab, PhotoTab
from apps.page import PageHead, endpoint, new_page, on
from apps.server.gradio_patches import use_uploaded_file
from apps.server.launch import MAX_CALLS, run_app
from apps.server.models import CHECKPOINTS, LazyTask
from apps.ui.layout import html, search_settings, stop_and_go
from apps.ui.uploads import MAX_IMAGE_BYTES

if TYPE_CHECKING:
    from gradio.components import Component

    from seqcore.tasks.captioning import Captioner

TITLE = "Captioner"
ABOUT = "A convolutional network sees, a deep LSTM writes, and attention says where it looks for every word."
DESCRIPTION = "Caption images in the browser with a convolutional network and a deep LSTM."
EXAMPLES = Path(__file__).resolve().parent / "examples"
_WATCHED = {"trigger_mode": "multiple", "concurrency_limit": 16, "concurrency_id": "watched"}


def build(load: "LazyTask[Captioner]") -> gr.Blocks:
    """The page and its endpoints, `/caption` among them. `load` gives the task, on first use."""
    api = API(load)
    with new_page(TITLE) as page:
        head = PageHead(TITLE, ABOUT)
        settings = search_settings("caption", MAX_BEAM, DEFAULT_BEAM, DEFAULT_PENALTY, DEFAULT_CAPTIONS)
        with gr.Tab("Photo", elem_id="photo-tab"):
            photo = _photo_tab()
        with gr.Tab("Many", elem_id="many-tab"):
            many = _many_tab()
        with gr.Accordion("Settings", open=False, elem_id="settings"), gr.Row():
            for setting in settings:
                setting.render()
        handlers = Handlers(api, head, photo, many)
        on(page.load, handlers.on_load, None, head.components)
        _photo_events(handlers, photo, settings)
        _many_events(handlers, many, settings)
        _endpoints(api)
    return page


def _photo_tab() -> PhotoTab:
    with gr.Row(equal_height=True):
        photo = gr.Image(
            label="Photo", type="filepath", sources=["upload", "clipboard", "webcam"], height=360, min_width=280,
            elem_id="photo",
            placeholder="# Drop a photo here, or choose one\nBelow, take one with the camera, or paste one",
        )  # fmt: skip
        use_uploaded_file(photo)
        with gr.Column(min_width=280):
            text = gr.Textbox(
                label="Alt text", interactive=False, buttons=["copy"], lines=3, elem_id="caption",
                elem_classes="sq-text",
            )  # fmt: skip
            status = gr.Markdown(elem_classes="sq-status", elem_id="status")
            go = gr.Button("Caption", variant="primary", elem_id="go")
            examples = gr.Dataset(
                components=[gr.Image(render=False, type="filepath")],
                samples=[[str(path)] for path in sorted(EXAMPLES.glob("*.jpg"))],
                label="Examples", elem_id="examples",
            )  # fmt: skip
    return PhotoTab(photo, text, status, go, examples, looked=html("looked", filled=True))


def _photo_events(handlers: Handlers, tab: PhotoTab, settings: "list[Component]") -> None:
    outputs = [tab.text, tab.status, tab.looked]
    chosen = on(tab.examples.click, lambda sample: sample[0], tab.examples, tab.photo)
    for begin in (tab.go.click, tab.photo.input, chosen.success):
        on(begin, handlers.show_caption, [tab.photo, *settings], outputs, **_WATCHED)
    on(tab.photo.clear, handlers.clear, None, outputs)


def _many_tab() -> ManyTab:
    gr.Markdown(
        f"Up to {MAX_IMAGES} images of at most {MAX_IMAGE_BYTES // 1_000_000} MB. Their alt texts come as a table, to "
        "look at and to download.",
        elem_classes="sq-hint",
    )
    files = gr.File(label="Images", file_count="multiple", height=200, elem_id="files")
    progress = html("file-progress")
    stop, go = stop_and_go("Caption all", "stop-files", "caption-all")
    with gr.Row():
        table = gr.DownloadButton("Download CSV", visible=False, elem_id="csv")
        objects = gr.DownloadButton("Download JSON lines", visible=False, elem_id="jsonl")
    return ManyTab(files, progress, stop, go, table, objects, results=html("results"))


def _many_events(handlers: Handlers, tab: ManyTab, settings: "list[Component]") -> None:
    outputs = [tab.progress, tab.table, tab.objects, tab.results, tab.stop]
    inputs = [tab.files, *settings[:2]]
    on(tab.go.click, handlers.show_files, inputs, outputs, concurrency_limit=2, concurrency_id="files")
    on(tab.stop.click, handlers.many_run.stop, None, outputs)
    on(tab.files.change, handlers.many_run.choose, tab.files, outputs)


def _endpoints(api: API) -> None:
    # A file needs components, if only unseen ones.
    inputs = [
        gr.File(label="image", visible=False),
        gr.Number(DEFAULT_BEAM, label="beam_size", visible=False),
        gr.Number(DEFAULT_PENALTY, label="length_penalty", visible=False),
        gr.Number(DEFAULT_CAPTIONS, label="n_best", visible=False),
    ]
    endpoint(api.caption, inputs[:3], gr.Textbox(label="caption", visible=False), concurrency_limit=MAX_CALLS)
    explanation = gr.JSON(label="explanation", visible=False)
    endpoint(api.explain_caption, inputs, explanation, concurrency_limit=MAX_CALLS)


main = partial(run_app, "captioner", build, DESCRIPTION)
# Gradio's reloader looks for this name. It loads nothing yet.
demo = build(LazyTask(CHECKPOINTS / "captioner"))

if __name__ == "__main__":
    main()
