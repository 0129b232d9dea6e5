"""What a translator is, as its `config.json` says."""

import re
from typing import Annotated

from pydantic import Field

from seqcore.errors import SettingsError
from seqcore.nn import AttentionKind
from seqcore.text.scripts import SCRIPTS
from seqcore.validation import Rate, Size, settings


@settings()
class TranslatorConfig:
    """What a translator is.

    Attributes:
        directions: pairs it is trained for, `source-target`.
        vocab_size: pieces of the shared vocabulary (the most, before training; the number, after).
        embedding_size: E, tied between source, target and output.
        encoder_hidden_size: H of each of the encoder's two directions.
        attention_layer: decoder layers below the attention.
        dropout: locked, on embeddings, between layers and before the output.
        max_source_length: tokens read at once; a longer line is translated in parts.
        max_target_length: tokens written at most for a part.
        scripts: what its languages are written in, such as latin and cyrillic; what is in other scripts is copied. A
            new model without any takes those of its training text; a checkpoint that says nothing means latin.
    """

    directions: tuple[str, ...] = ("en-de",)
    vocab_size: Size = 6000
    embedding_size: Size = 256
    encoder_hidden_size: Size = 192
    encoder_layers: Size = 2
    decoder_hidden_size: Size = 384
    decoder_layers: Size = 2
    attention: AttentionKind = "general"
    attention_layer: Size = 1
    layer_norm: bool = False
    dropout: Rate = 0.3
    weight_dropout: Rate = 0.0
    label_smoothing: Rate = 0.1
    max_source_length: Annotated[int, Field(ge=8)] = 200
    max_target_length: Size = 300
    scripts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for script in self.scripts:
            if script not in SCRIPTS:
                raise SettingsError(f"{script!r} is no script that is known; these are: {', '.join(SCRIPTS)}")
        for direction in self.directions:
            if not re.fullmatch(r"[a-zA-Z_]+-[a-zA-Z_]+", direction):
                raise SettingsError(f"a direction is written like en-de, not {direction!r}")
        if not self.directions:
            raise SettingsError("a translator needs at least one direction")
        if self.attention_layer > self.decoder_layers:
            raise SettingsError(f"attention_layer must be at most decoder_layers, but is {self.attention_layer}")

    @property
    def languages(self) -> tuple[str, ...]:
        """Every language read or written, sorted."""
        return tuple(sorted({language for direction in self.directions for language in direction.split("-")}))
