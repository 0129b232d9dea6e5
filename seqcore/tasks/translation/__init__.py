"""Translation, many to many: a sentence in, a sentence of another language out."""

from seqcore.tasks.translation.config import TranslatorConfig
from seqcore.tasks.translation.creation import extended_translator, new_translator
from seqcore.tasks.translation.directions import language_mark
from seqcore.tasks.translation.network import TranslationNetwork
from seqcore.tasks.translation.result import Translation
from seqcore.tasks.translation.translator import Translator

__all__ = [
    "Translation",
    "TranslationNetwork",
    "Translator",
    "TranslatorConfig",
    "extended_translator",
    "language_mark",
    "new_translator",
]
