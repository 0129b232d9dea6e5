"""Rows of sentence pairs: what a translator learns from, and is scored on."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch

from seqcore.batching import padded
from seqcore.tasks.base import Batch, Example
from seqcore.tasks.text_task import TextTask, blank_notice, examples_in_batches
from seqcore.tasks.translation.config import TranslatorConfig
from seqcore.tasks.translation.directions import (
    check_direction,
    language_mark,
    row_direction,
    row_directions,
    with_languages,
)
from seqcore.tasks.translation.result import Translation
from seqcore.tasks.translation.scores import direction_scores
from seqcore.text.compatibility import plain_letters
from seqcore.text.entities import PLACEHOLDER, mask_entity_pair


class PairTask(TextTask):
    """A task whose rows are a sentence and its translation, with their languages where they say them."""

    fields: ClassVar[Mapping[str, type]] = {"source": str, "target": str}
    optional: ClassVar[Mapping[str, type]] = {"source_lang": str, "target_lang": str}
    config: TranslatorConfig

    def example(self, row: Mapping[str, Any]) -> Example:
        """`{source, target, source_lang?, target_lang?}` → token numbers; without languages, the first direction."""
        return next(PairTask.examples(self, [row]))  # A subclass may make `examples` of this.

    def examples(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Example]:
        return examples_in_batches(rows, self.tokenizer, self._read_pair, self._pair_example)

    def _read_pair(self, row: Mapping[str, Any]) -> tuple[tuple[str, str], str]:
        """The texts of a row as they are encoded, and the target language."""
        source, target = self._direction(row)
        check_direction(source, target, self.config.directions)
        texts = plain_letters(row["source"]), plain_letters(row["target"])
        return mask_entity_pair(*texts, self.config.scripts) if self.tokenizer.has(PLACEHOLDER) else texts, target

    def _pair_example(self, target: str, tokens: Sequence[Sequence[int]]) -> Example:
        start, end = self.tokenizer.bos_id, self.tokenizer.eos_id
        source_tokens = [*self._mark(target), *tokens[0]][: self.config.max_source_length]
        output = tokens[1][: self.config.max_target_length]
        return {"source": array("i", [*source_tokens, end]), "target": array("i", [start, *output, end])}

    def lengths(self, example: Example) -> Sequence[int]:
        return len(example["source"]), len(example["target"])

    def collate(self, examples: Sequence[Example]) -> Batch:
        padding = self.tokenizer.pad_id
        return {
            "source": torch.tensor(padded((example["source"] for example in examples), padding)),
            "source_lengths": torch.tensor([len(example["source"]) for example in examples]),
            "target": torch.tensor(padded((example["target"] for example in examples), padding)),
        }

    def inputs(self, rows: Sequence[Mapping[str, Any]]) -> tuple[list[Any], dict[str, list[Any]]]:
        pairs = [self._direction(row) for row in rows]
        languages = {"source": [source for source, _ in pairs], "target": [target for _, target in pairs]}
        return [row["source"] for row in rows], languages

    def rows_to_score(
        self, source: str, columns: Mapping[str, str], split: str, options: Mapping[str, Any]
    ) -> Sequence[Mapping[str, Any]]:
        """Sentence pairs with their languages, as options or the columns' names say them: see `with_languages`."""
        rows = self.read_rows(source, columns, split)
        return with_languages(rows, columns, options.get("source"), options.get("target"), source)

    def examine(self, rows: Sequence[Mapping[str, Any]], name: str = "the data") -> list[str]:
        """Name rows without a text; see `Task.examine`.

        Raises:
            SettingsError: rows do not say of which languages they are, and the model knows several.
        """
        if len(self.config.directions) > 1:
            row_directions(rows, self.config.directions)
        return blank_notice(rows, "source") + blank_notice(rows, "target")

    def evaluate(
        self, rows: Sequence[Mapping[str, Any]], *, source: str | None = None, target: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Predict rows of data and give the metrics, and the `directions` that were scored.

        Args:
            source, target: languages of rows that do not say theirs.
            options: others of `predict`.

        Raises:
            DataError: a row says that it is in another language.
            SettingsError: rows do not say of which languages they are, and the model knows several.
        """
        rows = with_languages(rows, {}, source, target)
        scores = super().evaluate(rows, **options)
        return {"directions": sorted({"-".join(self._direction(row)) for row in rows}), **scores}

    def compute_metrics(
        self, predictions: Sequence[Translation], rows: Sequence[Mapping[str, Any]]
    ) -> dict[str, float]:
        """`bleu` and `chrf`, both lower-cased: see `seqcore.metrics.bleu`, `seqcore.metrics.chrf`.

        Of rows in several directions, the mean over the directions, and each one by its name, `bleu_en-de`.
        """
        directions = ("-".join(self._direction(row)) for row in rows)
        texts, references = (prediction.text for prediction in predictions), (row["target"] for row in rows)
        return direction_scores(zip(directions, texts, references, strict=True))

    def _direction(self, row: Mapping[str, Any]) -> tuple[str, str]:
        return row_direction(row, self.config.directions)

    def _mark(self, target: str) -> list[int]:
        mark = self.tokenizer.special_token_id(language_mark(target))
        return [] if mark is None else [mark]
