"""What happens on the captioner's page."""

import time
from collections.abc import Generator, Iterator, Sequence
from typing import Any, TypeAlias

import gradio as gr

from apps.captioner import details
from apps.captioner.api import Answers, check_settings
from apps.captioner.files import Line, caption_files
from apps.server.models import load_error_html
from apps.ui.layout import heading
from apps.ui.progress import progress_bar
from apps.ui.runs import Turns, visitor
from seqcore.errors import SeqcoreError

TITLE = "Captioner"
ABOUT = "A convolutional network sees, a deep LSTM writes, and attention says where it looks for every word."
Steps: TypeAlias = Generator[tuple[Any, ...], None, None]
_NOTHING = ("", "", "")
_NOTHING_NEW = (gr.skip(),) * 3
_NO_FILES = ("", gr.update(visible=False, value=None), gr.update(visible=False, value=None), "",
             gr.update(interactive=False))  # fmt: skip


class PageEvents:
    """What the page does when something is clicked or chosen."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self._photos, self._many = Turns(), Turns()

    def greet(self) -> tuple[Any, ...]:
        """Fill a page that was just opened: what the model is, or why it is not there."""
        try:
            self.answers.captioner()
        except SeqcoreError as error:
            return gr.skip(), gr.update(value=load_error_html(error), visible=True)
        return heading(TITLE, self.answers.load.about() or ABOUT), gr.update(visible=False)

    def show_caption(
        self, request: gr.Request, image: str | None, beam_size: int, penalty: float, n_best: int
    ) -> Iterator[tuple[Any, ...]]:
        """Caption the photo on the page, and then show where the model looked."""
        steps = self._caption(image, beam_size, penalty, n_best)
        yield from self._photos.run(visitor(request), steps, _NOTHING_NEW)

    def _caption(self, image: str | None, beam_size: int, penalty: float, n_best: int) -> Steps:
        from seqcore.media.images import open_image

        if not image:
            yield "", "There is no photo yet.", ""
            return
        yield gr.skip(), "Looking …", ""
        try:
            self.answers.captioner()  # loading is not looking: the time shown leaves it out
            started = time.perf_counter()
            found = self.answers.found(image, beam_size, penalty, min(n_best, beam_size))
        except Exception:  # why, a message of its own says
            yield "", "Not captioned.", ""
            raise
        told = f"{details.sureness(found)}, in {time.perf_counter() - started:.2f} s"
        yield found.text, told, details.gallery(open_image(image), found) + details.alternatives(found)

    def clear(self, request: gr.Request) -> tuple[Any, ...]:
        """What the page shows of a photo that was taken away."""
        self._photos.end(visitor(request))
        return _NOTHING

    def show_files(
        self, request: gr.Request, files: Sequence[str] | None, beam_size: int, penalty: float
    ) -> Iterator[tuple[Any, ...]]:
        """Caption uploaded files, while a bar grows."""
        steps = self._files(files, beam_size, penalty)
        yield from self._many.run(visitor(request), steps, (gr.skip(),) * 5, of=files)

    def stop_files(self, request: gr.Request) -> tuple[Any, ...]:
        """End what runs; nothing of it is offered."""
        self._many.end(visitor(request))
        return _NO_FILES

    def choose_files(self, request: gr.Request, files: Sequence[str] | None) -> tuple[Any, ...]:
        """Files were chosen, or taken away: end what runs of others. Who was quick runs them already."""
        return _NO_FILES if self._many.end(visitor(request), unless=files) else (gr.skip(),) * 5

    def _files(self, files: Sequence[str] | None, beam_size: int, penalty: float) -> Steps:
        yield *_NO_FILES[:4], gr.update(interactive=True)
        try:
            check_settings(beam_size, penalty, 1)
            captioner = self.answers.captioner()
            started = time.perf_counter()
            lines: list[Line] = []
            for at in caption_files(captioner, files or (), int(beam_size), float(penalty)):
                lines += at.lines
                over = bool(at.files)
                bar = progress_bar(at.done, at.whole, time.perf_counter() - started, "image", "Captions", over=over)
                if over:
                    shown = [gr.update(value=path, visible=True) for path in at.files]
                    yield bar, *shown, details.table(lines), gr.update(interactive=False)
                else:
                    yield bar, gr.skip(), gr.skip(), details.table(lines) if lines else "", gr.skip()
        except Exception:
            yield _NO_FILES
            raise
