"""What the translator's endpoints answer with."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
from typing_extensions import TypedDict

from apps.server.batching import Batcher
from apps.server.models import LazyTask
from apps.translator import files
from apps.translator.languages import AUTO
from apps.translator.settings import Settings, check_request
from apps.translator.views import sentences
from apps.ui.search import BEAM, N_BEST, PENALTY, BeamSize, LengthPenalty

if TYPE_CHECKING:
    from seqcore.tasks.translation import Translation, Translator


class Scored(TypedDict):
    """A text, and the mean log-probability of its pieces."""

    text: str
    score: float


class ExplainedSentence(Scored):
    """How a translation came about."""

    tokens: list[str]
    token_probabilities: list[float]
    source_tokens: list[str]
    attention: list[list[float]]
    alternatives: list[Scored]


class ExplainedTranslation(ExplainedSentence):
    """What `/explain_translation` gives."""

    source: str
    target: str
    sentences: list[ExplainedSentence]


class API:
    """The endpoints; concurrent calls are worked on together."""

    def __init__(self, load: "LazyTask[Translator]") -> None:
        self.load = load
        self._batcher: Batcher[tuple[str, str, str], Translation] = Batcher(self._translate_all)

    def translator(self) -> "Translator":
        """The task. Raises `CheckpointError` when there is none, or one of another kind."""
        return self.load.require("translate", "translator")

    def languages(self) -> list[str]:
        """Tell which directions the model translates in.

        Returns:
            pairs of language codes, such as en-de for English to German.
        """
        return list(self.translator().config.directions)

    def translate(
        self,
        text: str,
        source: str = AUTO,
        target: str = "de",
        beam_size: BeamSize = BEAM,
        length_penalty: LengthPenalty = PENALTY,
    ) -> str:
        """Translate a text of any number of lines and sentences; its line breaks stay where they are.

        Args:
            text: what to translate, 5,000 characters at most.
            source: the language of the text, a code such as en (see languages); auto, the default, detects it.
            target: the language to translate into, a code such as de, which is the default.
            beam_size: how many translations are followed at once, 1 to 10, by default 5.
            length_penalty: 0 to 2, by default 1; above 0 makes up for the lower probability of long translations.

        Returns:
            the text in the other language.
        """
        return self._translation(text, source, target, Settings(beam_size, length_penalty)).text

    def translate_stream(
        self,
        text: str,
        source: str = AUTO,
        target: str = "de",
        beam_size: BeamSize = BEAM,
        length_penalty: LengthPenalty = PENALTY,
    ) -> Iterator[str]:
        """Translate a text and give the translation so far again and again while it grows; the last one is complete.

        Args:
            text: what to translate, 5,000 characters at most.
            source: the language of the text, a code such as en (see languages); auto, the default, detects it.
            target: the language to translate into, a code such as de, which is the default.
            beam_size: how many translations are followed at once, 1 to 10, by default 5.
            length_penalty: 0 to 2, by default 1; above 0 makes up for the lower probability of long translations.

        Returns:
            the translation so far; its end may still change, until the last one.
        """
        before = None
        for translation in self.stream(text, source, target, Settings(beam_size, length_penalty)):
            if translation.text != before:
                before = translation.text
                yield before

    def explain_translation(
        self,
        text: str,
        source: str = AUTO,
        target: str = "de",
        beam_size: BeamSize = BEAM,
        length_penalty: LengthPenalty = PENALTY,
        n_best: BeamSize = N_BEST,
    ) -> ExplainedTranslation:
        """Translate a text and tell how the translation of each of its sentences came about.

        Args:
            text: what to translate, 5,000 characters at most.
            source: the language of the text, a code such as en (see languages); auto, the default, detects it.
            target: the language to translate into, a code such as de, which is the default.
            beam_size: how many translations are followed at once, 1 to 10, by default 5.
            length_penalty: 0 to 2, by default 1; above 0 makes up for the lower probability of long translations.
            n_best: how many translations of a sentence to give, itself included, from 1 to beam_size, by default 3.

        Returns:
            text is the translation, score the mean log-probability of its tokens, source and target are the languages,
            tokens the pieces of words of the translation and token_probabilities how likely each was, source_tokens the
            pieces of the text, attention how much each token looked at each of these, and alternatives the other
            translations, each with text and score. Of several sentences, each has these in sentences, and attention
            stands only there.
        """
        translation = self._translation(text, source, target, Settings(beam_size, length_penalty, n_best))
        parts = [_explained(sentence) for sentence in sentences(translation)] if translation.sentences else []
        whole = _explained(translation)
        if parts:
            whole["attention"] = []
        return {**whole, "source": translation.source_lang, "target": translation.target_lang, "sentences": parts}

    def translate_file(
        self,
        file: str | None,
        source: str = AUTO,
        target: str = "de",
        beam_size: BeamSize = BEAM,
        length_penalty: LengthPenalty = PENALTY,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Iterator[str]:
        """Translate text, subtitles or Markdown; line k of the translated file belongs to line k of the text file.

        Subtitles keep their times and settings, Markdown its code, addresses and form.

        Args:
            file: text, subtitles or Markdown in UTF-8, 2 MB at most.
            source: the language of the file, a code such as en; auto, the default, detects it from the beginning.
            target: the language to translate into, a code such as de, which is the default.
            beam_size: how many translations are followed at once, 1 to 10, by default 5.
            length_penalty: 0 to 2, by default 1; above 0 makes up for the lower probability of long translations.

        Returns:
            the translated file, named like letter.de.txt or film.de.srt.
        """
        settings = Settings(beam_size, length_penalty)
        for step in files.translate_file(self.translator(), file, source, target, settings):
            progress((step.done, step.total), unit="lines")
            yield from step.files

    def stream(self, text: str, source: str, target: str, settings: Settings) -> "Iterator[Translation]":
        """The translation so far after every step. Raises `InputError` as `translate` does."""
        check_request(text, source, target)
        yield from self.translator().stream(text, source=source, target=target, **settings.generation())

    def _translation(self, text: str, source: str, target: str, settings: Settings) -> "Translation":
        check_request(text, source, target)
        self.translator()  # a checkpoint that is not there is one caller's error at a time
        return self._batcher((text, source, target), **settings.generation())

    def _translate_all(self, calls: Sequence[tuple[str, str, str]], **settings: Any) -> "list[Translation]":
        texts, sources, targets = map(list, zip(*calls, strict=True))
        return self.translator().translate(texts, sources, targets, **settings)


def _explained(translation: "Translation") -> ExplainedSentence:
    return {
        "text": translation.text,
        "score": translation.score,
        "tokens": list(translation.tokens),
        "token_probabilities": list(translation.token_probabilities),
        "source_tokens": list(translation.source_tokens),
        "attention": translation.attention.tolist(),
        "alternatives": [{"text": other.text, "score": other.score} for other in translation.alternatives],
    }
