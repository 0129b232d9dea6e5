"""What happens on the sentiment classifier's page."""

import time
from collections.abc import Generator, Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import gradio as gr

from apps.launch import trouble
from apps.sentiment import details, files
from apps.sentiment.answers import Answers, check_band
from apps.turns import Turns
from seqcore.errors import InputError, SeqcoreError

if TYPE_CHECKING:
    from seqcore.tasks.sentiment import Sentiment

ABOUT = "A deep LSTM reads a text from left to right; what it remembers says whether the text is for or against."
EXAMPLES = (
    "A warm, funny and deeply moving film. I laughed, I cried, I called my mother.",
    "Two hours of my life that I will never get back.",
    "It's not that I didn't like it; I just wouldn't call it good.",
    "Oh great, another superhero sequel. Exactly what the world was waiting for.",
    "The acting is superb and the pictures are a feast, but the story drags and the ending ruins everything.",
    "meh",
    (
        "I went in expecting very little. The first half hour is slow, the jokes are old and the sound is poor.\n"
        "But then the daughter comes home, and from there on it is one of the finest things I have seen this year. "
        "Stay for the last scene."
    ),
    "Ein wunderbarer Film, den ich jedem empfehlen kann.",
)
Steps: TypeAlias = Generator[tuple[Any, ...], None, None]
MOST_SHOWN = 200  # rows of a file's result on the page; the file has them all


def heading(about: str) -> str:
    """The head of the page as HTML."""
    return f'<div class="sq-head"><h1>Sentiment</h1><p>{escape(about or ABOUT)}</p></div>'


class PageEvents:
    """What the page does when something is clicked, chosen or typed."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self._texts, self._files = Turns(), Turns()

    def greet(self) -> tuple[Any, ...]:
        """Fill a page that was just opened: what the model is, or why it is not there."""
        try:
            self.answers.labels()
        except SeqcoreError as error:
            return gr.skip(), gr.update(value=trouble(error), visible=True)
        return heading(self.answers.load.about()), gr.update(visible=False)

    def show_text(self, request: gr.Request, text: str, unsure_below: float) -> Iterator[tuple[Any, ...]]:
        """Classify what is in the text box, and then weigh its words."""
        yield from self._texts.run(_visitor(request), self._text(text, unsure_below), (gr.skip(),) * 3)

    def _text(self, text: str, unsure_below: float) -> Steps:
        if not text.strip():
            yield "", "", "There is nothing to classify yet."
            return
        self.answers.classifier()  # loading is not reading: the time shown leaves it out
        started = time.perf_counter()
        found = self.answers.found(text, unsure_below)
        seconds = time.perf_counter() - started
        yield details.verdict(found), "", f"Read in {seconds:.2f} s; now weighing each word …"
        explained = self.answers.explained(text, unsure_below)
        labels = self.answers.labels()
        yield gr.skip(), details.words(explained) + details.chart(explained, labels), _status(explained, seconds)

    def clear(self, request: gr.Request) -> tuple[Any, ...]:
        """An empty page; the last is the text box."""
        self._texts.end(_visitor(request))
        return "", "", "", ""

    def choose_file(self, request: gr.Request, file: str | None) -> tuple[Any, ...]:
        """A file was chosen, or taken away: offer its columns, and end what runs."""
        self._files.end(_visitor(request))
        names: list[str] = []
        if file is not None:
            names = files.columns(file)
        likely = next((name for name in names if name.lower() in {"text", "review", "sentence", "comment"}), None)
        several = len(names) > 1
        chosen = likely or (names[0] if names else None)
        return gr.update(choices=names, value=chosen, visible=several), *_no_results()

    def show_file(
        self, request: gr.Request, file: str | None, column: str | None, lines: str, unsure_below: float
    ) -> Iterator[tuple[Any, ...]]:
        """Classify an uploaded file, or else the lines of the text box, while a bar grows."""
        steps = self._many(file, column, lines, unsure_below)
        yield from self._files.run(_visitor(request), steps, (gr.skip(),) * 4)

    def stop_file(self, request: gr.Request) -> tuple[Any, ...]:
        """End what runs; nothing of it is offered."""
        self._files.end(_visitor(request))
        return _no_results()

    def _many(self, file: str | None, column: str | None, lines: str, unsure_below: float) -> Steps:
        check_band(unsure_below)
        yield "", gr.update(visible=False, value=None), "", gr.update(interactive=True)
        try:
            if file is not None:
                yield from self._rows(files.classify_file(self.answers.classifier(), file, column, unsure_below))
            elif lines.strip():
                with files.of_lines(lines) as path:
                    yield from self._rows(files.classify_file(self.answers.classifier(), path, None, unsure_below))
            else:
                raise InputError("Write texts, one a line, or choose a file first.")
        except Exception:
            yield _no_results()
            raise

    def _rows(self, steps: Iterator[files.Progress]) -> Steps:
        started = time.perf_counter()
        shown: list[tuple[str, Sentiment]] = []
        for at in steps:
            shown += at.results[: MOST_SHOWN - len(shown)]
            bar = progress_bar(at, time.perf_counter() - started)
            if at.path:
                more = f"<p>The first {MOST_SHOWN} of {at.all_rows:,}; the file has them all.</p>"
                listed = details.table(shown) + more * (at.all_rows > len(shown))
                button = gr.update(value=at.path, label=f"Download {Path(at.path).name}", visible=True)
                yield bar, button, listed, gr.update(interactive=False)
            else:
                yield bar, gr.skip(), gr.skip(), gr.skip()


def progress_bar(at: files.Progress, seconds: float) -> str:
    """How far a file is, as HTML."""
    told = f"{at.rows:,} of {at.all_rows:,} texts"
    if at.path:
        told = f"{at.all_rows:,} text{'s' * (at.all_rows != 1)} in {seconds:.1f} s"
    elif at.rows:
        told += f", about {seconds / at.rows * (at.all_rows - at.rows):.0f} s left"
    bar = f'<progress value="{at.rows}" max="{at.all_rows}" aria-label="Texts classified"></progress>'
    return f'<div class="sq-progress">{bar}<p>{told}</p></div>'


def _no_results() -> tuple[Any, ...]:
    return "", gr.update(visible=False, value=None), "", gr.update(interactive=False)


def _status(found: "Sentiment", seconds: float) -> str:
    return f"{len(found.tokens):,} word{'s' * (len(found.tokens) != 1)} in {seconds:.2f} s"


def _visitor(request: gr.Request) -> str:
    return request.session_hash or ""
