"""The language model: an LSTM that reads a text and predicts its next piece, and so writes on."""

from seqcore.tasks.language.config import LanguageModelConfig
from seqcore.tasks.language.creation import new_language_model
from seqcore.tasks.language.model import LanguageModel
from seqcore.tasks.language.network import LanguageNetwork
from seqcore.tasks.language.result import Likelihood, Written

__all__ = ["LanguageModel", "LanguageModelConfig", "LanguageNetwork", "Likelihood", "Written", "new_language_model"]
