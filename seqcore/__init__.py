"""seqcore: deep LSTM encoders and decoders, and the four sequence problems they solve.

The public names are loaded on first use, so that `import seqcore` stays light.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

if _TYPE_CHECKING:
    from seqcore.decoding import GenerationConfig, Hypothesis
    from seqcore.errors import CheckpointError, DataError, InputError, SeqcoreError, SettingsError
    from seqcore.nn import DecoderState, LSTMDecoder, LSTMEncoder, LSTMStack, LSTMState, Memory
    from seqcore.tasks import Loss, Task, load
    from seqcore.tasks.captioning import Caption, Captioner
    from seqcore.tasks.language import LanguageModel, Likelihood
    from seqcore.tasks.sentiment import Sentiment, SentimentClassifier
    from seqcore.tasks.translation import Translation, Translator
    from seqcore.tasks.video import FrameClassifier, FrameLabels
    from seqcore.text import Tokenizer
    from seqcore.training import TrainingSettings, fit

__version__ = "0.2.0"

_HOMES = {
    "seqcore.decoding": ("GenerationConfig", "Hypothesis"),
    "seqcore.errors": ("CheckpointError", "DataError", "InputError", "SeqcoreError", "SettingsError"),
    "seqcore.nn": ("DecoderState", "LSTMDecoder", "LSTMEncoder", "LSTMStack", "LSTMState", "Memory"),
    "seqcore.tasks": ("Loss", "Task", "load"),
    "seqcore.tasks.captioning": ("Caption", "Captioner"),
    "seqcore.tasks.language": ("LanguageModel", "Likelihood"),
    "seqcore.tasks.sentiment": ("Sentiment", "SentimentClassifier"),
    "seqcore.tasks.translation": ("Translation", "Translator"),
    "seqcore.tasks.video": ("FrameClassifier", "FrameLabels"),
    "seqcore.text": ("Tokenizer",),
    "seqcore.training": ("TrainingSettings", "fit"),
}

__all__ = [
    "Caption",
    "Captioner",
    "CheckpointError",
    "DataError",
    "DecoderState",
    "FrameClassifier",
    "FrameLabels",
    "GenerationConfig",
    "Hypothesis",
    "InputError",
    "LSTMDecoder",
    "LSTMEncoder",
    "LSTMStack",
    "LSTMState",
    "LanguageModel",
    "Likelihood",
    "Loss",
    "Memory",
    "Sentiment",
    "SentimentClassifier",
    "SeqcoreError",
    "SettingsError",
    "Task",
    "Tokenizer",
    "TrainingSettings",
    "Translation",
    "Translator",
    "fit",
    "load",
]


def __getattr__(name: str) -> _Any:
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(_import_module(home), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'seqcore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
