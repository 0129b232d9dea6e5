"""What a sentiment classifier is, as its ``config.json`` says."""

from dataclasses import dataclass

from seqcore.deprecation import Renamed
from seqcore.errors import SettingsError


@dataclass(frozen=True)
class SentimentConfig:
    """What a sentiment classifier is.

    Attributes:
        labels: names of the classes.
        multi_label: a text may have any number of labels, which a ``|`` divides in data.
        vocab_size: pieces of the vocabulary (the most, before training; the number, after).
        embedding_size, hidden_size, num_layers: E, H and L of a one-way LSTM.
        lowercase: read capitals as small letters.
        head_size: hidden units between the pooled states and the classes.
        dropout: locked, between layers.
        input_dropout: locked, on embeddings.
        embedding_dropout: of whole tokens.
        weight_dropout: on hidden-to-hidden weights.
        head_dropout: on the pooled states.
        max_length: tokens of a text that are read.
        temperature: divides the logits, so that probabilities are calibrated (Guo 2017).
        min_letter_log_likelihood: of a text whose language the model knows; see
            `seqcore.text.likelihood.letter_log_likelihood`.
    """

    labels: tuple[str, ...] = ("negative", "positive")
    multi_label: bool = False
    vocab_size: int = 10000
    embedding_size: int = 256
    hidden_size: int = 512
    num_layers: int = 2
    lowercase: bool = True
    head_size: int = 64
    dropout: float = 0.2
    input_dropout: float = 0.2
    embedding_dropout: float = 0.05
    weight_dropout: float = 0.2
    head_dropout: float = 0.2
    max_length: int = 10000
    temperature: float = 1.0
    min_letter_log_likelihood: float = -1000.0
    least_familiarity = Renamed("min_letter_log_likelihood")

    def __post_init__(self) -> None:
        sizes = ("vocab_size", "embedding_size", "hidden_size", "num_layers", "head_size", "max_length")
        for name in sizes:
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise SettingsError(f"{name} must be a whole number of at least 1, not {value!r}")
        for name in ("dropout", "input_dropout", "embedding_dropout", "weight_dropout", "head_dropout"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0 <= value < 1:
                raise SettingsError(f"{name} must be at least 0 and less than 1, not {value!r}")
        if not isinstance(self.temperature, int | float) or not self.temperature > 0:
            raise SettingsError(f"temperature must be greater than 0, not {self.temperature!r}")
        if len(set(self.labels)) < len(self.labels) or not all(isinstance(name, str) for name in self.labels):
            raise SettingsError(f"labels must be different names, not {', '.join(map(str, self.labels))}")
        if len(self.labels) < (1 if self.multi_label else 2):
            raise SettingsError(f"a classifier needs at least two labels, but has only {', '.join(self.labels)}")
        if self.multi_label and any("|" in name for name in self.labels):
            raise SettingsError("a label of several must not hold a |, which divides them")
