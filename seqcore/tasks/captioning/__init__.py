"""Captioning, one to many: an image in, a sentence out."""

from seqcore.deprecation import renamed
from seqcore.tasks.captioning.captioner import Captioner, self_critical
from seqcore.tasks.captioning.config import CaptionerConfig
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
    "self_critical",
]

__getattr__ = renamed(
    __name__,
    {"new_captioner": f"{__name__}.Captioner.create", "extended_captioner": f"{__name__}.Captioner.adapt"},
    {
        "new_captioner": lambda create: (
            lambda config, captions, weights=None: create(config, [{"captions": list(captions)}], weights)
        ),
        "extended_captioner": lambda adapt: (
            lambda old, config, captions: adapt(
                old, config, Captioner.train_tokenizer(config, [{"captions": list(captions)}])
            )
        ),
    },
)
