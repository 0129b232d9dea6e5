"""What a captioner is, as its `config.json` says."""

from typing import Annotated

from pydantic import Field

from seqcore.deprecation import Renamed
from seqcore.errors import SettingsError
from seqcore.nn import AttentionKind
from seqcore.nn.images import ImageEncoderConfig
from seqcore.validation import Rate, Size, settings


@settings()
class CaptionerConfig:
    """What a captioner is.

    Attributes:
        backbone, image_size, image_mean, image_std: see `ImageEncoderConfig`.
        vocab_size: pieces of the vocabulary (the most, before training; the number, after).
        embedding_size: E, tied between input and output.
        memory_size: M, what each cell of the grid is projected to.
        hidden_size, num_layers: of the decoder.
        attention_layer: decoder layers below the attention.
        attention_gate: let each word decide how much of what it sees counts (Xu 2015).
        attention_penalty: how much it costs, while training, to look at some places more than at others in sum over
            the caption (the doubly stochastic λ of Xu 2015).
        dropout: locked, on grid and embeddings, between layers and before the output.
        max_length: tokens written at most.
    """

    backbone: str = "tf_efficientnet_lite2"
    image_size: Size = 224
    image_mean: tuple[float, float, float] = (127.0, 127.0, 127.0)
    image_std: tuple[float, float, float] = (128.0, 128.0, 128.0)
    vocab_size: Size = 3000
    embedding_size: Size = 256
    memory_size: Size = 384
    hidden_size: Size = 384
    num_layers: Size = 2
    attention: AttentionKind = "general"
    attention_layer: Size = 1
    attention_gate: bool = False
    attention_penalty: Annotated[float, Field(ge=0, lt=100)] = 0.0
    dropout: Rate = 0.3
    label_smoothing: Rate = 0.1
    max_length: Size = 40
    layers = Renamed("num_layers")

    def __post_init__(self) -> None:
        self.encoder  # checks what is said of images  # noqa: B018
        if self.attention_layer > self.num_layers:
            raise SettingsError(f"attention_layer must be at most num_layers, but is {self.attention_layer}")

    @property
    def encoder(self) -> ImageEncoderConfig:
        """What it sees with."""
        return ImageEncoderConfig(self.backbone, self.image_size, self.image_mean, self.image_std)
