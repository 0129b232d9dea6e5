"""What the translator's page and its endpoints answer with."""

import time
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from apps.figures import LONGEST_AXIS, attention_figure, confidence_strip, ranking, svg
from apps.launch import LazyTask, trouble
from seqcore.errors import CheckpointError, InputError, SeqcoreError

if TYPE_CHECKING:
    from seqcore.tasks.translation import Translation, Translator

LONGEST_TEXT = 5_000
WIDEST_BEAM = 10
MOST_ALTERNATIVES = 5
LANGUAGES = {"cs": "Czech", "de": "German", "en": "English", "fr": "French"}
ABOUT = "One deep LSTM reads a sentence, another writes it in the other language and looks back at what was read."


class Answers:
    """What the page and its endpoints answer with; it keeps nothing but the way to the task."""

    def __init__(self, load: "LazyTask[Translator]") -> None:
        self.load = load

    def greet(self) -> tuple[Any, ...]:
        """Fill a page that was just opened: what the model is, which directions it knows, or why it is not there."""
        try:
            directions = list(self._translator().config.directions)
        except SeqcoreError as error:
            return gr.skip(), gr.update(value=trouble(error), visible=True), gr.skip(), gr.skip(), gr.skip()
        choices = [(" → ".join(_language_names(direction)), direction) for direction in directions]
        chosen = "en-de" if "en-de" in directions else directions[0]
        dropdown = gr.update(choices=choices, value=chosen, visible=len(choices) > 1)
        return heading(self.load.about()), gr.update(visible=False), dropdown, *box_labels(chosen)

    def to_page(self, text: str, direction: str, beam_size: int, length_penalty: float) -> tuple[Any, ...]:
        """Translate what is in the text box, and show the first sentence's details."""
        source, target = direction.split("-")
        self._translator()  # loading is not translating: the time shown leaves it out
        started = time.perf_counter()
        results = self._translate(text, source, target, beam_size, length_penalty, min(beam_size, MOST_ALTERNATIVES))
        seconds = time.perf_counter() - started
        sentences = [
            (f"{number}. {line.strip()[:80]}", result)
            for number, (line, result) in enumerate(zip(_lines(text), results, strict=True), start=1)
            if result.tokens
        ]
        joined = _joined(results)
        if not sentences:
            return joined, "", [], gr.update(visible=False), gr.update(choices=[], value=None), ""
        labels = [label for label, _ in sentences]
        counted = "1 sentence" if len(labels) == 1 else f"{len(labels)} sentences"
        found = [result for _, result in sentences]
        return (
            joined,
            f"{counted} in {seconds:.2f} s",
            found,
            gr.update(visible=True),
            gr.update(choices=labels, value=labels[0], visible=len(labels) > 1),
            look_closer(found, 0),
        )

    def translate(
        self, text: str, source: str = "en", target: str = "de", beam_size: int = 5, length_penalty: float = 1.0
    ) -> str:
        """Translate a text, one sentence a line; every line of the answer belongs to the same line of the text.

        Args:
            text: what to translate, 5,000 characters at most.
            source: the language of the text, a code such as en.
            target: the language to translate into, a code such as de.
            beam_size: how many translations are followed at once, 1 to 10.
            length_penalty: above 0 makes up for the lower probability of long translations, 0 to 2.

        Returns:
            The translation.
        """
        return _joined(self._translate(text, source, target, beam_size, length_penalty, 1))

    def explain(
        self, sentence: str, source: str = "en", target: str = "de", beam_size: int = 5, length_penalty: float = 1.0
    ) -> dict[str, Any]:
        """Translate one sentence and tell how the translation came about.

        Args:
            sentence: what to translate, 5,000 characters at most.
            source: the language of the sentence, a code such as en.
            target: the language to translate into, a code such as de.
            beam_size: how many translations are followed at once, 1 to 10.
            length_penalty: above 0 makes up for the lower probability of long translations, 0 to 2.

        Returns:
            text, score, tokens, token_probabilities, source_tokens, attention (tokens × source tokens), alternatives.
        """
        widest = beam_size if isinstance(beam_size, int) else 1
        line = " ".join(sentence.splitlines()) if isinstance(sentence, str) else sentence
        (found,) = self._translate(line, source, target, beam_size, length_penalty, min(widest, MOST_ALTERNATIVES))
        return {
            "text": found.text,
            "score": found.score,
            "tokens": list(found.tokens),
            "token_probabilities": list(found.token_probabilities),
            "source_tokens": list(found.source_tokens),
            "attention": found.attention.tolist(),
            "alternatives": [{"text": other.text, "score": other.score} for other in found.alternatives],
        }

    def _translator(self) -> "Translator":
        task = self.load()
        if not hasattr(task, "translate"):
            raise CheckpointError(f"{self.load.checkpoint} holds no translator: choose another with --checkpoint")
        return task

    def _translate(
        self, text: str, source: str, target: str, beam_size: int, length_penalty: float, n_best: int
    ) -> "list[Translation]":
        if not isinstance(text, str) or not isinstance(source, str) or not isinstance(target, str):
            raise InputError("The text and both languages must be strings.")
        if len(text) > LONGEST_TEXT:
            raise InputError(
                f"The text has {len(text):,} characters, and this page takes {LONGEST_TEXT:,} at a time. "
                "Translate it in parts, or a whole file with: seqcore predict checkpoints/translator FILE"
            )
        _check_number(beam_size, "Beam size", 1, WIDEST_BEAM, whole=True)
        _check_number(length_penalty, "Length penalty", 0, 2)
        return self._translator().translate(
            _lines(text),
            source=source,
            target=target,
            beam_size=beam_size,
            n_best=n_best,
            length_penalty=length_penalty,
        )


def look_closer(results: "Sequence[Translation]", index: int | None) -> str:
    """The details of one sentence as HTML."""
    if index is None or not 0 <= index < len(results):
        return ""
    found = results[index]
    description = f"Attention heat map from “{found.text}” to its source"
    picture = svg(attention_figure(found.source_tokens, found.tokens, found.attention), description)
    looked = "A row for each piece written; the deeper the colour, the more attention."
    if max(len(found.tokens), len(found.source_tokens)) > LONGEST_AXIS:
        looked += f" Of this long sentence, the first {LONGEST_AXIS} pieces."
    parts = [
        _part("How sure it was", "Per cent for each piece of a word; the deeper the shade, the more doubt."),
        confidence_strip(found.tokens, found.token_probabilities),
        _part("Where it looked", looked),
        f'<div class="sq-scroll" tabindex="0">{picture}</div>',
    ]
    ranked = [found, *found.alternatives]
    if len(ranked) > 1:
        parts += [
            _part("The best it found", "Scores are log-probabilities for the length: the nearer to 0, the better."),
            ranking([other.text for other in ranked], [other.score for other in ranked]),
        ]
    return "".join(parts)


def _part(title: str, note: str) -> str:
    return f'<div class="sq-note"><h3>{title}</h3><p>{note}</p></div>'


def heading(about: str) -> str:
    return f'<div class="sq-head"><h1>Translator</h1><p>{escape(about or ABOUT)}</p></div>'


def _lines(text: str) -> list[str]:
    """Lines as a person sees them: the rarer separators that `splitlines` knows stay inside a line."""
    return [line.strip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]


def _joined(results: "Sequence[Translation]") -> str:
    return "\n".join(result.text for result in results)


def _language_names(direction: str) -> list[str]:
    return [LANGUAGES.get(code, code) for code in direction.split("-")]


def box_labels(direction: str) -> tuple[Any, Any]:
    source, target = _language_names(direction)
    return gr.update(label=source), gr.update(label=target)


def cleared() -> tuple[Any, ...]:
    return "", "", "", [], gr.update(visible=False), gr.update(choices=[], value=None), ""


def _check_number(value: object, name: str, least: float, most: float, whole: bool = False) -> None:
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= most:
        raise InputError(f"{name} must be a {'whole ' if whole else ''}number from {least} to {most}, not {value!r}.")
