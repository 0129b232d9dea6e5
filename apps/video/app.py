"""The video page: a label for every frame of a film, or of a live picture.

`gradio apps/video/app.py` serves it and reloads it when this file changes.
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from apps.endpoints import endpoint
from apps.page import PageHead, new_page, on
from apps.server.launch import MAX_CALLS, run_app
from apps.server.models import CHECKPOINTS, LazyTask
from apps.ui.layout import NO_API
from apps.video.api import API
from apps.video.handlers import FilmTab, Handlers, LiveTab

if TYPE_CHECKING:
    from seqcore.tasks.video import FrameClassifier

TITLE = "Video"
ABOUT = "A convolutional network sees each frame, a deep LSTM follows them, and every frame gets its own label."
DESCRIPTION = "Label every frame of a video in the browser with a convolutional network and a deep LSTM."
MAIN, SECOND = "video-shots", "video-lipreading"
MAX_LIVE = 16  # Each holds its place for as long as its camera is on.
# Films of programs at the same time: each works all the while, where calls of other apps wait together.
_FILMS: dict[str, Any] = {"concurrency_limit": 2, "concurrency_id": "films"}
_WATCHED = {"trigger_mode": "multiple", "concurrency_limit": 4, "concurrency_id": "watched"}
_SCROLL = "() => document.querySelector('#picked')?.scrollIntoView({block: 'nearest', behavior: 'smooth'})"


def build(load: "LazyTask[FrameClassifier]", second: "LazyTask[FrameClassifier] | None" = None) -> gr.Blocks:
    """The page and its endpoints, `/label_frames` among them. `load` gives the first model, on first use.

    Args:
        second: another model to choose, without it the bundled lip reader.
    """
    names = {Path(load.checkpoint).name: load}
    other = second or LazyTask[Any](CHECKPOINTS / SECOND, load.device)
    names.setdefault(Path(other.checkpoint).name, other)
    api = API(names)
    with new_page(TITLE) as page:
        head = PageHead(TITLE, ABOUT)
        model = gr.Dropdown(list(names), value=next(iter(names)), label="Model", elem_id="model")
        with gr.Tab("Film", elem_id="film-tab"):
            film = FilmTab()
        with gr.Tab("Live", elem_id="live-tab"):
            live = LiveTab()
        handlers = Handlers(api, head, film, live)
        for event in (page.load, model.change):
            on(event, handlers.on_load, model, head.components)
        _film_events(handlers, film, model)
        on(
            live.camera.stream, handlers.label_live, [live.camera, live.state, model], [live.label, live.state],
            stream_every=0.1, concurrency_limit=MAX_LIVE, concurrency_id="live",
        )  # fmt: skip
        _endpoints(api)
    return page


def _film_events(handlers: Handlers, tab: FilmTab, model: gr.Dropdown) -> None:
    outputs = handlers.film_run.outputs
    chosen = on(tab.examples.click, lambda sample: sample[0], tab.examples, tab.video)
    for begin in (tab.go.click, chosen.success):
        on(begin, handlers.show_labels, [tab.video, model], outputs, **_WATCHED)
    for end in (tab.stop.click, tab.video.clear):
        on(end, handlers.film_run.stop, None, outputs)
    on(tab.segment.input, handlers.show_frame, [tab.video, tab.segment], tab.picked)
    for clickable in (tab.timeline, tab.gallery):
        clicked = on(clickable.click, handlers.show_clicked, tab.video, [tab.segment, tab.picked])
        clicked.success(None, js=_SCROLL, **NO_API)


def _endpoints(api: API) -> None:
    film = {"video": "MP4, MKV, WebM, MOV, AVI, GIF or another usual format"}
    endpoint(api.label_frames, "labels", files=film, **_FILMS)
    endpoint(api.label_video, "film", files=film, gives_file=True, **_FILMS)
    endpoint(api.video_models, "models", concurrency_limit=MAX_CALLS)


main = partial(run_app, MAIN, build, DESCRIPTION)
# Gradio's reloader looks for this name. It loads nothing yet.
demo = build(LazyTask(CHECKPOINTS / MAIN))

if __name__ == "__main__":
    main()
