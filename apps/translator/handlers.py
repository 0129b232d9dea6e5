"""What happens on the translator's page."""

import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import gradio as gr

from apps.server.models import load_error_html
from apps.translator import files, languages
from apps.translator.api import Answers
from apps.translator.details import look_closer, sentences, titles
from apps.translator.languages import AUTO, name
from apps.translator.settings import Settings
from apps.ui.layout import heading
from apps.ui.progress import progress_bar
from apps.ui.runs import Turns, visitor
from seqcore.errors import SeqcoreError

if TYPE_CHECKING:
    from seqcore.tasks.translation import Translation

TITLE = "Translator"
ABOUT = "One deep LSTM reads a sentence, another writes it in the other language and looks back at what was read."
Steps: TypeAlias = Generator[tuple[Any, ...], None, None]
_NO_FILE = ("", gr.update(visible=False, value=None), gr.update(interactive=False))
_SHOWN_EVERY = 0.05  # seconds: the eye sees no more, and every change is a message to the browser


def changes(
    translation: Any = None,
    status: Any = None,
    source: Any = None,
    results: Any = None,
    closer: Any = None,
    which: Any = None,
    details: Any = None,
    stop: Any = None,
) -> tuple[Any, ...]:
    """What to change on the page, in the order of its outputs; what is not named stays."""
    values = (translation, status, source, results, closer, which, details, stop)
    return tuple(gr.skip() if value is None else value for value in values)


class PageEvents:
    """What the page does when something is clicked, chosen or typed."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self._texts, self._files = Turns(), Turns()

    def greet(self) -> tuple[Any, ...]:
        """Fill a page that was just opened: what the model is and which languages it knows, or why it is not there."""
        try:
            directions = self.answers.languages()
        except SeqcoreError as error:
            return gr.skip(), gr.update(value=load_error_html(error), visible=True), *[gr.skip()] * 4
        source, target = languages.first_pair(directions)
        samples = [text for text, _ in languages.examples(directions)]
        return (
            heading(TITLE, self.answers.load.about() or ABOUT),
            gr.update(visible=False),
            gr.update(choices=languages.source_choices(directions), value=source),
            gr.update(choices=languages.target_choices(directions), value=target),
            gr.update(interactive=languages.turned(directions, source, target) is not None),
            gr.Dataset(
                samples=[[text] for text in samples],
                sample_labels=[text.replace("\n", " ⏎ ") for text in samples],
                visible=bool(samples),
            ),
        )

    def show_translation(
        self, request: gr.Request, text: str, source: str, target: str, *settings: Any
    ) -> Iterator[tuple[Any, ...]]:
        """Translate what is in the text box while it is watched, and then show how it came about."""
        steps = self._translation(text, source, target, *settings)
        yield from self._texts.run(visitor(request), steps, changes())

    def _translation(self, text: str, source: str, target: str, *settings: Any) -> Steps:
        yield changes(
            "", "Translating …", results=[], closer=gr.update(visible=False), stop=gr.update(interactive=True)
        )
        try:
            yield from self._growing(text, source, target, Settings(*settings))
        except Exception:  # why, a message of its own says
            yield changes(status="Not translated.", stop=gr.update(interactive=False))
            raise

    def _growing(self, text: str, source: str, target: str, settings: Settings) -> Steps:
        self.answers.translator()  # loading is not translating: the time shown leaves it out
        started = shown = time.perf_counter()
        found = None
        for found in self.answers.stream(text, source, target, settings):
            if time.perf_counter() - shown > _SHOWN_EVERY:
                yield changes(found.text)
                shown = time.perf_counter()
        if found is not None:
            yield self._finished(found, source, time.perf_counter() - started)

    def _finished(self, found: "Translation", source: str, seconds: float) -> tuple[Any, ...]:
        written = sentences(found)
        detected = found.source_lang if source == AUTO and found.text.strip() else ""
        labels = titles(written)
        return changes(
            found.text,
            _status(found, len(written), seconds, bool(detected)),
            gr.update(choices=languages.source_choices(self.answers.languages(), detected)),
            written,
            gr.update(visible=bool(written)),
            gr.update(choices=labels, value=labels[0] if labels else None, visible=len(labels) > 1),
            look_closer(written, 0),
            gr.update(interactive=False),
        )

    def stop(self, request: gr.Request) -> tuple[Any, ...]:
        """End a translation; what there is of it stays."""
        self._texts.end(visitor(request))
        return changes(status="Stopped.", stop=gr.update(interactive=False))

    def clear(self, request: gr.Request) -> tuple[Any, ...]:
        """An empty page, but for its settings; the last is the text box."""
        self._texts.end(visitor(request))
        source = gr.update(choices=languages.source_choices(self.answers.languages()))
        return *changes("", "", source, [], gr.update(visible=False), stop=gr.update(interactive=False)), ""

    def choose_source(self, source: str, target: str) -> tuple[Any, ...]:
        """Another source was chosen: switch the target where the model does not know the pair."""
        return self._pair(source, languages.target_for(self.answers.languages(), source, target))

    def choose_target(self, source: str, target: str) -> tuple[Any, ...]:
        """Another target was chosen: switch the source where the model does not know the pair."""
        return self._pair(languages.source_for(self.answers.languages(), source, target), target)

    def swap(
        self, source: str, target: str, text: str, translation: str, results: "Sequence[Translation]"
    ) -> tuple[Any, ...]:
        """Turn the languages round, and put the translation where the text was. A detected language is the source."""
        directions = self.answers.languages()
        read = results[0].source_lang if source == AUTO and results else source
        pair = languages.turned(directions, read, target)
        if pair is None:
            gr.Warning(f"This model does not translate from {name(target)} to {name(read)}.")
            return *[gr.skip()] * 3, text
        return *self._pair(*pair), translation or text

    def choose_example(self, sample: Sequence[str], target: str) -> tuple[Any, ...]:
        """Put an example in the text box, with a target that is another language than its own."""
        directions = self.answers.languages()
        language = dict(languages.examples(directions)).get(sample[0], AUTO)
        target = languages.target_for(directions, language, target)
        return *self._pair(languages.first_pair(directions)[0], target), sample[0]

    def _pair(self, source: str, target: str) -> tuple[Any, ...]:
        """Updates of the two lists of languages and of the button between them."""
        directions = self.answers.languages()
        return (
            gr.update(choices=languages.source_choices(directions), value=source),
            gr.update(value=target),
            gr.update(interactive=languages.turned(directions, source, target) is not None),
        )

    def stop_file(self, request: gr.Request) -> tuple[Any, ...]:
        """End what runs; nothing of it is offered."""
        self._files.end(visitor(request))
        return _NO_FILE

    def choose_file(self, request: gr.Request, file: str | None) -> tuple[Any, ...]:
        """A file was chosen, or taken away: end what runs of another. Who was quick runs it already."""
        return _NO_FILE if self._files.end(visitor(request), unless=file) else (gr.skip(),) * 3

    def show_file(
        self, request: gr.Request, file: str | None, source: str, target: str, *settings: Any
    ) -> Iterator[tuple[Any, ...]]:
        """Translate an uploaded file while a bar grows, and offer the result once it is complete."""
        steps = self._file(file, source, target, *settings)
        yield from self._files.run(visitor(request), steps, (gr.skip(),) * 3, of=file)

    def _file(self, file: str | None, source: str, target: str, *settings: Any) -> Steps:
        yield "", gr.update(visible=False, value=None), gr.update(interactive=True)
        try:
            yield from self._bars(file, source, target, Settings(*settings))
        except Exception:
            yield _NO_FILE
            raise

    def _bars(self, file: str | None, source: str, target: str, settings: Settings) -> Steps:
        translator = self.answers.translator()
        started = time.perf_counter()
        for at in files.translate_file(translator, file, source, target, settings):
            seconds = time.perf_counter() - started
            bar = progress_bar(at.lines, at.all_lines, seconds, "line", "Lines translated", over=at.path is not None)
            if at.path:
                label = f"Download {Path(at.path).name}"
                yield bar, gr.update(value=at.path, label=label, visible=True), gr.update(interactive=False)
            else:
                yield bar, gr.skip(), gr.skip()


def _status(found: "Translation", written: int, seconds: float, detected: bool) -> str:
    if not found.text.strip():
        return ""
    if detected and found.source_lang == found.target_lang:
        return f"The text is in {name(found.target_lang)} already."
    told = f"{written} sentence{'s' * (written != 1)} in {seconds:.2f} s"
    return f"{told}, {name(found.source_lang)} detected" if detected else told
