"""The tabs of the video page, and what happens on them."""

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from apps.page import PageHead
from apps.server.gradio_patches import use_camera_picture
from apps.ui.layout import HIDDEN, Steps, Updates, html, stop_and_go
from apps.ui.pictures import film_picture, film_pictures
from apps.ui.runs import FileRun
from apps.video import views
from apps.video.api import API, frame_limit, open_film
from apps.video.files import label_film, write_labels

if TYPE_CHECKING:
    from seqcore.media.video import VideoReader
    from seqcore.tasks.video import FrameClassifier, FrameLabels

EXAMPLES = Path(__file__).resolve().parent / "examples"
# As the camera sees it, for a mirror would turn a pan to the left into one to the right; and no larger than is of use.
CAMERA = gr.WebcamOptions(mirror=False, constraints={"video": {"width": {"ideal": 640}, "height": {"ideal": 480}}})
_POLL_SECONDS = 0.3  # Between two looks at how far it is.
_MAX_REMEMBERED = 12  # Labels of a live picture.


class FilmTab:
    """The components for a film; `film` is the one with labels drawn in."""

    def __init__(self) -> None:
        with gr.Row():
            self.video = gr.Video(
                label="Film: drop, choose or record one", sources=["upload", "webcam"], height=320, min_width=280,
                webcam_options=CAMERA, elem_id="video",
            )  # fmt: skip
            self.film = gr.Video(label="With its labels", interactive=False, height=320, min_width=280, elem_id="film")
        self.stop, self.go = stop_and_go("Label every frame", "stop", "go")
        self.examples = gr.Dataset(
            components=[gr.Video(render=False)], samples=[[str(path)] for path in sorted(EXAMPLES.glob("*.mp4"))],
            label="Examples", elem_id="examples",
        )  # fmt: skip
        self.progress = html("progress")
        self.timeline = html("timeline", filled=True, js_on_load=views.PICK)
        with gr.Row():
            self.segment = gr.Dropdown([], label="Look at a segment", visible=False, elem_id="pick")
            self.picked = gr.Image(label="The frame in its middle", visible=False, interactive=False, elem_id="picked")
        self.gallery = html("segments", filled=True, js_on_load=views.PICK)
        with gr.Row():
            self.downloads = [
                gr.DownloadButton(f"Download {kind}", visible=False, elem_id=kind.lower())
                for kind in ("JSON", "CSV", "WebVTT")
            ]


class LiveTab:
    """The components for a live picture."""

    def __init__(self) -> None:
        gr.Markdown(
            "The picture of your camera goes to this server alone, and is kept nowhere. When it cannot keep up, frames "
            "are left out. A label comes a few frames late; a model that reads whole films cannot be used here.",
            elem_classes="sq-hint",
        )
        self.state = gr.State(None)
        with gr.Row():
            self.camera = gr.Image(
                label="Camera", sources=["webcam"], streaming=True, type="numpy", height=320, min_width=280,
                webcam_options=CAMERA, elem_id="camera",
            )  # fmt: skip
            use_camera_picture(self.camera)
            self.label = html("live-label")


class Live(NamedTuple):
    """A live picture's state: passed on, and of one visitor."""

    model: str
    stream: Any
    passed: tuple[str, ...]
    times: tuple[float, ...]


class _Labelling:
    """A film that is labelled in a thread of its own, so that a page can tell how far it is; then it is closed."""

    def __init__(self, task: "FrameClassifier", film: "VideoReader") -> None:
        self.done = 0
        self._cancelled = False
        self._check = frame_limit(film)
        self._pool = ThreadPoolExecutor(1)
        self._future = self._pool.submit(self._label, task, film)

    def _label(self, task: "FrameClassifier", film: "VideoReader") -> "FrameLabels":
        with closing(film):
            return task.label(film, self._count)

    def _count(self, done: int) -> None:
        if self._cancelled:
            raise InterruptedError
        self._check(done)
        self.done = done

    def wait(self, seconds: float) -> bool:
        """Whether it is done within so many seconds."""
        return bool(wait([self._future], seconds).done)

    def result(self) -> "FrameLabels":
        """The labels. Raises what labelling raised."""
        return self._future.result()

    def stop(self) -> None:
        """Nobody waits any more."""
        self._cancelled = True
        self._pool.shutdown(wait=False)


class Handlers:
    """What the page does when something is clicked or chosen."""

    def __init__(self, api: API, head: PageHead, film: FilmTab, live: LiveTab) -> None:
        self.api, self._head, self._film, self._live = api, head, film, live
        empty: Updates = {film.progress: "", film.timeline: "", film.gallery: "", film.film: None, film.picked: HIDDEN}
        empty[film.segment] = gr.update(choices=[], value=None, visible=False)
        self.film_run = FileRun(film.stop, {**empty, **dict.fromkeys(film.downloads, HIDDEN)})

    def on_load(self, model: str) -> Updates:
        """Say what the model is that was chosen."""
        return self._head.updates(self.api.loads[model], lambda: self.api.classifier(model))

    def show_labels(self, request: gr.Request, video: str | None, model: str) -> Steps:
        """Label the video on the page while a bar grows."""
        yield from self.film_run.start(request, self._label(video, model))

    def _label(self, video: str | None, model: str) -> Steps:
        from seqcore.media.video import open_video

        tab, film = self._film, open_film(video)
        try:
            task, expected = self.api.classifier(model), film.info.frames
            started = time.perf_counter()
            yield {tab.progress: views.bar(0, max(1, expected), 0.0)}
        except BaseException:
            film.close()
            raise
        labelling = _Labelling(task, film)  # It closes the film.
        try:
            while not labelling.wait(_POLL_SECONDS):
                yield {tab.progress: views.bar(labelling.done, expected, time.perf_counter() - started)}
        finally:
            labelling.stop()
        result = labelling.result()
        total = len(result.labels)
        bar = views.bar(total, total, time.perf_counter() - started, over=True) + views.cut_short(result)
        with open_video(str(video)) as film, tempfile.TemporaryDirectory(prefix="seqcore-") as folder:
            updates = {**self._views(film, result, task.config.labels), tab.progress: bar}
            for button, path in zip(tab.downloads, write_labels(result, Path(folder)), strict=True):
                updates[button] = gr.update(value=path, visible=True)
            yield updates
            output = Path(folder) / "labelled.mp4"
            yield from self._draw(film, result, output)
            # All once more: a page that was given several things at once may have missed one.
            del updates[tab.segment]
            yield {
                **updates,
                tab.film: gr.update(value=str(output), visible=True),
                tab.stop: gr.update(interactive=False),
            }

    def _views(self, film: "VideoReader", result: "FrameLabels", labels: tuple[str, ...]) -> Updates:
        segments, tab = result.segments, self._film
        images = film_pictures(film, [views.middle(segment) for segment in segments[: views.MAX_PICTURES]])
        choices = [(views.segment_title(segment), views.middle(segment)) for segment in segments[: views.MAX_ROWS]]
        return {
            tab.timeline: views.timeline(result, labels),
            tab.gallery: views.gallery(segments, images),
            tab.segment: gr.update(choices=choices, value=None, visible=True),
        }

    def _draw(self, film: "VideoReader", result: "FrameLabels", output: Path) -> Steps:
        """Write the film with its labels."""
        started = time.perf_counter()
        with closing(label_film(film, result, output)) as steps:
            for done in steps:
                if done % 50 == 0:
                    seconds = time.perf_counter() - started
                    bar = views.bar(done, len(result.labels) + 1, seconds, "the film with its labels")
                    yield {self._film.progress: bar}

    def show_frame(self, video: str | None, time: float | None) -> Updates:
        """The frame of the segment that was picked."""
        shown = gr.update(value=film_picture(video, time), visible=True) if video and time is not None else HIDDEN
        return {self._film.picked: shown}

    def show_clicked(self, video: str | None, event: gr.EventData) -> Updates:
        """The frame of the segment that was clicked on, which is picked too."""
        return {self._film.segment: gr.update(value=event.at), **self.show_frame(video, event.at)}

    def label_live(self, picture: Any, state: Live | None, model: str) -> Updates:
        """Label a live picture's next frame."""
        tab = self._live
        if picture is None:
            return {tab.label: "", tab.state: None}
        task = self.api.classifier(model)
        if task.config.bidirectional:
            return {tab.label: views.no_stream(model), tab.state: None}
        if state is None or state.model != model:
            state = Live(model, None, (), ())
        label, stream = task.step(picture, state.stream)
        times = (*state.times, time.perf_counter())[-_MAX_REMEMBERED:]
        passed = state.passed
        if label and (not passed or passed[0] != label):
            passed = (label, *passed)[:_MAX_REMEMBERED]
        rate = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0
        shown = views.live_label(label, passed[1:], rate)
        return {tab.label: shown, tab.state: Live(model, stream, passed, times)}
