"""The parts of the translator's page, and what happens on them."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from apps.page import PageHead
from apps.translator import files, languages
from apps.translator.api import API
from apps.translator.languages import AUTO, name
from apps.translator.settings import MAX_TEXT_CHARS, Settings
from apps.translator.views import look_closer, sentences, titles
from apps.ui.files_tab import FilesRun, FilesTab
from apps.ui.layout import Steps, Updates, html
from apps.ui.runs import LatestRun, latest, visitor

if TYPE_CHECKING:
    from seqcore.tasks.translation import Translation

_SHOW_SECONDS = 0.05  # The eye sees no faster changes, and every one is a message to the browser.
_ON, _OFF = gr.update(interactive=True), gr.update(interactive=False)


class Languages:
    """The two lists of languages, and the button between them."""

    def __init__(self) -> None:
        with gr.Row(equal_height=True, elem_classes="sq-languages"):
            choices = [(languages.DETECT, AUTO)]
            self.source = gr.Dropdown(choices, value=AUTO, label="From", min_width=110, scale=6, elem_id="from")
            self.swap = gr.Button("⇄", min_width=48, scale=0, elem_id="swap")
            self.target = gr.Dropdown([("German", "de")], value="de", label="To", min_width=110, scale=5, elem_id="to")


class TextTab:
    """The components for a text; `results` are the sentences that can be looked at more closely."""

    def __init__(self) -> None:
        look: dict[str, Any] = {"lines": 6, "max_lines": 18, "min_width": 280, "elem_classes": "sq-text"}
        hint = f"Type or paste up to {MAX_TEXT_CHARS:,} characters. Shift + Enter translates."
        with gr.Row(equal_height=True):
            self.text = gr.Textbox(label="Text", placeholder=hint, elem_id="source", **look)
            self.translation = gr.Textbox(
                label="Translation", interactive=False, buttons=["copy"], elem_id="translation", **look
            )
        with gr.Row(elem_classes="sq-buttons"):
            self.clear = gr.Button("Clear", scale=1, min_width=80)
            self.stop = gr.Button("Stop", scale=1, min_width=80, interactive=False, elem_id="stop")
            self.go = gr.Button("Translate", variant="primary", scale=4, min_width=140, elem_id="go")
        self.status = gr.Markdown(elem_classes="sq-status", elem_id="status")
        self.examples = gr.Dataset(
            components=[self.text], samples=[[""]], label="Examples", visible=False, elem_id="examples"
        )
        self.results = gr.State([])
        with gr.Column(visible=False, elem_classes="sq-closer") as self.closer:
            self.sentence = gr.Dropdown([], label="A closer look at", type="index", elem_id="sentence")
            self.details = html("details")


class FileTab(FilesTab):
    """The components for a file."""

    def __init__(self) -> None:
        limit = f"{files.MAX_FILE_BYTES // 1_000_000} MB"
        hint = (
            f"A text file (.txt, UTF-8) of {limit} at most is translated line by line. "
            "Subtitles (.srt, .vtt) keep their times, Markdown (.md) its form."
        )
        gr.Markdown(hint, elem_classes="sq-hint")
        self.file = gr.File(label="Text file", file_types=[*files.KINDS], height=160, elem_id="file")
        super().__init__("Translate file", "stop-file", "translate-file", {"download": "Download"})


class Handlers:
    """What the page does when something is clicked, chosen or typed."""

    def __init__(self, api: API, head: PageHead, languages: Languages, text: TextTab, file: FileTab) -> None:
        self.api, self._head, self._languages, self._text = api, head, languages, text
        self.runs = LatestRun()
        self.file_run = FilesRun(file)

    def on_load(self) -> Updates:
        """Fill a page that was just opened: which languages its model knows, too."""
        updates = self._head.updates(self.api.load, self.api.translator)
        if self._head.heading not in updates:
            return updates
        directions = self.api.languages()
        source, target = languages.first_pair(directions)
        samples = [text for text, _ in languages.examples(directions)]
        examples = gr.Dataset(
            samples=[[text] for text in samples],
            sample_labels=[text.replace("\n", " ⏎ ") for text in samples],
            visible=bool(samples),
        )
        choices = gr.update(choices=languages.target_choices(directions), value=target)
        pair = {**self._pair(source, target), self._languages.target: choices}
        return {**updates, **pair, self._text.examples: examples}

    @latest
    def show_translation(self, request: gr.Request, text: str, source: str, target: str, *settings: Any) -> Steps:
        """Translate what is in the text box while it is watched, and then show how it came about."""
        tab = self._text
        yield {
            tab.translation: "", tab.status: "Translating …", tab.results: [],
            tab.closer: gr.update(visible=False), tab.stop: _ON,
        }  # fmt: skip
        try:
            yield from self._grow(text, source, target, Settings(*settings))
        except Exception:  # A message of its own says why.
            yield {tab.status: "Not translated.", tab.stop: _OFF}
            raise

    def _grow(self, text: str, source: str, target: str, settings: Settings) -> Steps:
        self.api.translator()  # Loading is not translating: the time shown leaves it out.
        started = shown = time.perf_counter()
        translation = None
        for translation in self.api.stream(text, source, target, settings):
            if time.perf_counter() - shown > _SHOW_SECONDS:
                yield {self._text.translation: translation.text}
                shown = time.perf_counter()
        if translation is not None:
            yield self._finished(translation, source, time.perf_counter() - started)

    def _finished(self, translation: "Translation", source: str, seconds: float) -> Updates:
        tab, results = self._text, sentences(translation)
        detected = translation.source_lang if source == AUTO and translation.text.strip() else ""
        labels = titles(results)
        return {
            tab.translation: translation.text,
            tab.status: _status(translation, len(results), seconds, bool(detected)),
            self._languages.source: self._source_choices(detected),
            tab.results: results,
            tab.closer: gr.update(visible=bool(results)),
            tab.sentence: gr.update(choices=labels, value=labels[0] if labels else None, visible=len(labels) > 1),
            tab.details: look_closer(results, 0),
            tab.stop: _OFF,
        }

    def look_closer(self, results: "Sequence[Translation]", index: int | None) -> Updates:
        """Another sentence was chosen to be looked at."""
        return {self._text.details: look_closer(results, index)}

    def stop(self, request: gr.Request) -> Updates:
        """End a translation; what there is of it stays."""
        self.runs.end(visitor(request))
        return {self._text.status: "Stopped.", self._text.stop: _OFF}

    def clear(self, request: gr.Request) -> Updates:
        """An empty page, but for its settings."""
        self.runs.end(visitor(request))
        tab = self._text
        return {
            tab.text: "", tab.translation: "", tab.status: "", tab.results: [], tab.stop: _OFF,
            tab.closer: gr.update(visible=False), self._languages.source: self._source_choices(),
        }  # fmt: skip

    def choose_source(self, source: str, target: str) -> Updates:
        """Another source was chosen: switch the target where the model does not know the pair."""
        return self._pair(source, languages.target_for(self.api.languages(), source, target))

    def choose_target(self, source: str, target: str) -> Updates:
        """Another target was chosen: switch the source where the model does not know the pair."""
        return self._pair(languages.source_for(self.api.languages(), source, target), target)

    def swap(self, source: str, target: str, text: str, translation: str, results: "Sequence[Translation]") -> Updates:
        """Turn the languages round, and put the translation where the text was. A detected language is the source."""
        read = results[0].source_lang if source == AUTO and results else source
        pair = languages.reversed_pair(self.api.languages(), read, target)
        if pair is None:
            gr.Warning(f"This model does not translate from {name(target)} to {name(read)}.")
            return {self._text.text: text}
        return {**self._pair(*pair), self._text.text: translation or text}

    def choose_example(self, sample: Sequence[str], target: str) -> Updates:
        """Put an example in the text box, with a target that is another language than its own."""
        directions = self.api.languages()
        language = dict(languages.examples(directions)).get(sample[0], AUTO)
        target = languages.target_for(directions, language, target)
        return {**self._pair(languages.first_pair(directions)[0], target), self._text.text: sample[0]}

    def _pair(self, source: str, target: str) -> Updates:
        """What both lists of languages and the button between them show of a pair."""
        swappable = languages.reversed_pair(self.api.languages(), source, target) is not None
        return {
            self._languages.source: {**self._source_choices(), "value": source},
            self._languages.target: gr.update(value=target),
            self._languages.swap: gr.update(interactive=swappable),
        }

    def _source_choices(self, detected: str = "") -> Updates:
        return gr.update(choices=languages.source_choices(self.api.languages(), detected))

    def show_file(self, request: gr.Request, file: str | None, source: str, target: str, *settings: Any) -> Steps:
        """Translate an uploaded file while a bar grows, and offer the result once it is complete."""
        yield from self.file_run.start(request, self._translate_file(file, source, target, *settings), key=file)

    def _translate_file(self, file: str | None, source: str, target: str, *settings: Any) -> Steps:
        work = files.translate_file(self.api.translator(), file, source, target, Settings(*settings))
        yield from self.file_run.follow(work, "line", "Lines translated")


def _status(translation: "Translation", count: int, seconds: float, detected: bool) -> str:
    """How many sentences took how long."""
    if not translation.text.strip():
        return ""
    if detected and translation.source_lang == translation.target_lang:
        return f"The text is in {name(translation.target_lang)} already."
    status = f"{count} sentence{'s' * (count != 1)} in {seconds:.2f} s"
    return f"{status}, {name(translation.source_lang)} detected" if detected else status
