"""What happens on the video page."""

import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import gradio as gr

from apps.server.models import load_error_html
from apps.ui.layout import heading
from apps.ui.runs import Turns, visitor
from apps.video import details
from apps.video.api import Answers, checked, limit, new_folder, written
from apps.video.films import frame, label_film, pictures
from seqcore.errors import SeqcoreError

if TYPE_CHECKING:
    from seqcore.tasks.video import FrameClassifier, FrameLabels

TITLE = "Video"
ABOUT = "A convolutional network sees each frame, a deep LSTM follows them, and every frame gets its own label."
Steps: TypeAlias = Generator[tuple[Any, ...], None, None]
_HIDDEN = gr.update(visible=False, value=None)
_NO_PICK = (gr.update(choices=[], value=None, visible=False), _HIDDEN)
_NOTHING = (gr.update(interactive=False), "", "", "", None, *_NO_PICK, _HIDDEN, _HIDDEN, _HIDDEN)
_NOTHING_NEW = (gr.skip(),) * len(_NOTHING)
_STEP = 0.3  # seconds between two looks at how far it is
_REMEMBERED = 12  # labels of a live picture


class Live(NamedTuple):
    """A live picture's state: passed on, and of one visitor."""

    model: str
    stream: Any
    passed: tuple[str, ...]
    times: tuple[float, ...]


class _Reading:
    """A video that is being labelled in a thread of its own, so that a page can tell how far it is."""

    def __init__(self, task: "FrameClassifier", path: str) -> None:
        self.done = 0
        self._over = False
        self._check = limit(path)
        self._pool = ThreadPoolExecutor(1)
        self._future = self._pool.submit(task.label, path, self._count)

    def _count(self, done: int) -> None:
        if self._over:
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
        self._over = True
        self._pool.shutdown(wait=False)


class PageEvents:
    """What the page does when something is clicked or chosen."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self._files = Turns()

    def greet(self, model: str) -> tuple[Any, ...]:
        """Say what the model is, or why it is not there."""
        try:
            self.answers.classifier(model)
        except SeqcoreError as error:
            return gr.skip(), gr.update(value=load_error_html(error), visible=True)
        return heading(TITLE, self.answers.loads[model].about() or ABOUT), gr.update(visible=False)

    def show_labels(self, request: gr.Request, video: str | None, model: str) -> Iterator[tuple[Any, ...]]:
        """Label the video on the page while a bar grows."""
        yield from self._files.run(visitor(request), self._label(video, model), _NOTHING_NEW)

    def stop(self, request: gr.Request) -> tuple[Any, ...]:
        """End what runs, of a video that was taken away, or since it takes too long; nothing of it is shown."""
        self._files.end(visitor(request))
        return _NOTHING

    def _label(self, video: str | None, model: str) -> Steps:
        from seqcore.media.video import video_info

        yield gr.update(interactive=True), *_NOTHING[1:]
        try:
            path = checked(video)
            task = self.answers.classifier(model)
            expected = video_info(path).frames
            started = time.perf_counter()
            yield gr.skip(), details.bar(0, max(1, expected), 0.0), *_NOTHING_NEW[2:]
            reading = _Reading(task, path)
            try:
                while not reading.wait(_STEP):
                    bar = details.bar(reading.done, expected, time.perf_counter() - started)
                    yield gr.skip(), bar, *_NOTHING_NEW[2:]
            finally:
                reading.stop()
            found = reading.result()
            seconds = time.perf_counter() - started
            total = len(found.labels)
            bar = details.bar(total, total, seconds, over=True)
            segments = found.segments
            shown = pictures(path, [details.middle(one) for one in segments[: details.MAX_PICTURES]])
            choices = [(details.told(one), details.middle(one)) for one in segments[: details.MAX_ROWS]]
            looks = (details.timeline(found, task.config.labels), details.gallery(segments, shown))
            pick = gr.update(choices=choices, value=None, visible=True)
            with new_folder() as folder:
                files = [gr.update(value=file, visible=True) for file in written(found, folder)]
                yield gr.skip(), bar, *looks, gr.skip(), pick, gr.skip(), *files
                started = time.perf_counter()
                for done in label_film(path, found, folder / "labelled.mp4"):
                    if done % 50 == 0:
                        seconds = time.perf_counter() - started
                        writing = details.bar(done, total + 1, seconds, "the film with its labels")
                        yield gr.skip(), writing, *_NOTHING_NEW[2:]
                film = gr.update(value=str(folder / "labelled.mp4"), visible=True)
                # All once more: a page that was given several things at once may have missed one.
                yield gr.update(interactive=False), bar, *looks, film, gr.skip(), gr.skip(), *files
        except Exception:
            yield _NOTHING
            raise

    def show_frame(self, video: str | None, at: float | None) -> Any:
        """The frame of the segment that was picked."""
        if not video or at is None:
            return _HIDDEN
        return gr.update(value=frame(video, at), visible=True)

    def show_clicked(self, video: str | None, event: gr.EventData) -> tuple[Any, Any]:
        """The frame of the segment that was clicked on, which is picked too."""
        return gr.update(value=event.at), self.show_frame(video, event.at)

    def live(self, seen: Any, state: Live | None, model: str) -> tuple[Any, ...]:
        """Label a live picture's next frame."""
        if seen is None:
            return "", None
        task = self.answers.classifier(model)
        if task.config.bidirectional:
            return details.no_stream(model), None
        if state is None or state.model != model:
            state = Live(model, None, (), ())
        label, stream = task.step(seen, state.stream)
        times = (*state.times, time.perf_counter())[-_REMEMBERED:]
        passed = state.passed
        if label and (not passed or passed[0] != label):
            passed = (label, *passed)[:_REMEMBERED]
        rate = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0
        return details.now(label, passed[1:], rate), Live(model, stream, passed, times)
