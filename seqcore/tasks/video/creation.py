"""New per-frame video classifiers, from nothing or from another one."""

from dataclasses import replace
from pathlib import Path

import torch

from seqcore.nn.frames import PretrainedFrameEncoder
from seqcore.nn.image_weights import new_image_encoder
from seqcore.tasks.video.classifier import FrameClassifier
from seqcore.tasks.video.config import FrameClassifierConfig

_TRAINING = ("dropout", "label_smoothing", "smoothing", "median")


def new_frame_classifier(config: FrameClassifierConfig, weights: str | Path | None = None) -> FrameClassifier:
    """An untrained classifier.

    Args:
        weights: of a pretrained image network, see :func:`~seqcore.nn.image_weights.new_image_encoder`; None is random.

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
        config: gives labels, background and settings of the training; all else is that of ``old``.
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
