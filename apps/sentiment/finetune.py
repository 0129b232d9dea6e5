"""Train a sentiment classifier or a language model on your own texts: `python -m apps.sentiment.finetune --help`."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import seqcore.cli.environment  # noqa: F401

from seqcore.recipes.base import Recipe
from seqcore.recipes.command import recipe_script
from seqcore.recipes.language import LanguageModelRecipe
from seqcore.recipes.sentiment import SentimentRecipe
from seqcore.tasks.language import LanguageModelConfig

if TYPE_CHECKING:
    from seqcore.training import FitResult


@dataclass(frozen=True, kw_only=True)
class SentimentScript(SentimentRecipe):
    """Train a classifier: from another one, on a language model, or from nothing, tokenizer included.

    Attributes:
        pretrain: train a language model on the texts instead, as `seqcore train language-model` does; labels are not
            read.
        language_model: what a new language model is.
    """

    pretrain: bool = False
    language_model: LanguageModelConfig = LanguageModelConfig()  # noqa: RUF009

    def run(self, advice: str = "seqcore predict") -> "FitResult":
        if not self.pretrain:
            return super().run(advice)
        shared = {field.name: getattr(self, field.name) for field in fields(Recipe)}
        texts = {name: column for name, column in self.columns.items() if name in LanguageModelRecipe.task.fields}
        return LanguageModelRecipe(**{**shared, "columns": texts, "model": self.language_model}).run()


def main() -> None:
    """Run the command line: `seqcore train sentiment`, or `seqcore train language-model`, with the same flags."""
    recipe_script(SentimentScript, "apps.sentiment")


if __name__ == "__main__":
    main()
