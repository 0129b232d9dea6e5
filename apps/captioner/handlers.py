"""The tabs of the captioner's page, and what happens on them."""

import time
from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from apps.captioner import views
from apps.captioner.api import API
from apps.captioner.files import MAX_IMAGES, Line, caption_files
from apps.page import PageHead
from apps.server.gradio_patches import use_uploaded_file
from apps.ui.figures import ranking
from apps.ui.files_tab import FilesRun, FilesTab
from apps.ui.layout import Steps, Updates, html
from apps.ui.progress import Progress
from apps.ui.runs import LatestRun, latest, visitor
from apps.ui.search import SearchSettings
from apps.ui.uploads import MAX_IMAGE_BYTES

EXAMPLES = Path(__file__).resolve().parent / "examples"


class PhotoTab:
    """The components for one photo."""

    def __init__(self) -> None:
        with gr.Row(equal_height=True):
            self.photo = gr.Image(
                label="Photo", type="filepath", sources=["upload", "clipboard", "webcam"], height=360, min_width=280,
                elem_id="photo",
                placeholder="# Drop a photo here, or choose one\nBelow, take one with the camera, or paste one",
            )  # fmt: skip
            use_uploaded_file(self.photo)
            with gr.Column(min_width=280):
                self.text = gr.Textbox(
                    label="Alt text", interactive=False, buttons=["copy"], lines=3, elem_id="caption",
                    elem_classes="sq-text",
                )  # fmt: skip
                self.status = gr.Markdown(elem_classes="sq-status", elem_id="status")
                self.go = gr.Button("Caption", variant="primary", elem_id="go")
                self.examples = gr.Dataset(
                    components=[gr.Image(render=False, type="filepath")],
                    samples=[[str(path)] for path in sorted(EXAMPLES.glob("*.jpg"))],
                    label="Examples", elem_id="examples",
                )  # fmt: skip
        self.looked = html("looked", filled=True)


class ManyTab(FilesTab):
    """The components for many images."""

    def __init__(self) -> None:
        gr.Markdown(
            f"Up to {MAX_IMAGES} images of at most {MAX_IMAGE_BYTES // 1_000_000} MB. Their alt texts come as a "
            "table, to look at and to download.",
            elem_classes="sq-hint",
        )
        self.files = gr.File(label="Images", file_count="multiple", height=200, elem_id="files")
        downloads = {"csv": "Download CSV", "jsonl": "Download JSON lines"}
        super().__init__("Caption all", "stop-files", "caption-all", downloads)
        self.results = html("results")


class Handlers:
    """What the page does when something is clicked or chosen."""

    def __init__(self, api: API, head: PageHead, photo: PhotoTab, many: ManyTab) -> None:
        self.api, self._head, self._photo, self._many = api, head, photo, many
        self.runs = LatestRun()
        self.many_run = FilesRun(many, {many.results: ""})

    def on_load(self) -> Updates:
        """Fill a page that was just opened."""
        return self._head.updates(self.api.load, self.api.captioner)

    @latest
    def show_caption(
        self, request: gr.Request, image: str | None, beam_size: int, length_penalty: float, n_best: int
    ) -> Steps:
        """Caption the photo on the page, and then show where the model looked."""
        tab = self._photo
        if not image:
            yield {tab.text: "", tab.status: "There is no photo yet.", tab.looked: ""}
            return
        yield {tab.status: "Looking …", tab.looked: ""}
        try:
            self.api.captioner()  # Loading is not looking: the time shown leaves it out.
            started = time.perf_counter()
            photo, caption = self.api.caption_photo(image, SearchSettings(beam_size, length_penalty, n_best))
        except Exception:  # A message of its own says why.
            yield {tab.text: "", tab.status: "Not captioned."}
            raise
        status = f"{views.sureness(caption)}, in {time.perf_counter() - started:.2f} s"
        looked = views.gallery(photo, caption) + ranking([caption, *caption.alternatives], "Caption")
        yield {tab.text: caption.text, tab.status: status, tab.looked: looked}

    def clear(self, request: gr.Request) -> Updates:
        """What the page shows of a photo that was taken away."""
        self.runs.end(visitor(request))
        return {self._photo.text: "", self._photo.status: "", self._photo.looked: ""}

    def show_files(
        self, request: gr.Request, files: Sequence[str] | None, beam_size: int, length_penalty: float
    ) -> Steps:
        """Caption uploaded files, while a bar grows."""
        yield from self.many_run.start(request, self._files(files, beam_size, length_penalty), key=files)

    def _files(self, files: Sequence[str] | None, beam_size: int, length_penalty: float) -> Steps:
        lines: list[Line] = []

        def show(progress: Progress[Line]) -> Updates:
            lines.extend(progress.results)
            return {self._many.results: views.table(lines) if lines else ""}

        work = caption_files(self.api.captioner(), files or (), SearchSettings(beam_size, length_penalty))
        yield from self.many_run.follow(work, "image", "Captions", show=show)
