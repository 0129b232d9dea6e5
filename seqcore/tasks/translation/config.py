"""What a translator is, as its ``config.json`` says."""

import re
from dataclasses import dataclass

from seqcore.errors import SettingsError
from seqcore.nn import ATTENTIONS


@dataclass(frozen=True)
class TranslatorConfig:
    """What a translator is.

    Attributes:
        directions: pairs it is trained for, ``source-target``.
        vocab_size: pieces of the shared vocabulary (the most, before training; the number, after).
        embedding_size: E, tied between source, target and output.
        encoder_hidden_size: H of each of the encoder's two directions.
        attention_layer: decoder layers below the attention.
        dropout: locked, on embeddings, between layers and before the output.
        max_source_length: tokens read at once; a longer line is translated in parts.
        max_target_length: tokens written at most for a part.
    """

    directions: tuple[str, ...] = ("en-de",)
    vocab_size: int = 6000
    embedding_size: int = 256
    encoder_hidden_size: int = 192
    encoder_layers: int = 2
    decoder_hidden_size: int = 384
    decoder_layers: int = 2
    attention: str = "general"
    attention_layer: int = 1
    layer_norm: bool = False
    dropout: float = 0.3
    weight_dropout: float = 0.0
    label_smoothing: float = 0.1
    max_source_length: int = 200
    max_target_length: int = 300

    def __post_init__(self) -> None:
        for direction in self.directions:
            if not re.fullmatch(r"[a-zA-Z_]+-[a-zA-Z_]+", direction):
                raise SettingsError(f"a direction is written like en-de, not {direction!r}")
        if not self.directions:
            raise SettingsError("a translator needs at least one direction")
        least = {"max_source_length": 8, "max_target_length": 1}
        for name in (
            "vocab_size",
            "embedding_size",
            "encoder_hidden_size",
            "encoder_layers",
            "decoder_hidden_size",
            "decoder_layers",
            "attention_layer",
            *least,
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least.get(name, 1):
                raise SettingsError(f"{name} must be a whole number of at least {least.get(name, 1)}, not {value!r}")
        for name in ("dropout", "weight_dropout", "label_smoothing"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0 <= value < 1:
                raise SettingsError(f"{name} must be at least 0 and less than 1, not {value!r}")
        if self.attention not in ATTENTIONS:
            raise SettingsError(f"attention must be one of {', '.join(ATTENTIONS)}, not {self.attention!r}")
        if self.attention_layer > self.decoder_layers:
            raise SettingsError(f"attention_layer must be at most decoder_layers, but is {self.attention_layer}")

    @property
    def languages(self) -> tuple[str, ...]:
        """Every language read or written, sorted."""
        return tuple(sorted({language for direction in self.directions for language in direction.split("-")}))
