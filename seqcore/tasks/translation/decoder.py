"""Parts of sentences in, their translations out: the search, and what its hypotheses say."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from seqcore.batching import padded
from seqcore.decoding import GenerationConfig, Hypothesis, search, stream_n_best
from seqcore.decoding.step import Step
from seqcore.nn import DecoderState
from seqcore.tasks.search import generation_config, refusals
from seqcore.tasks.translation.alignment import insert_tags
from seqcore.tasks.translation.network import TranslationNetwork
from seqcore.tasks.translation.result import Translation, join_parts, join_sentences, without_details
from seqcore.tasks.translation.source import Part
from seqcore.text import Tokenizer
from seqcore.text.entities import PLACEHOLDER, unmask_entities, without_copies
from seqcore.text.tags import show_tags
from seqcore.validation import check_int


class PartDecoder:
    """Translates parts with one set of search settings.

    Args:
        marks: of languages, never written.
        max_length: tokens written for a part at most.
        settings: of `GenerationConfig`.
        scripts: what the model reads and writes.

    Raises:
        InputError: a setting is unknown or out of range.
    """

    def __init__(
        self,
        network: TranslationNetwork,
        tokenizer: Tokenizer,
        marks: Sequence[int],
        max_length: int,
        settings: Mapping[str, Any],
        scripts: tuple[str, ...] = ("latin",),
    ) -> None:
        self.scripts = scripts
        self.network, self.tokenizer, self.max_length, self.settings = network, tokenizer, max_length, settings
        self.device = next(network.parameters()).device
        self.never = (tokenizer.pad_id, tokenizer.unk_id, tokenizer.bos_id, *marks)
        self.placeholder = tokenizer.token_to_id(PLACEHOLDER) if tokenizer.has(PLACEHOLDER) else None
        self._config([], False)

    def decode(self, parts: Sequence[Part], batch_size: int) -> list[Translation]:
        """Translate parts in buckets of like length; neither their order nor their company changes an answer."""
        results: list[Translation] = [None] * len(parts)  # type: ignore[list-item]
        for held in (False, True):  # Those with items are searched more widely.
            rows = [row for row, part in enumerate(parts) if bool(part.items) is held]
            rows.sort(key=lambda row: len(parts[row].tokens))
            for begin in range(0, len(rows), batch_size):
                chosen = rows[begin : begin + batch_size]
                for row, result in zip(chosen, self._batch([parts[row] for row in chosen], held), strict=True):
                    results[row] = result
        return results

    def stream(self, part: Part) -> Iterator[Translation]:
        """Translate one part and give the best so far after every step; the last one is what `decode` gives."""
        config = self._config([part], bool(part.items))
        best: list[Hypothesis] | None = None
        with refusals():
            for better in stream_n_best(*self._start([part]), config):
                if best:
                    yield self._draft(part, best[0])
                best = better
        yield self._result(part, best or [])

    def stream_text(self, pieces: Sequence[str | list[Part]]) -> Iterator[Translation]:
        """Translate the parts among what a text is made of, and give the text so far after every step.

        All but the last are without attention, which is costly to join at every step, and without alternatives.
        """
        done: list[str | Translation] = []
        drafted: list[str | Translation] = []
        for piece in pieces:
            if isinstance(piece, str):
                done.append(piece)
                drafted.append(piece)
                continue
            parts: list[Translation] = []
            for part in piece:
                for translation in self.stream(part):
                    draft = join_parts([without_details(one) for one in (*parts, translation)])
                    yield without_details(join_sentences([*drafted, draft]))
                parts.append(translation)
            done.append(join_parts(parts))
            drafted.append(without_details(join_parts(parts)))
        yield join_sentences(done)

    def _batch(self, parts: Sequence[Part], held: bool) -> list[Translation]:
        config = self._config(parts, held)
        with refusals():
            hypotheses = search(*self._start(parts), config)
        return [self._result(part, several) for part, several in zip(parts, hypotheses, strict=True)]

    @torch.inference_mode()
    def _start(self, parts: Sequence[Part]) -> tuple[Step[DecoderState], DecoderState, Tensor]:
        lengths = torch.tensor([len(part.tokens) for part in parts])
        tokens = torch.tensor(padded((part.tokens for part in parts), self.tokenizer.pad_id), device=self.device)
        decoder = self.network.decoder
        start = torch.full((len(parts),), self.tokenizer.bos_id, device=self.device)
        return decoder.step, decoder.start(self.network.encode(tokens, lengths)), start

    def _config(self, parts: Sequence[Part], held: bool) -> GenerationConfig:
        settings = dict(self.settings)
        limits = [min(self.max_length, 2 * len(part.tokens) + 10) for part in parts]
        wanted = settings.get("max_length", self.max_length)
        check_int("max_length", wanted, 0)
        settings["max_length"] = tuple(min(limit, wanted) for limit in limits) if parts else wanted
        if held and settings.get("do_sample") is not True:  # So that there is a choice of those with all items.
            settings["n_best"] = settings.get("beam_size", 1)
        never = self.never if held or self.placeholder is None else (*self.never, self.placeholder)
        return generation_config(self.tokenizer, settings, never)

    def _result(self, part: Part, hypotheses: Sequence[Hypothesis]) -> Translation:
        if part.items:  # sorting is stable: among those that kept as many items, the better stays before
            count = len(part.items)
            hypotheses = sorted(hypotheses, key=lambda one: abs(one.tokens.count(self.placeholder) - count))
            hypotheses = hypotheses[: self.settings["n_best"]]
        best, *others = [self._translation(part, hypothesis, True) for hypothesis in hypotheses]
        return replace(best, alternatives=tuple(others))

    def _draft(self, part: Part, hypothesis: Hypothesis) -> Translation:
        translation = self._translation(part, hypothesis, False)
        return replace(translation, attention=translation.attention.new_zeros(0, len(part.tokens)))

    def _translation(self, part: Part, hypothesis: Hypothesis, complete: bool) -> Translation:
        text = self._written(self.tokenizer.decode(hypothesis.tokens), part)
        attention = hypothesis.attention
        tags: list[str] = []
        if part.tags and complete:
            surfaces = [
                self._written(surface, part) for surface in self.tokenizer.decode_with_surfaces(hypothesis.tokens)
            ]
            looked = torch.zeros(len(surfaces), len(part.tokens)) if attention is None else attention.cpu()
            text, tags = insert_tags(text, surfaces, looked, part.tags)
        text = without_copies(text, part.items, self.scripts)
        return Translation(
            text=show_tags(unmask_entities(text, part.items, complete), tags),
            tokens=self._pieces(hypothesis.tokens, part.items),
            token_probabilities=tuple(math.exp(value) for value in hypothesis.token_log_probabilities),
            score=hypothesis.score,
            source_tokens=self._pieces(part.tokens, part.items),
            attention=torch.zeros(0, len(part.tokens)) if attention is None else attention[:, : len(part.tokens)],
        )

    @staticmethod
    def _written(text: str, part: Part) -> str:
        """What tokens decode to, as it is shown: bytes can spell line breaks, and what was shouted is in capitals."""
        text = re.sub(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029\ue001]", " ", text)
        return text.upper() if part.shouted else text

    def _pieces(self, tokens: Sequence[int], items: Sequence[str]) -> tuple[str, ...]:
        waiting = iter(items)
        return tuple(
            next(waiting, "") if piece == PLACEHOLDER else piece for piece in self.tokenizer.ids_to_tokens(tokens)
        )
