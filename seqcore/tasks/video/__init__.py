"""Per-frame video classification, many to many in step: a video in, a label for each of its frames out."""

from seqcore.deprecation import renamed
from seqcore.tasks.video.classifier import FrameClassifier
from seqcore.tasks.video.config import FrameClassifierConfig
from seqcore.tasks.video.network import FrameNetwork, StreamState
from seqcore.tasks.video.result import FrameLabels, Segment
from seqcore.tasks.video.rows import ComposedFilm

__all__ = [
    "ComposedFilm",
    "FrameClassifier",
    "FrameClassifierConfig",
    "FrameLabels",
    "FrameNetwork",
    "Segment",
    "StreamState",
]

__getattr__ = renamed(__name__, {"Stream": f"{__name__}.StreamState"})
