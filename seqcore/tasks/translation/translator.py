"""The translator: texts in, translations out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, overload

from seqcore.tasks.base import Batch, Loss
from seqcore.tasks.prediction import each
from seqcore.tasks.search import usual_n_best
from seqcore.tasks.text_task import check_text
from seqcore.tasks.translation.config import TranslatorConfig
from seqcore.tasks.translation.decoder import PartDecoder
from seqcore.tasks.translation.directions import (
    AUTO,
    check_known,
    language_mark,
    one_each,
    text_direction,
)
from seqcore.tasks.translation.network import TranslationNetwork
from seqcore.tasks.translation.pairs import PairTask
from seqcore.tasks.translation.result import Translation, in_languages, join_parts, join_sentences
from seqcore.tasks.translation.source import Part, SourceReader
from seqcore.tasks.translation.vocabulary import masked_texts, row_scripts
from seqcore.text import Tokenizer
from seqcore.text.entities import PLACEHOLDER
from seqcore.text.scripts import text_scripts
from seqcore.text.tokenizer import replace_invalid_unicode
from seqcore.validation import as_list, check_int


class Translator(PairTask):
    """An encoder-decoder with attention (Bahdanau 2015; Luong 2015) and the tokenizer it was trained with."""

    name = "translation"
    rewrites = True
    bfloat16_pays = ("cpu",)
    Config = TranslatorConfig
    monitor = ("bleu", "max")
    validation_options: ClassVar[Mapping[str, Any]] = {"beam_size": 1, "batch_size": 256}
    layout = (
        "embedding_size", "encoder_hidden_size", "encoder_layers", "decoder_hidden_size", "decoder_layers",
        "attention", "attention_layer", "layer_norm",
    )  # fmt: skip
    Network = TranslationNetwork
    config: TranslatorConfig
    network: TranslationNetwork

    def __init__(self, config: TranslatorConfig, tokenizer: Tokenizer) -> None:
        if not config.scripts:  # The vocabulary was learned from texts in these alone.
            pieces = tokenizer.ids_to_tokens(range(len(tokenizer)))
            config = replace(config, scripts=text_scripts(pieces) or ("latin",))
        super().__init__(config, tokenizer)

    @classmethod
    def create(cls, config: TranslatorConfig, rows: Sequence[Mapping[str, Any]]) -> "Translator":
        return super().create(replace(config, scripts=config.scripts or cls.scripts_of(rows)), rows)

    @classmethod
    def scripts_of(cls, rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
        """Find the scripts that rows are written in: of each language, those of at least one letter in a hundred."""
        return row_scripts(rows, tuple(cls.fields))

    @classmethod
    def train_tokenizer(cls, config: TranslatorConfig, rows: Sequence[Mapping[str, Any]]) -> Tokenizer:
        """Learn a tokenizer from both texts of all rows, or from the one that a row has.

        What a translator copies is left out: words of other scripts than the model's, or than those of the rows.
        """
        marks = [language_mark(language) for language in config.languages]
        texts = masked_texts(rows, tuple(cls.fields), config.scripts or cls.scripts_of(rows))
        return Tokenizer.train(texts, config.vocab_size, marks, [PLACEHOLDER])

    @overload
    def translate(
        self,
        texts: str,
        source: str = ...,
        target: str | None = ...,
        beam_size: int = ...,
        n_best: int | None = ...,
        batch_size: int = ...,
        **generation: Any,
    ) -> Translation: ...
    @overload
    def translate(
        self,
        texts: Sequence[str],
        source: str | Sequence[str] = ...,
        target: str | Sequence[str | None] | None = ...,
        beam_size: int = ...,
        n_best: int | None = ...,
        batch_size: int = ...,
        **generation: Any,
    ) -> list[Translation]: ...
    def translate(
        self,
        texts: str | Sequence[str],
        source: str | Sequence[str] = AUTO,
        target: str | Sequence[str | None] | None = None,
        beam_size: int = 5,
        n_best: int | None = None,
        batch_size: int = 32,
        **generation: Any,
    ) -> Translation | list[Translation]:
        """Translate one text, or a list of them; sentences of like length are worked on together.

        A text may hold many lines and sentences: each sentence is translated on its own, and line breaks and blanks
        stay where they are. Numbers, addresses, code, emoji and words of scripts that none of the model's languages is
        written in are copied. Tags such as `<b>` are put around the words that look at what they were around.

        Args:
            source, target: language codes, one for all texts or a list of one for each; a pair must be one of
                `config.directions`. A source of `auto` is detected for each text; one that turns out to be in the
                target language stays as it is. Without a target, the first that the model knows for the source.
            beam_size: hypotheses a sentence; 1 is greedy.
            n_best: translations a sentence, the others as `alternatives`; without it 3, or `beam_size` if less.
            batch_size: sentences worked on at once; it never changes an answer.
            generation: other settings of `GenerationConfig`, such as `length_penalty`.

        Raises:
            InputError: a direction that the model was not trained for, a text in a language that it does not read,
                or a setting out of range.
        """
        if isinstance(texts, str):
            languages: tuple[Any, Any] = [source], [target]  # Lists of codes are for lists of texts.
            return self.translate([texts], *languages, beam_size, n_best, batch_size, **generation)[0]
        decoder = self._part_decoder(beam_size, n_best, generation)
        check_int("batch_size", batch_size, 1)
        texts = as_list(texts, "a text")
        sources, targets = one_each("source", source, len(texts)), one_each("target", target, len(texts))
        read = each(zip(texts, sources, targets, strict=True), lambda request: self._read(*request))
        parts = [part for _, pieces in read for piece in pieces if not isinstance(piece, str) for part in piece]
        translations = iter(decoder.decode(parts, max(1, batch_size)))
        answers = []
        for languages, pieces in read:
            joined = [
                piece if isinstance(piece, str) else join_parts([next(translations) for _ in piece]) for piece in pieces
            ]
            answers.append(in_languages(join_sentences(joined), languages))
        return answers

    def stream(
        self,
        text: str,
        source: str = AUTO,
        target: str | None = None,
        beam_size: int = 5,
        n_best: int | None = None,
        **generation: Any,
    ) -> Iterator[Translation]:
        """Translate a text and give the translation so far after every step; the last one is what `translate` gives.

        With a beam, the end of the text so far may still change. Only the last one has attention and alternatives.
        Arguments and errors are those of `translate`; errors come at once.
        """
        decoder = self._part_decoder(beam_size, n_best, generation)
        languages, pieces = self._read(text, source, target)
        return (in_languages(translation, languages) for translation in decoder.stream_text(pieces))

    def loss(self, batch: Batch, state: Any = None) -> Loss:
        return self.network(batch)

    def predict(
        self,
        inputs: Sequence[str],
        *,
        source: str | Sequence[str | None] | None = None,
        target: str | Sequence[str | None] | None = None,
        beam_size: int = 5,
        length_penalty: float = 1.0,
        n_best: int = 1,
        batch_size: int = 32,
    ) -> list[Translation]:
        """Translate texts as `translate` does, but for what nobody says: then it is the first direction that fits.

        Args:
            source: language to translate from, such as en; auto detects that of each text
            target: language to translate to, such as de
            beam_size: hypotheses a sentence; 1 is greedy
            length_penalty: above 0 prefers longer translations
            n_best: translations a text, all but the first as alternatives
            batch_size: sentences at once
        """
        if isinstance(source, str | None) and isinstance(target, str | None):
            check_known(source, target, self.config.directions)  # Otherwise each text would be refused by itself.
        codes = zip(one_each("source", source, len(inputs)), one_each("target", target, len(inputs)), strict=True)
        pairs = [self._direction({"source_lang": first, "target_lang": second}) for first, second in codes]
        sources, targets = [first for first, _ in pairs], [second for _, second in pairs]
        return self.translate(inputs, sources, targets, beam_size, n_best, batch_size, length_penalty=length_penalty)

    def to_text(self, result: Translation) -> str:
        return " ".join(result.text.splitlines())

    @property
    def answer_columns(self) -> Mapping[str, type]:
        return {"translation": str, "score": float}

    def to_cells(self, result: Translation) -> list[str | int | float | bool]:
        return [result.text, round(result.score, 4)]

    def document_options(self, text: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """With the language of the whole document, where `auto` is to find it."""
        if options.get("source") != AUTO:
            return options
        source, target = text_direction(text, AUTO, options.get("target"), self.config.directions, self.config.scripts)
        return {**options, "source": source, "target": target}

    def to_dict(self, result: Translation) -> dict[str, Any]:
        """`{text, score, tokens, token_probabilities}`, and `alternatives` where there are any."""
        probabilities = [round(value, 4) for value in result.token_probabilities]
        record = {"text": result.text, "score": round(result.score, 4), "tokens": list(result.tokens)}
        more = {"alternatives": [self.to_dict(other) for other in result.alternatives]} if result.alternatives else {}
        return {**record, "token_probabilities": probabilities, **more}

    def _read(self, text: str, source: str, target: str | None) -> tuple[tuple[str, str], list[str | list[Part]]]:
        """A text's languages, and what of it is copied or translated."""
        check_text(text)
        text = replace_invalid_unicode(text)
        languages = text_direction(text, source, target, self.config.directions, self.config.scripts)
        if source == AUTO and target == languages[0]:
            return languages, [text]
        mark, scripts = self._mark(languages[1]), self.config.scripts
        reader = SourceReader(self.tokenizer, mark, self.config.max_source_length, scripts)
        return languages, reader.read(text, languages[0])

    def _part_decoder(self, beam_size: int, n_best: int | None, generation: Mapping[str, Any]) -> PartDecoder:
        n_best = usual_n_best(n_best, beam_size, generation)
        settings = {"length_penalty": 1.0, **generation, "beam_size": beam_size, "n_best": n_best}
        marks = [mark for language in self.config.languages for mark in self._mark(language)]
        return PartDecoder(
            self.network, self.tokenizer, marks, self.config.max_target_length, settings, self.config.scripts
        )
