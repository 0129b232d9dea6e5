"""The captioner's page: photos in, sentences out, and where the model looked for each word.

`gradio apps/captioner/app.py` serves it and reloads it when this file changes.
"""

from functools import partial
from typing import TYPE_CHECKING

import gradio as gr

from apps.captioner.api import API
from apps.captioner.handlers import Handlers, ManyTab, PhotoTab
from apps.endpoints import endpoint
from apps.page import WATCHED, PageHead, new_page, on, on_files
from apps.server.launch import MAX_CALLS, run_app
from apps.server.models import CHECKPOINTS, LazyTask
from apps.ui.search import N_BEST, search_sliders
from seqcore.media.image_formats import READ

if TYPE_CHECKING:
    from gradio.components import Component

    from seqcore.tasks.captioning import Captioner

TITLE = "Captioner"
ABOUT = "A convolutional network sees, a deep LSTM writes, and attention says where it looks for every word."
DESCRIPTION = "Caption images in the browser with a convolutional network and a deep LSTM."


def build(load: "LazyTask[Captioner]") -> gr.Blocks:
    """The page and its endpoints, `/caption` among them. `load` gives the task, on first use."""
    api = API(load)
    with new_page(TITLE) as page:
        head = PageHead(TITLE, ABOUT)
        settings = search_sliders("caption", N_BEST)
        with gr.Tab("Photo", elem_id="photo-tab"):
            photo = PhotoTab()
        with gr.Tab("Many", elem_id="many-tab"):
            many = ManyTab()
        with gr.Accordion("Settings", open=False, elem_id="settings"), gr.Row():
            for setting in settings:
                setting.render()
        handlers = Handlers(api, head, photo, many)
        on(page.load, handlers.on_load, None, head.components)
        _events(handlers, photo, many, settings)
        for function, result in ((api.caption, "caption"), (api.explain_caption, "explanation")):
            endpoint(function, result, files={"image": READ}, concurrency_limit=MAX_CALLS)
    return page


def _events(handlers: Handlers, photo: PhotoTab, many: ManyTab, settings: "list[Component]") -> None:
    outputs = [photo.text, photo.status, photo.looked]
    chosen = on(photo.examples.click, lambda sample: sample[0], photo.examples, photo.photo)
    for begin in (photo.go.click, photo.photo.input, chosen.success):
        on(begin, handlers.show_caption, [photo.photo, *settings], outputs, **WATCHED)
    on(photo.photo.clear, handlers.clear, None, outputs)
    on_files(handlers.many_run, handlers.show_files, [many.files, *settings[:2]], many.files)


main = partial(run_app, "captioner", build, DESCRIPTION)
# Gradio's reloader looks for this name. It loads nothing yet.
demo = build(LazyTask(CHECKPOINTS / "captioner"))

if __name__ == "__main__":
    main()
