"""Smaller per-frame video classifiers."""

from dataclasses import replace

import torch

from seqcore.errors import SettingsError
from seqcore.nn.frames import POOLED, FrameEncoder
from seqcore.tasks.video.classifier import FrameClassifier


@torch.no_grad()
def prune_channels(old: FrameClassifier, channels: int) -> FrameClassifier:
    """Make a smaller classifier: only the strongest channels of the compact network's last stage are kept (Li 2017).

    It is to be trained on for a while.

    Raises:
        SettingsError: the network is not compact, or its last stage has not so many channels.
    """
    config, encoder = old.config, old.network.encoder
    if not isinstance(encoder, FrameEncoder) or not 0 < channels <= config.widths[-1]:
        raise SettingsError(f"the last stage of {config.backbone} cannot be narrowed to {channels} channels")
    new = FrameClassifier(replace(config, widths=(*config.widths[:-1], channels)))
    weights = old.network.state_dict()
    stage = f"encoder.stages.{len(config.widths) - 2}"
    each = POOLED[0] * POOLED[1]
    last = config.widths[-1] * each
    used = weights["encoder.output.weight"][:, :last].abs().sum(0).view(-1, each).sum(1)
    outer = used.topk(channels).indices.sort().values
    strength = weights[f"{stage}.body.0.weight"].abs().sum((1, 2, 3)) * weights[f"{stage}.body.1.weight"].abs()
    inner = strength.topk(channels).indices.sort().values
    columns = (outer.view(-1, 1) * each + torch.arange(each, device=old.device)).flatten()
    rest = torch.arange(last, weights["encoder.output.weight"].shape[1], device=old.device)
    for name, weight in weights.items():
        if name.startswith((f"{stage}.body.0", f"{stage}.body.1")) and weight.dim():
            weights[name] = weight[inner]
        elif name.startswith(stage) and weight.dim():
            weights[name] = weight[outer][:, inner] if name == f"{stage}.body.3.weight" else weight[outer]
        elif name == "encoder.output.weight":
            weights[name] = weight[:, torch.cat([columns, rest])]
    new.network.load_state_dict(weights)
    new.network.train(old.network.training)
    return new
