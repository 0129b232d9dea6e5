"""How good an answer is. Every function is pure, and says which published definition it follows."""

from seqcore.metrics.captions import CiderD, caption_scores, caption_words
from seqcore.metrics.classification import (
    classification_scores,
    expected_calibration_error,
    multi_label_scores,
    reliability,
)
from seqcore.metrics.translation import bleu, chrf

__all__ = [
    "CiderD",
    "bleu",
    "caption_scores",
    "caption_words",
    "chrf",
    "classification_scores",
    "expected_calibration_error",
    "multi_label_scores",
    "reliability",
]
