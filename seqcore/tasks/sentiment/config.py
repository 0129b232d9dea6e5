"""What a sentiment classifier is, as its `config.json` says."""

from seqcore.deprecation import Renamed
from seqcore.errors import SettingsError
from seqcore.validation import Positive, Rate, Size, settings


@settings()
class SentimentConfig:
    """What a sentiment classifier is.

    Attributes:
        labels: names of the classes.
        multi_label: a text may have any number of labels; in data they are a list, or divided by `|`.
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
    vocab_size: Size = 10000
    embedding_size: Size = 256
    hidden_size: Size = 512
    num_layers: Size = 2
    lowercase: bool = True
    head_size: Size = 64
    dropout: Rate = 0.2
    input_dropout: Rate = 0.2
    embedding_dropout: Rate = 0.05
    weight_dropout: Rate = 0.2
    head_dropout: Rate = 0.2
    max_length: Size = 10000
    temperature: Positive = 1.0
    min_letter_log_likelihood: float = -1000.0
    least_familiarity = Renamed("min_letter_log_likelihood")

    def __post_init__(self) -> None:
        if len(set(self.labels)) < len(self.labels):
            raise SettingsError(f"labels must be different names, not {', '.join(self.labels)}")
        if len(self.labels) < (1 if self.multi_label else 2):
            raise SettingsError(f"a classifier needs at least two labels, but has only {', '.join(self.labels)}")
        if self.multi_label and any("|" in name for name in self.labels):
            raise SettingsError("a label of several must not hold a |, which divides them")
