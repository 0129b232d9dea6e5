"""What happens on the captioner's page."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from apps.captioner import views
from apps.captioner.api import API, check_search
from apps.captioner.files import Line, caption_files
from apps.page import PageHead
from apps.ui.layout import HIDDEN, Steps, Updates
from apps.ui.runs import FileRun, LatestRun, visitor


@dataclass(frozen=True)
class PhotoTab:
    """The components for one photo."""

    photo: gr.Image
    text: gr.Textbox
    status: gr.Markdown
    go: gr.Button
    examples: gr.Dataset
    looked: gr.HTML


@dataclass(frozen=True)
class ManyTab:
    """The components for many images."""

    files: gr.File
    progress: gr.HTML
    stop: gr.Button
    go: gr.Button
    table: gr.DownloadButton
    objects: gr.DownloadButton
    results: gr.HTML


class Handlers:
    """What the page does when something is clicked or chosen."""

    def __init__(self, api: API, head: PageHead, photo: PhotoTab, many: ManyTab) -> None:
        self.api, self._head, self._photo, self._many = api, head, photo, many
        self._photo_run = LatestRun()
        self.many_run = FileRun(
            many.stop, {many.progress: "", many.table: HIDDEN, many.objects: HIDDEN, many.results: ""}
        )

    def on_load(self) -> Updates:
        """Fill a page that was just opened."""
        return self._head.updates(self.api.load, self.api.captioner)

    def show_caption(
        self, request: gr.Request, image: str | None, beam_size: int, length_penalty: float, n_best: int
    ) -> Steps:
        """Caption the photo on the page, and then show where the model looked."""
        steps = self._caption(image, beam_size, length_penalty, n_best)
        yield from self._photo_run.run(visitor(request), steps)

    def _caption(self, image: str | None, beam_size: int, length_penalty: float, n_best: int) -> Steps:
        tab = self._photo
        if not image:
            yield {tab.text: "", tab.status: "There is no photo yet.", tab.looked: ""}
            return
        yield {tab.status: "Looking …", tab.looked: ""}
        try:
            self.api.captioner()  # Loading is not looking: the time shown leaves it out.
            started = time.perf_counter()
            photo, caption = self.api.caption_photo(image, beam_size, length_penalty, min(n_best, beam_size))
        except Exception:  # A message of its own says why.
            yield {tab.text: "", tab.status: "Not captioned."}
            raise
        status = f"{views.sureness(caption)}, in {time.perf_counter() - started:.2f} s"
        looked = views.gallery(photo, caption) + views.alternatives(caption)
        yield {tab.text: caption.text, tab.status: status, tab.looked: looked}

    def clear(self, request: gr.Request) -> Updates:
        """What the page shows of a photo that was taken away."""
        self._photo_run.end(visitor(request))
        return {self._photo.text: "", self._photo.status: "", self._photo.looked: ""}

    def show_files(
        self, request: gr.Request, files: Sequence[str] | None, beam_size: int, length_penalty: float
    ) -> Steps:
        """Caption uploaded files, while a bar grows."""
        yield from self.many_run.start(request, self._files(files, beam_size, length_penalty), key=files)

    def _files(self, files: Sequence[str] | None, beam_size: int, length_penalty: float) -> Steps:
        check_search(beam_size, length_penalty, 1)
        captioner, tab = self.api.captioner(), self._many
        started = time.perf_counter()
        lines: list[Line] = []
        for progress in caption_files(captioner, files or (), int(beam_size), float(length_penalty)):
            lines += progress.results
            updates: Updates = {
                tab.progress: progress.bar(time.perf_counter() - started, "image", "Captions"),
                tab.results: views.table(lines) if lines else "",
            }
            if progress.files:
                for button, path in zip((tab.table, tab.objects), progress.files, strict=True):
                    updates[button] = gr.update(value=path, visible=True)
                updates[tab.stop] = gr.update(interactive=False)
            yield updates
