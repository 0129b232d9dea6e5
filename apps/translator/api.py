"""What the translator's endpoints answer with."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from apps.server.batching import Batcher
from apps.server.models import LazyTask
from apps.translator import files
from apps.translator.languages import AUTO
from apps.translator.settings import Settings, check_request
from apps.translator.views import sentences
from apps.ui.search import BEAM, N_BEST, PENALTY

if TYPE_CHECKING:
    from seqcore.tasks.translation import Translation, Translator


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
            Pairs of language codes, such as en-de for English to German.
        """
        return list(self.translator().config.directions)

    def translate(
        self, text: str, source: str = AUTO, target: str = "de", beam_size: int = BEAM, length_penalty: float = PENALTY
    ) -> str:
        """Translate a text of any number of lines and sentences; its line breaks stay where they are.

        Args:
            text: what to translate, 5,000 characters at most.
            source: the language of the text, a code such as en; auto detects it.
            target: the language to translate into, a code such as de.
            beam_size: how many translations are followed at once, 1 to 10.
            length_penalty: above 0 makes up for the lower probability of long translations, 0 to 2.

        Returns:
            The translation.
        """
        return self._translation(text, source, target, Settings(beam_size, length_penalty)).text

    def translate_stream(
        self, text: str, source: str = AUTO, target: str = "de", beam_size: int = BEAM, length_penalty: float = PENALTY
    ) -> Iterator[str]:
        """Translate a text and give the translation so far again and again while it grows; the last one is complete.

        Args:
            text: what to translate, 5,000 characters at most.
            source: the language of the text, a code such as en; auto detects it.
            target: the language to translate into, a code such as de.
            beam_size: how many translations are followed at once, 1 to 10.
            length_penalty: above 0 makes up for the lower probability of long translations, 0 to 2.

        Returns:
            The translation so far; its end may still change, until the last one.
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
        beam_size: int = BEAM,
        length_penalty: float = PENALTY,
        n_best: int = N_BEST,
    ) -> dict[str, Any]:
        """Translate a text and tell how the translation of each of its sentences came about.

        Args:
            text: what to translate, 5,000 characters at most.
            source: the language of the text, a code such as en; auto detects it.
            target: the language to translate into, a code such as de.
            beam_size: how many translations are followed at once, 1 to 10.
            length_penalty: above 0 makes up for the lower probability of long translations, 0 to 2.
            n_best: how many translations of a sentence to give, itself included; beam_size at most.

        Returns:
            text, score, source, target, tokens, token_probabilities, source_tokens, attention (tokens × source tokens),
            alternatives. Of several sentences, each has all of these in sentences, and the attention stands only there.
        """
        translation = self._translation(text, source, target, Settings(beam_size, length_penalty, n_best))
        languages = {"source": translation.source_lang, "target": translation.target_lang}
        parts = [_explained(sentence) for sentence in sentences(translation)] if translation.sentences else []
        whole = _explained(translation) | ({"attention": []} if parts else {})
        return {**whole, **languages, "sentences": parts}

    def translate_file(
        self,
        file: str | None,
        source: str = AUTO,
        target: str = "de",
        beam_size: int = BEAM,
        length_penalty: float = PENALTY,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Iterator[str]:
        """Translate a text file; line k of the translated file belongs to line k of the file.

        Args:
            file: a .txt file in UTF-8, 2 MB at most.
            source: the language of the file, a code such as en; auto detects it from the beginning.
            target: the language to translate into, a code such as de.
            beam_size: how many translations are followed at once, 1 to 10.
            length_penalty: above 0 makes up for the lower probability of long translations, 0 to 2.

        Returns:
            The translated file, named like letter.de.txt.
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


def _explained(translation: "Translation") -> dict[str, Any]:
    return {
        "text": translation.text,
        "score": translation.score,
        "tokens": list(translation.tokens),
        "token_probabilities": list(translation.token_probabilities),
        "source_tokens": list(translation.source_tokens),
        "attention": translation.attention.tolist(),
        "alternatives": [{"text": other.text, "score": other.score} for other in translation.alternatives],
    }
