"""seqcore: deep LSTM encoders and decoders, and the four sequence problems they solve.

The public names are loaded on first use, so that ``import seqcore`` stays light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqcore.decoding import GenerationConfig
    from seqcore.errors import SeqcoreError
    from seqcore.nn import LSTMDecoder, LSTMEncoder, LSTMStack
    from seqcore.tasks import load
    from seqcore.tasks.captioning import Caption, Captioner
    from seqcore.tasks.language import LanguageModel
    from seqcore.tasks.sentiment import Sentiment, SentimentClassifier
    from seqcore.tasks.translation import Translation, Translator
    from seqcore.tasks.video import FrameClassifier, FrameLabels
    from seqcore.text import Tokenizer

__version__ = "0.1.0"

_HOMES = {
    "Caption": "seqcore.tasks.captioning",
    "Captioner": "seqcore.tasks.captioning",
    "FrameClassifier": "seqcore.tasks.video",
    "FrameLabels": "seqcore.tasks.video",
    "GenerationConfig": "seqcore.decoding",
    "LSTMDecoder": "seqcore.nn",
    "LSTMEncoder": "seqcore.nn",
    "LSTMStack": "seqcore.nn",
    "LanguageModel": "seqcore.tasks.language",
    "Sentiment": "seqcore.tasks.sentiment",
    "SentimentClassifier": "seqcore.tasks.sentiment",
    "SeqcoreError": "seqcore.errors",
    "Tokenizer": "seqcore.text",
    "Translation": "seqcore.tasks.translation",
    "Translator": "seqcore.tasks.translation",
    "load": "seqcore.tasks",
}

__all__ = [
    "Caption",
    "Captioner",
    "FrameClassifier",
    "FrameLabels",
    "GenerationConfig",
    "LSTMDecoder",
    "LSTMEncoder",
    "LSTMStack",
    "LanguageModel",
    "Sentiment",
    "SentimentClassifier",
    "SeqcoreError",
    "Tokenizer",
    "Translation",
    "Translator",
    "load",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'seqcore' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
