"""The video page: a label for every frame of a film, or of a live picture.

`gradio apps/video/app.py` serves it and reloads it when this file changes.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from apps.server.errors import report_errors
from apps.server.launch import DELETE_CACHE, MAX_CALLS, run_app
from apps.server.models import CHECKPOINTS, LazyTask
from apps.ui.layout import NO_API, heading
from apps.video.api import Answers
from apps.video.details import PICK
from apps.video.handlers import ABOUT, TITLE, PageEvents

if TYPE_CHECKING:
    from seqcore.tasks.video import FrameClassifier

DESCRIPTION = "Label every frame of a video in the browser with a convolutional network and a deep LSTM."
EXAMPLES = Path(__file__).resolve().parent / "examples"
MAIN, SECOND = "video-shots", "video-lipreading"
MAX_WATCHED = 4
# As the camera sees it, for a mirror would turn a pan to the left into one to the right; and no larger than is of use.
CAMERA = gr.WebcamOptions(mirror=False, constraints={"video": {"width": {"ideal": 640}, "height": {"ideal": 480}}})
MAX_LIVE = 16  # each holds its place for as long as its camera is on
MAX_FILMS = 2  # of programs at the same time: each works all the while, where calls of other apps wait together


def build(load: "LazyTask[FrameClassifier]", second: "LazyTask[FrameClassifier] | None" = None) -> gr.Blocks:
    """The page and its endpoints, `/label_frames` among them. `load` gives the first model, on first use.

    Args:
        second: another model to choose, without it the bundled lip reader.
    """
    names = {Path(load.checkpoint).name: load}
    other = second or LazyTask[Any](CHECKPOINTS / SECOND, load.device)
    names.setdefault(Path(other.checkpoint).name, other)
    answers = Answers(names)
    events = PageEvents(answers)
    with gr.Blocks(title="Video · seqcore", delete_cache=DELETE_CACHE) as page:
        head = gr.HTML(heading(TITLE, ABOUT), apply_default_css=False)
        trouble = gr.HTML(visible=False, elem_id="trouble", apply_default_css=False)
        model = gr.Dropdown(list(names), value=next(iter(names)), label="Model", elem_id="model")
        with gr.Tab("Film", elem_id="film-tab"):
            _film_tab(events, model)
        with gr.Tab("Live", elem_id="live-tab"):
            _live_tab(events, model)
        for event in (page.load, model.change):
            event(report_errors(events.greet), model, [head, trouble], **NO_API)
        _endpoints(answers)
    return page


def _film_tab(events: PageEvents, model: gr.Dropdown) -> None:
    with gr.Row():
        video = gr.Video(
            label="Film: drop, choose or record one", sources=["upload", "webcam"], height=320, min_width=280,
            webcam_options=CAMERA, elem_id="video",
        )  # fmt: skip
        film = gr.Video(label="With its labels", interactive=False, height=320, min_width=280, elem_id="film")
    with gr.Row(elem_classes="sq-buttons"):
        stop = gr.Button("Stop", scale=1, min_width=80, interactive=False, elem_id="stop")
        go = gr.Button("Label every frame", variant="primary", scale=4, min_width=140, elem_id="go")
    examples = gr.Dataset(
        components=[gr.Video(render=False)], samples=[[str(path)] for path in sorted(EXAMPLES.glob("*.mp4"))],
        label="Examples", elem_id="examples",
    )  # fmt: skip
    progress = gr.HTML(elem_id="progress", apply_default_css=False)
    timeline = gr.HTML(elem_id="timeline", elem_classes="sq-filled", apply_default_css=False, js_on_load=PICK)
    with gr.Row():
        pick = gr.Dropdown([], label="Look at a segment", visible=False, elem_id="pick")
        picked = gr.Image(label="The frame in its middle", visible=False, interactive=False, elem_id="picked")
    gallery = gr.HTML(elem_id="segments", elem_classes="sq-filled", apply_default_css=False, js_on_load=PICK)
    with gr.Row():
        files = [
            gr.DownloadButton(f"Download {kind}", visible=False, elem_id=kind.lower())
            for kind in ("JSON", "CSV", "WebVTT")
        ]
    outputs = [stop, progress, timeline, gallery, film, pick, picked, *files]
    chosen = examples.click(lambda sample: sample[0], examples, video, **NO_API)
    for begin in (go.click, chosen.success):
        begin(
            report_errors(events.show_labels), [video, model], outputs,
            trigger_mode="multiple", concurrency_limit=MAX_WATCHED, concurrency_id="watched", **NO_API,
        )  # fmt: skip
    for end in (stop.click, video.clear):
        end(report_errors(events.stop), None, outputs, **NO_API)
    pick.input(report_errors(events.show_frame), [video, pick], picked, **NO_API)
    for shown in (timeline, gallery):
        shown.click(report_errors(events.show_clicked), video, [pick, picked], **NO_API).success(
            None, js="() => document.querySelector('#picked')?.scrollIntoView({block: 'nearest', behavior: 'smooth'})",
            **NO_API,
        )  # fmt: skip


def _live_tab(events: PageEvents, model: gr.Dropdown) -> None:
    gr.Markdown(
        "The picture of your camera goes to this server alone, and is kept nowhere. When it cannot keep up, frames are "
        "left out. A label comes a few frames late; a model that reads whole films cannot be used here.",
        elem_classes="sq-hint",
    )
    state = gr.State(None)
    with gr.Row():
        camera = gr.Image(
            label="Camera",
            sources=["webcam"],
            streaming=True,
            type="numpy",
            height=320,
            min_width=280,
            webcam_options=CAMERA,
            elem_id="camera",
        )
        label = gr.HTML(elem_id="live-label", apply_default_css=False)
    camera.stream(
        report_errors(events.live), [camera, state, model], [label, state],
        stream_every=0.1, concurrency_limit=MAX_LIVE, concurrency_id="live", **NO_API,
    )  # fmt: skip


def _endpoints(answers: Answers) -> None:
    inputs = [gr.File(label="video", visible=False), gr.Textbox(label="model", visible=False)]
    gr.on(
        [], report_errors(answers.label_frames), inputs, gr.JSON(label="labels", visible=False),
        api_name="label_frames", concurrency_limit=MAX_FILMS, concurrency_id="films",
    )  # fmt: skip
    gr.on(
        [], report_errors(answers.label_video), inputs, gr.File(label="film", visible=False),
        api_name="label_video", concurrency_limit=MAX_FILMS, concurrency_id="films",
    )  # fmt: skip
    gr.on(
        [], report_errors(answers.video_models), None, gr.JSON(label="models", visible=False),
        api_name="video_models", concurrency_limit=MAX_CALLS,
    )  # fmt: skip


# Gradio's reloader looks for this name. It loads nothing yet.
demo = build(LazyTask(CHECKPOINTS / MAIN))

if __name__ == "__main__":
    run_app(MAIN, build, DESCRIPTION)
