"""Metrics, which say how good answers are. Every function is pure, and names the published definition it follows."""

from seqcore.metrics.captions import CiderD, caption_scores, caption_words
from seqcore.metrics.classification import (
    classification_scores,
    expected_calibration_error,
    multi_label_scores,
    reliability,
)
from seqcore.metrics.frames import edit_score, event_counts, frame_scores, overlap_f1, segment_accuracy
from seqcore.metrics.translation import bleu, chrf

__all__ = [
    "CiderD",
    "bleu",
    "caption_scores",
    "caption_words",
    "chrf",
    "classification_scores",
    "edit_score",
    "event_counts",
    "expected_calibration_error",
    "frame_scores",
    "multi_label_scores",
    "overlap_f1",
    "reliability",
    "segment_accuracy",
]
