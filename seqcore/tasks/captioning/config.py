"""What a captioner is, as its ``config.json`` says."""

from dataclasses import dataclass

from seqcore.deprecation import Renamed
from seqcore.errors import SettingsError
from seqcore.nn import ATTENTIONS
from seqcore.nn.images import ImageEncoderConfig


@dataclass(frozen=True)
class CaptionerConfig:
    """What a captioner is.

    Attributes:
        backbone, image_size, image_mean, image_std: see :class:`~seqcore.nn.images.ImageEncoderConfig`.
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
    image_size: int = 224
    image_mean: tuple[float, float, float] = (127.0, 127.0, 127.0)
    image_std: tuple[float, float, float] = (128.0, 128.0, 128.0)
    vocab_size: int = 3000
    embedding_size: int = 256
    memory_size: int = 384
    hidden_size: int = 384
    num_layers: int = 2
    attention: str = "general"
    attention_layer: int = 1
    attention_gate: bool = False
    attention_penalty: float = 0.0
    dropout: float = 0.3
    label_smoothing: float = 0.1
    max_length: int = 40
    layers = Renamed("num_layers")

    def __post_init__(self) -> None:
        self.encoder  # checks what is said of images  # noqa: B018
        for name in (
            "vocab_size",
            "embedding_size",
            "memory_size",
            "hidden_size",
            "num_layers",
            "attention_layer",
            "max_length",
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise SettingsError(f"{name} must be a whole number of at least 1, not {value!r}")
        for name in ("dropout", "label_smoothing"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0 <= value < 1:
                raise SettingsError(f"{name} must be at least 0 and less than 1, not {value!r}")
        if not isinstance(self.attention_penalty, int | float) or not 0 <= self.attention_penalty < 100:
            raise SettingsError(f"attention_penalty must be from 0 to 100, not {self.attention_penalty!r}")
        if self.attention not in ATTENTIONS:
            raise SettingsError(f"attention must be one of {', '.join(ATTENTIONS)}, not {self.attention!r}")
        if self.attention_layer > self.num_layers:
            raise SettingsError(f"attention_layer must be at most num_layers, but is {self.attention_layer}")

    @property
    def encoder(self) -> ImageEncoderConfig:
        """What it sees with."""
        return ImageEncoderConfig(self.backbone, self.image_size, self.image_mean, self.image_std)
