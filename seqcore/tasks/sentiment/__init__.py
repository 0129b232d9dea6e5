"""Many to one: what a text says, how sure that is, and why."""

from seqcore.tasks.sentiment.calibration import calibrate
from seqcore.tasks.sentiment.classifier import SentimentClassifier
from seqcore.tasks.sentiment.config import SentimentConfig
from seqcore.tasks.sentiment.creation import classifier_from, copy_embedding, labels_of, new_classifier
from seqcore.tasks.sentiment.result import Sentiment

__all__ = [
    "Sentiment",
    "SentimentClassifier",
    "SentimentConfig",
    "calibrate",
    "classifier_from",
    "copy_embedding",
    "labels_of",
    "new_classifier",
]
