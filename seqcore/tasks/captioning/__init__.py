"""Captioning, one to many: an image in, a sentence out."""

from seqcore.tasks.captioning.captioner import Captioner
from seqcore.tasks.captioning.config import CaptionerConfig
from seqcore.tasks.captioning.creation import extended_captioner, new_captioner, self_critical
from seqcore.tasks.captioning.network import CaptioningNetwork
from seqcore.tasks.captioning.result import Caption
from seqcore.tasks.captioning.reward import Reward
from seqcore.tasks.captioning.rows import ImageFeatures

__all__ = [
    "Caption",
    "Captioner",
    "CaptionerConfig",
    "CaptioningNetwork",
    "ImageFeatures",
    "Reward",
    "extended_captioner",
    "new_captioner",
    "self_critical",
]
