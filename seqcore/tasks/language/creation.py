"""New language models."""

from collections.abc import Iterable

from seqcore.tasks.language.config import LanguageModelConfig
from seqcore.tasks.language.model import LanguageModel


def new_language_model(config: LanguageModelConfig, texts: Iterable[str]) -> LanguageModel:
    """An untrained language model whose tokenizer is learned from `texts`.

    Raises:
        DataError: too little text for a vocabulary.
    """
    return LanguageModel.create(config, [{"text": text} for text in texts])
