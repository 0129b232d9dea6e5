"""Translation, many to many: a sentence in, a sentence of another language out."""

from seqcore.deprecation import renamed
from seqcore.tasks.translation.config import TranslatorConfig
from seqcore.tasks.translation.directions import language_mark
from seqcore.tasks.translation.network import TranslationNetwork
from seqcore.tasks.translation.result import Translation
from seqcore.tasks.translation.translator import Translator

__all__ = ["Translation", "TranslationNetwork", "Translator", "TranslatorConfig", "language_mark"]

__getattr__ = renamed(
    __name__,
    {"new_translator": f"{__name__}.Translator.create", "extended_translator": f"{__name__}.Translator.adapt"},
    {
        "new_translator": lambda create: lambda config, texts: create(config, [{"source": text} for text in texts]),
        "extended_translator": lambda adapt: (
            lambda old, config, texts: adapt(
                old, config, Translator.train_tokenizer(config, [{"source": text} for text in texts])
            )
        ),
    },
)
