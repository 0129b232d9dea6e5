"""Translation, many to many: a sentence in, a sentence of another language out."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, overload

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import Self

from seqcore import metrics
from seqcore.batching import padded
from seqcore.decoding import GenerationConfig, Hypothesis, search
from seqcore.errors import InputError, SettingsError
from seqcore.nn import ATTENTIONS, LockedDropout, LSTMDecoder, LSTMEncoder, Memory
from seqcore.tasks.base import Batch, Example, Loss, Task
from seqcore.text import Tokenizer

MOST_WEIGHTS = 2**24


@dataclass(frozen=True)
class TranslatorConfig:
    """What a translator is.

    Attributes:
        directions: pairs it is trained for, ``source-target``.
        vocab_size: pieces of the shared vocabulary (the most, before training; the number, after).
        embedding_size: E, tied between source, target and output.
        encoder_hidden_size: H of each of the encoder's two directions.
        attention_layer: decoder layers below the attention.
        dropout: locked, on embeddings, between layers and before the output.
        max_source_length: tokens read at once; a longer line is translated in parts.
        max_target_length: tokens written at most for a part.
    """

    directions: tuple[str, ...] = ("en-de",)
    vocab_size: int = 6000
    embedding_size: int = 256
    encoder_hidden_size: int = 192
    encoder_layers: int = 2
    decoder_hidden_size: int = 384
    decoder_layers: int = 2
    attention: str = "general"
    attention_layer: int = 1
    layer_norm: bool = False
    dropout: float = 0.3
    weight_dropout: float = 0.0
    label_smoothing: float = 0.1
    max_source_length: int = 200
    max_target_length: int = 300

    def __post_init__(self) -> None:
        for direction in self.directions:
            if not re.fullmatch(r"[a-zA-Z_]+-[a-zA-Z_]+", direction):
                raise SettingsError(f"a direction is written like en-de, not {direction!r}")
        if not self.directions:
            raise SettingsError("a translator needs at least one direction")
        least = {"max_source_length": 8, "max_target_length": 1}
        for name in (
            "vocab_size",
            "embedding_size",
            "encoder_hidden_size",
            "encoder_layers",
            "decoder_hidden_size",
            "decoder_layers",
            "attention_layer",
            *least,
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least.get(name, 1):
                raise SettingsError(f"{name} must be a whole number of at least {least.get(name, 1)}, not {value!r}")
        for name in ("dropout", "weight_dropout", "label_smoothing"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0 <= value < 1:
                raise SettingsError(f"{name} must be at least 0 and less than 1, not {value!r}")
        if self.attention not in ATTENTIONS:
            raise SettingsError(f"attention must be one of {', '.join(ATTENTIONS)}, not {self.attention!r}")
        if self.attention_layer > self.decoder_layers:
            raise SettingsError(f"attention_layer must be at most decoder_layers, but is {self.attention_layer}")

    @property
    def languages(self) -> tuple[str, ...]:
        """Every language read or written, sorted."""
        return tuple(sorted({language for direction in self.directions for language in direction.split("-")}))


@dataclass(frozen=True)
class Translation:
    """A translated text and what explains it.

    Attributes:
        tokens: the pieces written, T of them.
        token_probabilities: of each of them, given those before.
        score: log-probability over length penalty (Wu 2016); higher is better.
        source_tokens: the pieces read, language mark first and ``</s>`` last; S of them.
        attention: (T, S), each row sums to 1; left out, (0, S), for a text of more than 2**24 of them.
        alternatives: the other n-best, best first.
    """

    text: str
    tokens: tuple[str, ...]
    token_probabilities: tuple[float, ...]
    score: float
    source_tokens: tuple[str, ...]
    attention: Tensor
    alternatives: tuple["Translation", ...] = ()


class TranslationNetwork(nn.Module):
    """Embedding → bidirectional encoder → attention → decoder, one embedding for both languages."""

    def __init__(self, config: TranslatorConfig, padding: int) -> None:
        super().__init__()
        self.padding, self.label_smoothing = padding, config.label_smoothing
        self.encoder = LSTMEncoder(
            config.embedding_size,
            config.encoder_hidden_size,
            config.encoder_layers,
            bidirectional=True,
            dropout=config.dropout,
            weight_dropout=config.weight_dropout,
            layer_norm=config.layer_norm,
        )
        self.decoder = LSTMDecoder(
            config.vocab_size,
            config.embedding_size,
            config.decoder_hidden_size,
            config.decoder_layers,
            memory_size=self.encoder.output_size,
            state_size=self.encoder.state_size,
            attention=config.attention,
            attention_layer=config.attention_layer,
            dropout=config.dropout,
            input_dropout=config.dropout,
            output_dropout=config.dropout,
            weight_dropout=config.weight_dropout,
            layer_norm=config.layer_norm,
            padding=padding,
        )
        self.dropout = LockedDropout(config.dropout)

    def encode(self, source: Tensor, lengths: Tensor) -> Memory:
        """(B, S) and lengths (B,) → the memory of B sentences."""
        return self.encoder(self.dropout(self.decoder.embedding(source)), lengths)

    def forward(self, batch: Batch) -> Loss:
        """Cross-entropy summed over target tokens; smoothed in training only (Szegedy 2016)."""
        memory = self.encode(batch["source"], batch["source_lengths"])
        features, _, _ = self.decoder.features(batch["target"][:, :-1], memory)
        labels = batch["target"][:, 1:]
        real = labels != self.padding
        # Only real positions reach the output matrix, which is most of the work.
        logits = self.decoder.output(features[real])
        smoothing = self.label_smoothing if self.training else 0.0
        total = functional.cross_entropy(logits.float(), labels[real], reduction="sum", label_smoothing=smoothing)
        return Loss(total, int(real.sum()))


class Translator(Task):
    """An encoder-decoder with attention (Bahdanau 2015; Luong 2015) and the tokenizer it was trained with."""

    name = "translation"
    Config = TranslatorConfig
    fields: ClassVar[Mapping[str, type]] = {"source": str, "target": str}
    optional: ClassVar[Mapping[str, type]] = {"source_lang": str, "target_lang": str}
    selection = "bleu"
    config: TranslatorConfig
    network: TranslationNetwork

    def __init__(self, config: TranslatorConfig, tokenizer: Tokenizer) -> None:
        self.config, self.tokenizer = config, tokenizer
        self.network = TranslationNetwork(config, tokenizer.padding)

    @classmethod
    def _build(cls, config: TranslatorConfig, folder: Path) -> Self:
        return cls(config, Tokenizer.load(folder))

    def _write_assets(self, folder: Path) -> None:
        self.tokenizer.save(folder)

    @overload
    def translate(self, texts: str, source: str = ..., target: str = ..., **generation: Any) -> Translation: ...
    @overload
    def translate(
        self, texts: Sequence[str], source: str = ..., target: str = ..., **generation: Any
    ) -> list[Translation]: ...
    def translate(
        self,
        texts: str | Sequence[str],
        source: str = "en",
        target: str = "de",
        beam_size: int = 5,
        n_best: int = 1,
        batch_size: int = 32,
        **generation: Any,
    ) -> Translation | list[Translation]:
        """Translate one text, or a list of them; each is a line of its own, and an empty one stays empty.

        Args:
            source, target: language codes; the pair must be one of ``config.directions``.
            beam_size: hypotheses a sentence; 1 is greedy.
            n_best: translations a text, the others as ``alternatives``.
            batch_size: sentences worked on at once; it never changes an answer.
            generation: other settings of :class:`~seqcore.decoding.GenerationConfig`, such as ``length_penalty``.

        Raises:
            InputError: a direction that the model was not trained for, or a setting out of range.
        """
        one = isinstance(texts, str)
        lines = [texts] if isinstance(texts, str) else list(texts)
        self._check(source, target)
        sources = [self._sources(line, target) for line in lines]
        parts = [part for line in sources for part in line]
        settings = {"beam_size": beam_size, "n_best": n_best, "length_penalty": 1.0, **generation}
        results: list[Translation] = [None] * len(parts)  # type: ignore[list-item]
        order = sorted(range(len(parts)), key=lambda part: len(parts[part]))
        for begin in range(0, len(order), max(1, batch_size)):
            chosen = order[begin : begin + max(1, batch_size)]
            for part, result in zip(chosen, self._decode([parts[i] for i in chosen], settings), strict=True):
                results[part] = result
        answers = iter(results)
        joined = [_join([next(answers) for _ in line]) for line in sources]
        return joined[0] if one else joined

    def example(self, row: Mapping[str, Any]) -> Example:
        """``{source, target, source_lang?, target_lang?}`` → token numbers; without languages, the first direction."""
        first = self.config.directions[0].split("-")
        source, target = row.get("source_lang") or first[0], row.get("target_lang") or first[1]
        self._check(source, target)
        read = [*self._mark(target), *self.tokenizer.encode(row["source"])][: self.config.max_source_length]
        written = self.tokenizer.encode(row["target"])[: self.config.max_target_length]
        end = self.tokenizer.end
        return {"source": [*read, end], "target": [self.tokenizer.start, *written, end]}

    def lengths(self, example: Example) -> Sequence[int]:
        return len(example["source"]), len(example["target"])

    def collate(self, examples: Sequence[Example]) -> Batch:
        padding = self.tokenizer.padding
        return {
            "source": torch.tensor(padded((example["source"] for example in examples), padding)),
            "source_lengths": torch.tensor([len(example["source"]) for example in examples]),
            "target": torch.tensor(padded((example["target"] for example in examples), padding)),
        }

    def loss(self, batch: Batch) -> Loss:
        return self.network(batch)

    def predict(self, rows: Sequence[Mapping[str, Any]], **options: Any) -> list[Translation]:
        first = self.config.directions[0].split("-")
        pairs = [(row.get("source_lang") or first[0], row.get("target_lang") or first[1]) for row in rows]
        results: dict[int, Translation] = {}
        for source, target in sorted(set(pairs)):
            chosen = [i for i, pair in enumerate(pairs) if pair == (source, target)]
            answers = self.translate([rows[i]["source"] for i in chosen], source, target, **options)
            results |= dict(zip(chosen, answers, strict=True))
        return [results[i] for i in range(len(rows))]

    def line(self, result: Translation) -> str:
        return result.text

    def record(self, result: Translation) -> dict[str, Any]:
        """``{text, score, tokens, token_probabilities}``, and ``alternatives`` where there are any."""
        probabilities = [round(value, 4) for value in result.token_probabilities]
        record = {"text": result.text, "score": round(result.score, 4), "tokens": list(result.tokens)}
        more = {"alternatives": [self.record(other) for other in result.alternatives]} if result.alternatives else {}
        return {**record, "token_probabilities": probabilities, **more}

    def scores(self, predictions: Sequence[Translation], rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """``bleu`` and ``chrf``, both lower-cased: see :func:`seqcore.metrics.bleu`, :func:`seqcore.metrics.chrf`."""
        written, wanted = [prediction.text for prediction in predictions], [row["target"] for row in rows]
        return {"bleu": metrics.bleu(written, wanted), "chrf": metrics.chrf(written, wanted)}

    def _check(self, source: str, target: str) -> None:
        if f"{source}-{target}" not in self.config.directions:
            known = ", ".join(self.config.directions)
            raise InputError(f"this model does not translate from {source!r} to {target!r}; it does: {known}")

    def _mark(self, target: str) -> list[int]:
        mark = self.tokenizer.mark(language_mark(target))
        return [] if mark is None else [mark]

    def _sources(self, text: str, target: str) -> list[list[int]]:
        """Token numbers of a text, in parts that are cut between words where it is longer than the model reads."""
        mark = self._mark(target)
        room = self.config.max_source_length - len(mark)
        tokens = self.tokenizer.encode(text)
        parts = []
        while tokens:
            cut = min(room, len(tokens))
            if cut < len(tokens):
                cut = next((i for i in range(cut, cut // 2, -1) if self.tokenizer.starts_word(tokens[i])), cut)
            parts.append([*mark, *tokens[:cut], self.tokenizer.end])
            tokens = tokens[cut:]
        return parts or [[*mark, self.tokenizer.end]]

    @torch.inference_mode()
    def _decode(self, sources: Sequence[Sequence[int]], settings: Mapping[str, Any]) -> list[Translation]:
        """Translate a batch of sources as :meth:`_sources` gives them; those with no words give no words."""
        config = self._generation(sources, settings)
        lengths = torch.tensor([len(source) for source in sources])
        tokens = torch.tensor(padded(sources, self.tokenizer.padding), device=self.device)
        decoder = self.network.decoder
        state = decoder.start(self.network.encode(tokens, lengths))
        start = torch.full((len(sources),), self.tokenizer.start, device=self.device)
        try:
            found = search(decoder.step, state, start, config)
        except ValueError as error:  # such as a banned token beyond the vocabulary
            raise InputError(f"this search is not possible: {error}") from error
        return [self._result(source, hypotheses) for source, hypotheses in zip(sources, found, strict=True)]

    def _generation(self, sources: Sequence[Sequence[int]], settings: Mapping[str, Any]) -> GenerationConfig:
        tokenizer = self.tokenizer
        marks = [mark for language in self.config.languages for mark in self._mark(language)]
        never = (tokenizer.padding, tokenizer.unknown, tokenizer.start, *marks)
        empty = len(self._mark(self.config.languages[0])) + 1
        limits = tuple(
            0 if len(source) <= empty else min(self.config.max_target_length, 2 * len(source) + 10)
            for source in sources
        )
        wanted = settings.get("max_length", max(limits))
        if not isinstance(wanted, int):
            raise InputError(f"this search is not possible: max_length must be a whole number, not {wanted!r}")
        limits = tuple(min(limit, wanted) for limit in limits)
        banned = (*never, *settings.get("banned_tokens", ()))
        chosen = {**settings, "max_length": limits, "banned_tokens": banned}
        try:
            return GenerationConfig(eos=tokenizer.end, pad=tokenizer.padding, **chosen)
        except (TypeError, ValueError) as error:
            raise InputError(f"this search is not possible: {error}") from error

    def _result(self, source: Sequence[int], hypotheses: Sequence[Hypothesis]) -> Translation:
        pieces = self.tokenizer.pieces(source)
        found = [
            Translation(
                text=" ".join(self.tokenizer.decode(hypothesis.tokens).splitlines()),  # bytes can spell line breaks
                tokens=self.tokenizer.pieces(hypothesis.tokens),
                token_probabilities=tuple(math.exp(value) for value in hypothesis.token_log_probabilities),
                score=hypothesis.score,
                source_tokens=pieces,
                attention=torch.zeros(0, len(source))
                if hypothesis.attention is None
                else hypothesis.attention[:, : len(source)],
            )
            for hypothesis in hypotheses
        ]
        return replace(found[0], alternatives=tuple(found[1:]))


def language_mark(language: str) -> str:
    """The control symbol that asks for a target language (Johnson 2017)."""
    return f"<2{language}>"


def new_translator(config: TranslatorConfig, texts: Iterable[str]) -> Translator:
    """An untrained translator whose tokenizer is learned from ``texts`` of all its languages.

    Raises:
        DataError: too little text for a vocabulary.
    """
    marks = [language_mark(language) for language in config.languages]
    tokenizer = Tokenizer.train(texts, config.vocab_size, marks)
    return Translator(replace(config, vocab_size=len(tokenizer)), tokenizer)


def _joined_attention(parts: Sequence[Tensor]) -> Tensor:
    """Each part looks only at its own source. Of a whole book, gigabytes of zeros, there are no rows: (0, S)."""
    written, read = sum(part.shape[0] for part in parts), sum(part.shape[1] for part in parts)
    if written * read > MOST_WEIGHTS:
        return parts[0].new_zeros(0, read)
    return torch.block_diag(*parts)


def _join(parts: Sequence[Translation]) -> Translation:
    """Put the parts of a long text together; only a text of one part has alternatives."""
    if len(parts) == 1:
        return parts[0]
    return Translation(
        text=" ".join(part.text for part in parts if part.text),
        tokens=tuple(token for part in parts for token in part.tokens),
        token_probabilities=tuple(value for part in parts for value in part.token_probabilities),
        score=sum(part.score for part in parts) / len(parts),
        source_tokens=tuple(token for part in parts for token in part.source_tokens),
        attention=_joined_attention([part.attention for part in parts]),
    )
