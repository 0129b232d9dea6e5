"""Networks that see images, by their names, as the libraries that know them make them."""

import difflib
from collections.abc import Callable
from typing import Any

from torch import nn

from seqcore.errors import SettingsError, first_line, require

TORCHVISION = "torchvision:"


def create_whole(backbone: str, size: int, pretrained: bool = False) -> nn.Module:
    """Make a network with its classifier.

    Args:
        backbone: a timm model, or a torchvision one after `torchvision:`.
        size: side of the images, in pixels, for a network that is made for a single size.
        pretrained: fill it with the library's own weights, which are downloaded.

    Raises:
        SettingsError: there is no such network, it cannot be made for this size, or its library or weights are missing.
    """
    name = backbone.removeprefix(TORCHVISION)
    if name != backbone:
        models = library("torchvision").models
        check_name(backbone, [TORCHVISION + known for known in models.list_models(module=models)])
        create: Callable[..., nn.Module] = models.get_model
        options: dict[str, Any] = {"weights": "DEFAULT" if pretrained else None}
    else:
        timm = library("timm")
        check_name(name, timm.list_models())
        cfg = timm.get_pretrained_cfg(name)
        fixed = cfg is not None and cfg.fixed_input_size and cfg.input_size[-1] != size
        create, options = timm.create_model, {"pretrained": pretrained}
        if fixed:
            options["img_size"] = size
    try:
        return create(name, **options)
    except Exception as error:  # Networks, downloads and their clients raise anything.
        if pretrained:
            message = (
                f"the weights of {backbone} cannot be downloaded: {first_line(error)}. Look at the network, or give"
            )
            raise SettingsError(f"{message} a file of weights") from error
        raise SettingsError(f"{backbone} cannot be made for {size} pixels: {first_line(error)}") from error


def check_name(name: str, known: list[str]) -> None:
    """Raise SettingsError for a name that is not known, with those that are near."""
    if name.partition(".")[0] not in known:  # timm names its pretrained weights after a point.
        near = difflib.get_close_matches(name, known, 3)
        raise SettingsError(f"there is no backbone {name!r}" + (f"; near are {', '.join(near)}" if near else ""))


def library(name: str) -> Any:
    """Import a module on first use. Raises SettingsError when it is not installed."""
    return require(name, "reading images needs", "vision")
