"""New language models."""

from collections.abc import Iterable
from dataclasses import replace

from seqcore.tasks.language.config import LanguageModelConfig
from seqcore.tasks.language.model import LanguageModel
from seqcore.text import Tokenizer
from seqcore.text.markup import strip_markup


def new_language_model(config: LanguageModelConfig, texts: Iterable[str]) -> LanguageModel:
    """An untrained language model whose tokenizer is learned from ``texts``.

    Raises:
        DataError: too little text for a vocabulary.
    """
    tokenizer = Tokenizer.train((strip_markup(text) for text in texts), config.vocab_size, lowercase=config.lowercase)
    return LanguageModel(replace(config, vocab_size=len(tokenizer)), tokenizer)
