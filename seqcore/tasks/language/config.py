"""What a language model is, as its ``config.json`` says."""

from dataclasses import dataclass

from seqcore.errors import SettingsError


@dataclass(frozen=True)
class LanguageModelConfig:
    """What a language model is.

    Attributes:
        vocab_size: pieces of the vocabulary (the most, before training; the number, after).
        embedding_size, hidden_size, num_layers: E, H and L; the output matrix is the embedding itself.
        lowercase: read capitals as small letters.
        dropout: locked, between layers.
        input_dropout, output_dropout: locked, on embeddings and before the output.
        embedding_dropout: of whole tokens.
        weight_dropout: on hidden-to-hidden weights (Merity 2018, as all of these).
    """

    vocab_size: int = 10000
    embedding_size: int = 256
    hidden_size: int = 512
    num_layers: int = 2
    lowercase: bool = True
    dropout: float = 0.1
    input_dropout: float = 0.1
    output_dropout: float = 0.1
    embedding_dropout: float = 0.02
    weight_dropout: float = 0.1

    def __post_init__(self) -> None:
        for name in ("vocab_size", "embedding_size", "hidden_size", "num_layers"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise SettingsError(f"{name} must be a whole number of at least 1, not {value!r}")
        for name in ("dropout", "input_dropout", "output_dropout", "embedding_dropout", "weight_dropout"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0 <= value < 1:
                raise SettingsError(f"{name} must be at least 0 and less than 1, not {value!r}")
