"""Image encoders, which turn photographs into grids of features."""

import math
from collections.abc import Callable, Iterator
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from seqcore.errors import SettingsError
from seqcore.nn.backbones import TORCHVISION, check_name, create_whole, library
from seqcore.nn.precision import single_precision
from seqcore.validation import settings

IMAGENET_MEAN, IMAGENET_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
# Children of a network that are lists of stages, not stages.
BODIES = {"blocks", "encoder", "features", "layers", "stages", "trunk_output"}
# The first child of a torchvision classifier that follows the grid.
HEADS = {"avgpool", "classifier", "dropout", "fc", "flatten", "head", "heads"}

MAX_SIDE = 4096  # In pixels: what asks for more is no image but an attack on the memory.


@settings()
class ImageEncoderConfig:
    """Says which network reads images, and what it is given.

    Attributes:
        backbone: a timm model (`tf_efficientnet_lite2`) or a torchvision one (`torchvision:resnet18`).
        size: side of the square images, in pixels.
        mean, std: those of the three colours on the scale 0 to 255; the network reads (image − mean) / std.
            EfficientNet-Lite was trained on (image − 127) / 128; for others see `image_encoder_config`.
    """

    backbone: str = "tf_efficientnet_lite2"
    size: Annotated[int, Field(ge=1, le=MAX_SIDE)] = 224
    mean: tuple[float, float, float] = (127.0, 127.0, 127.0)
    std: tuple[float, float, float] = (128.0, 128.0, 128.0)

    def __post_init__(self) -> None:
        if not self.backbone:
            raise SettingsError("backbone must be the name of a network")
        if min(self.std) <= 0:
            raise SettingsError(f"std must be greater than 0, not {self.std!r}")


def image_encoder_config(backbone: str, size: int | None = None) -> ImageEncoderConfig:
    """Find out what a backbone was trained on: its normalisation, and its size unless another is given.

    Raises:
        SettingsError: there is no such backbone, or its library is missing.
    """
    mean, std, usual = IMAGENET_MEAN, IMAGENET_STD, 224
    if not backbone.startswith(TORCHVISION):
        timm = library("timm")
        check_name(backbone, timm.list_models())
        if "efficientnet_lite" in backbone:
            return ImageEncoderConfig(backbone, size or usual)
        if cfg := timm.get_pretrained_cfg(backbone):
            mean, std = (tuple(round(255 * x, 4) for x in values) for values in (cfg.mean, cfg.std))
            usual = cfg.input_size[-1]
    return ImageEncoderConfig(backbone, size or usual, mean, std)


class ImageEncoder(nn.Module):
    """Runs an image network without its classifier: images (B, 3, size, size) → grid (B, S, D).

    Weights are random until `new_image_encoder` or a checkpoint fills them. `.to(memory_format=torch.channels_last)` is
    respected. Where all is frozen autograd records nothing, unless the images themselves ask for gradients.

    Args:
        config: which network, and what it is given.

    Attributes:
        output_size: D, the width of a place of the grid.
        grid_shape: rows and columns of the grid; S is their product.

    Raises:
        SettingsError: there is no such backbone, it cannot read this size, or it gives no grid.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, config: ImageEncoderConfig) -> None:
        super().__init__()
        self.config = config
        whole = create_whole(config.backbone, config.size)
        self.backbone = _Trunk(whole) if config.backbone.startswith(TORCHVISION) else whole
        for name, values in (("mean", torch.tensor(config.mean)), ("scale", 1 / torch.tensor(config.std))):
            self.register_buffer(name, values.view(3, 1, 1), persistent=False)
        self.eval()
        try:
            with torch.no_grad():
                features = _drop_unused(self.backbone, lambda: self._grid(torch.zeros(1, 3, config.size, config.size)))
        except Exception as error:  # Networks object to a size in many ways.
            raise SettingsError(
                f"{config.backbone} gives no grid for images of {config.size} pixels: {error}"
            ) from error
        self.grid_shape, self.output_size = (features.shape[1], features.shape[2]), features.shape[3]
        self.train()

    def forward(self, images: Tensor) -> Tensor:
        """Encode images (B, 3, size, size), uint8 or floating point from 0 to 255 → (B, S, D), row by row."""
        return self._grid(images).flatten(1, 2)

    def pooled(self, images: Tensor) -> Tensor:
        """Do as `forward`, and take the mean over the grid: (B, D)."""
        return self._grid(images).mean((1, 2))

    def _grid(self, images: Tensor) -> Tensor:
        size = self.config.size
        if images.dim() != 4 or images.shape[1:] != (3, size, size):
            raise ValueError(f"images must be (B, 3, {size}, {size}), not {tuple(images.shape)}")
        with single_precision(images.device, self.training):
            return self._run((images.to(self.mean.dtype) - self.mean) * self.scale)

    def _run(self, x: Tensor) -> Tensor:
        if isinstance(self.backbone, _Trunk):
            trunk: Tensor = self.backbone(x)
            return trunk.permute(0, 2, 3, 1)
        features: Tensor = self.backbone.forward_features(x)  # type: ignore[operator]
        if features.dim() == 4:
            last = features.shape[1] != self.backbone.num_features and features.shape[3] == self.backbone.num_features
            return features if last else features.permute(0, 2, 3, 1)
        features = features[:, getattr(self.backbone, "num_prefix_tokens", 0) :]
        side = math.isqrt(features.shape[1])
        return features.unflatten(1, (side, side))

    @property
    def stages(self) -> list[tuple[str, list[nn.Module]]]:
        """List the network in order, each stage by the name of its first layer; norms belong to the stage before them.

        Those of an EfficientNet are conv_stem, blocks.0 to blocks.6, and conv_head.
        """
        stages: list[tuple[str, list[nn.Module]]] = []
        for name, part in _parts(self.backbone):
            if not stages or any(weight.dim() > 1 for weight in part.parameters()):
                stages.append((name, []))
            stages[-1][1].append(part)
        return stages

    def train_last(self, stages: int | None) -> None:
        """Freeze all but the last so many stages: 0 freezes everything, None frees everything.

        Frozen stages stay in evaluation mode, so that their batch norms keep their statistics.

        Raises:
            SettingsError: there are not so many stages.
        """
        every = self.stages
        if stages is not None and not 0 <= stages <= len(every):
            raise SettingsError(f"{self.config.backbone} has {len(every)} stages, so {stages} cannot be trained")
        self.requires_grad_(stages is None or stages == len(every))
        for _, parts in every[len(every) - stages :] if stages else []:
            for part in parts:
                part.requires_grad_(True)
        self.train(self.training)

    def train(self, mode: bool = True) -> "ImageEncoder":
        """Set training mode, but not of what is frozen."""
        super().train(mode)
        for _, parts in self.stages:
            if not any(weight.requires_grad for part in parts for weight in part.parameters()):
                for part in parts:
                    part.eval()
        return self


class _Trunk(nn.Module):
    """The layers of a torchvision classifier before its pooling, under their own names."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        for name, child in model.named_children():
            if name in HEADS:
                break
            if not name.lower().startswith("aux"):
                self.add_module(name, child)
        if type(model).__name__ == "DenseNet":
            self.add_module("relu", nn.ReLU())  # It is a function in torchvision.

    def forward(self, x: Tensor) -> Tensor:
        for child in self.children():
            for layer in child if isinstance(child, nn.ModuleList) else [child]:
                x = layer(x)
        return x


def _parts(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Children in order; in the place of a list of stages, these."""
    for name, child in module.named_children():
        if name in BODIES:
            yield from ((f"{name}.{inner}", part) for inner, part in _parts(child))
        else:
            yield name, child


def _drop_unused(backbone: nn.Module, run: Callable[[], Tensor]) -> Tensor:
    """Run once, and drop those children that took no part, such as a classifier; what the run gave."""
    used: set[str] = set()
    hooks = [
        inner.register_forward_pre_hook(lambda *_, name=name: used.add(name))
        for name, child in backbone.named_children()
        for inner in child.modules()
    ]
    try:
        result = run()
    finally:
        for hook in hooks:
            hook.remove()
    for name, child in list(backbone.named_children()):
        if name not in used and any(True for _ in child.parameters()):
            setattr(backbone, name, nn.Identity())
    return result
