"""New per-frame video classifiers, from nothing or from another one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seqcore.errors import SettingsError
from seqcore.nn.frames import POOLED, FrameEncoder, PretrainedFrameEncoder
from seqcore.nn.image_weights import new_image_encoder
from seqcore.tasks.video.classifier import FrameClassifier
from seqcore.tasks.video.config import FrameClassifierConfig
from seqcore.tasks.video.training import class_weights

MAX_COUNTED_VIDEOS = 2000  # Labels are weighed by so many, for composed films are many and each takes time.
_TRAINING = ("dropout", "label_smoothing", "smoothing", "median")


def new_frame_classifier(config: FrameClassifierConfig, weights: str | Path | None = None) -> FrameClassifier:
    """An untrained classifier.

    Args:
        weights: of a pretrained image network, see `new_image_encoder`; None is random.

    Raises:
        SettingsError: no such backbone or weights.
    """
    task = FrameClassifier(config)
    if weights is not None and isinstance(task.network.encoder, PretrainedFrameEncoder):
        seeing = new_image_encoder(config.image, weights)
        task.network.encoder.encoder.load_state_dict(seeing.state_dict())
    return task


@torch.no_grad()
def frame_classifier_from(old: FrameClassifier, config: FrameClassifierConfig) -> tuple[FrameClassifier, int]:
    """A classifier with what another one has learned, and for how many labels it kept the output.

    Args:
        config: gives labels, background and settings of the training; all else is that of `old`.
    """
    given = {name: getattr(config, name) for name in (*_TRAINING, "labels", "background", "aliases")}
    new = FrameClassifier(replace(old.config, **given))
    for part in ("encoder", "lstm"):
        getattr(new.network, part).load_state_dict(getattr(old.network, part).state_dict())
    kept = 0
    for number, label in enumerate(new.config.labels):
        if label in old.config.labels:
            before = old.config.labels.index(label)
            new.network.output.weight[number] = old.network.output.weight[before]
            new.network.output.bias[number] = old.network.output.bias[before]
            kept += 1
    new.network.train(old.network.training)
    return new, kept


def label_weights(classifier: FrameClassifier, rows: Sequence[Mapping[str, Any]]) -> Tensor:
    """What a frame of each label counts in training, (C,): the rarer the more, see `class_weights`."""
    counts = torch.zeros(len(classifier.config.labels))
    for row in rows[:MAX_COUNTED_VIDEOS]:
        target = classifier.collate([classifier.example(row)])["target"]
        counts += torch.bincount(target.flatten(), minlength=len(counts))
    return class_weights(counts)


@torch.no_grad()
def narrowed(old: FrameClassifier, channels: int) -> FrameClassifier:
    """A smaller classifier: of the compact network's last stage only the strongest channels are kept (Li 2017).

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
    columns = (outer.view(-1, 1) * each + torch.arange(each)).flatten()
    rest = torch.arange(last, weights["encoder.output.weight"].shape[1])
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
