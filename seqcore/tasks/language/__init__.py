"""The language model: an LSTM that reads a text and predicts its next piece, and so writes on."""

from seqcore.deprecation import renamed
from seqcore.tasks.language.config import LanguageModelConfig
from seqcore.tasks.language.model import LanguageModel
from seqcore.tasks.language.network import LanguageNetwork
from seqcore.tasks.language.result import Likelihood, Written

__all__ = ["LanguageModel", "LanguageModelConfig", "LanguageNetwork", "Likelihood", "Written"]

__getattr__ = renamed(
    __name__,
    {"new_language_model": f"{__name__}.LanguageModel.create"},
    {"new_language_model": lambda create: lambda config, texts: create(config, [{"text": text} for text in texts])},
)
