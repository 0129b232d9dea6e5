"""Train a language model, for instance as the beginning of a sentiment classifier: `seqcore train language-model`."""

from dataclasses import dataclass

from seqcore.recipes.base import Recipe, Rows
from seqcore.tasks.base import Task
from seqcore.tasks.language import LanguageModel, LanguageModelConfig

MAX_TOKENIZER_TEXTS = 20_000


@dataclass(frozen=True, kw_only=True)
class LanguageModelRecipe(Recipe):
    """Train a language model on texts, which sentiment classifiers start from.

    Attributes:
        train: CSV, TSV, JSON lines or Parquet file, or a hub id, with a text a row.
        model: what a new model is. With `init`, the checkpoint says.
    """

    task = LanguageModel
    model: LanguageModelConfig = LanguageModelConfig()  # noqa: RUF009

    def make_task(self, rows: Rows, validation: Rows) -> Task:
        """Load a language model, or make a new one, whose tokenizer is learned from the first rows alone."""
        return super().make_task(rows[:MAX_TOKENIZER_TEXTS], validation)
