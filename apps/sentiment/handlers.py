"""What happens on the sentiment classifier's page."""

import time
from collections.abc import Generator, Iterator
from concurrent.futures import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import gradio as gr

from apps.sentiment import details
from apps.sentiment.api import Answers, check_band
from apps.sentiment.files import classify_table, file_of_lines
from apps.sentiment.reasons import reasons
from apps.sentiment.tables import open_table
from apps.server.models import load_error_html
from apps.ui.layout import heading
from apps.ui.progress import progress_bar
from apps.ui.runs import Turns, visitor
from seqcore.errors import SeqcoreError

if TYPE_CHECKING:
    from seqcore.tasks.sentiment import Sentiment

TITLE = "Sentiment"
ABOUT = "A deep LSTM reads a text word by word; what it remembers says how the text is meant, how surely, and why."
EXAMPLES = (
    "A warm, funny and deeply moving film. I laughed, I cried, I called my mother.",
    "Oh great, another superhero sequel. Exactly what the world was waiting for.",
    "It's not that I didn't like it; I just wouldn't call it good.",
    "The acting is superb and the pictures are a feast, but the story drags and the ending ruins everything.",
    "ok this new season?? SO good, no notes 😍 #finally",
    (
        "I went in expecting very little. The first half hour is slow, the jokes are old and the sound is poor. "
        "Twice I looked at my watch, and the man beside me was asleep.\n\n"
        "But then the daughter comes home, and from there on it is one of the finest things I have seen this year. "
        "Nothing is explained, everything is felt, and the last scene alone is worth the ticket. Stay for it."
    ),
    "Ein wunderbarer Film, den ich jedem empfehlen kann.",
)
MAX_SHOWN = 200  # rows of a table's result on the page; the file has them all
Steps: TypeAlias = Generator[tuple[Any, ...], None, None]
_NOTHING_NEW = (gr.skip(),) * 4
_NO_TABLE = ("", gr.update(visible=False, value=None), "", gr.update(interactive=False))
_LOOK_EVERY = 0.3  # seconds, whether the words are weighed, or nobody waits for them any more


class PageEvents:
    """What the page does when something is clicked, chosen or typed."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self._texts, self._tables = Turns(), Turns()

    def greet(self) -> tuple[Any, ...]:
        """Fill a page that was just opened: what the model is, or why it is not there."""
        try:
            self.answers.labels()
        except SeqcoreError as error:
            return gr.skip(), gr.update(value=load_error_html(error), visible=True)
        return heading(TITLE, self.answers.load.about() or ABOUT), gr.update(visible=False)

    def show_text(self, request: gr.Request, text: str, unsure_below: float) -> Iterator[tuple[Any, ...]]:
        """Classify what is in the text box, and then weigh its words."""
        yield from self._texts.run(visitor(request), self._text(text, unsure_below), _NOTHING_NEW)

    def _text(self, text: str, unsure_below: float) -> Steps:
        if not text.strip():
            yield "", "", "There is nothing to classify yet.", ""
            return
        yield gr.skip(), "", "Reading …", ""
        try:
            self.answers.classifier()  # loading is not reading: the time shown leaves it out
            started = time.perf_counter()
            found = self.answers.found(text, unsure_below)
        except Exception:  # why, a message of its own says
            yield "", "", "Not classified.", ""
            raise
        told = f"Read in {time.perf_counter() - started:.2f} s"
        yield details.verdict(found), gr.skip(), f"{told}, weighing each word …", text
        try:
            yield from self._weighed(text, unsure_below, told)
        except Exception:
            yield gr.skip(), "", f"{told}. Its words could not be weighed.", gr.skip()
            raise

    def _weighed(self, text: str, unsure_below: float, told: str) -> Steps:
        started = time.perf_counter()
        weighing = self.answers.weigh(text, unsure_below)
        try:
            while not wait([weighing], _LOOK_EVERY).done:
                yield _NOTHING_NEW
        finally:
            weighing.cancel()
        found = weighing.result()
        words = f"{len(found.tokens):,} word{'s' * (len(found.tokens) != 1)}"
        told = f"{words}, {told[0].lower()}{told[1:]}, explained in {time.perf_counter() - started:.1f} s"
        yield gr.skip(), reasons(found, self.answers.classifier().config.multi_label), told, gr.skip()

    def judge_again(self, text: str, unsure_below: float) -> str:
        """The verdict on the text that was classified last, with another band."""
        return details.verdict(self.answers.found(text, unsure_below)) if text else ""

    def clear(self, request: gr.Request) -> tuple[Any, ...]:
        """An empty page; the last is the text box."""
        self._texts.end(visitor(request))
        return "", "", "", "", ""

    def choose_file(self, request: gr.Request, file: str | None) -> Iterator[tuple[Any, ...]]:
        """A file was chosen, or taken away: end what runs, and offer its columns. Who was quick runs it already."""
        over = self._tables.end(visitor(request), unless=file)
        yield gr.update(choices=[], value=None, visible=False), *(_NO_TABLE if over else _NOTHING_NEW)
        if file is not None:
            table = open_table(file)
            names = list(dict.fromkeys(table.header))
            columns = gr.update(choices=names, value=table.likely_column(), visible=len(names) > 1)
            yield columns, *_NOTHING_NEW

    def show_table(
        self, request: gr.Request, file: str | None, column: str | None, lines: str, unsure_below: float
    ) -> Iterator[tuple[Any, ...]]:
        """Classify an uploaded file, or else the lines of the text box, while a bar grows."""
        steps = self._table(file, column, lines, unsure_below)
        yield from self._tables.run(visitor(request), steps, _NOTHING_NEW, of=file)

    def stop_table(self, request: gr.Request) -> tuple[Any, ...]:
        """End what runs; nothing of it is offered."""
        self._tables.end(visitor(request))
        return _NO_TABLE

    def _table(self, file: str | None, column: str | None, lines: str, unsure_below: float) -> Steps:
        yield "", gr.update(visible=False, value=None), "", gr.update(interactive=True)
        try:
            check_band(unsure_below)
            if file is not None:
                yield from self._rows(file, Path(file).name, column, unsure_below)
            else:
                with file_of_lines(lines) as path:
                    yield from self._rows(path, "", None, unsure_below)
        except Exception:
            yield _NO_TABLE
            raise

    def _rows(self, path: str, title: str, column: str | None, unsure_below: float) -> Steps:
        table, classifier = open_table(path), self.answers.classifier()
        started = time.perf_counter()
        shown: list[tuple[str, Sentiment]] = []
        for at in classify_table(classifier, table, column, unsure_below):
            shown += at.results[: MAX_SHOWN - len(shown)]
            seconds, over = time.perf_counter() - started, at.path is not None
            bar = progress_bar(at.rows, at.all_rows, seconds, "text", "Texts classified", title, over)
            if at.path:
                more = f'<p class="sq-more">The first {MAX_SHOWN} of {at.all_rows:,}; the file has them all.</p>'
                listed = details.table(shown) + more * (at.all_rows > len(shown))
                button = gr.update(value=at.path, label=f"Download {Path(at.path).name}", visible=True)
                yield bar, button, listed, gr.update(interactive=False)
            else:
                yield bar, gr.skip(), gr.skip(), gr.skip()
