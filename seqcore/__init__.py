"""seqcore: deep LSTM encoders and decoders, and the four sequence problems they solve.

The public names are loaded on first use, so that `import seqcore` stays light.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from seqcore.lazy import lazy as _lazy

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

__getattr__ = _lazy(
    __name__,
    {
        "decoding": "GenerationConfig Hypothesis",
        "errors": "CheckpointError DataError InputError SeqcoreError SettingsError",
        "nn": "DecoderState LSTMDecoder LSTMEncoder LSTMStack LSTMState Memory",
        "tasks": "Loss Task load",
        "tasks.captioning": "Caption Captioner",
        "tasks.language": "LanguageModel Likelihood",
        "tasks.sentiment": "Sentiment SentimentClassifier",
        "tasks.translation": "Translation Translator",
        "tasks.video": "FrameClassifier FrameLabels",
        "text": "Tokenizer",
        "training": "TrainingSettings fit",
    },
)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
