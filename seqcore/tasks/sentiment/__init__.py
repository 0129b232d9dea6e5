"""Many to one: what a text says, how sure that is, and why."""

from seqcore.deprecation import renamed
from seqcore.tasks.sentiment.classifier import SentimentClassifier, labels_of
from seqcore.tasks.sentiment.config import SentimentConfig
from seqcore.tasks.sentiment.creation import (
    class_weights,
    classifier_from,
    copy_embedding,
    new_classifier,
)
from seqcore.tasks.sentiment.result import Sentiment

__all__ = [
    "Sentiment",
    "SentimentClassifier",
    "SentimentConfig",
    "class_weights",
    "classifier_from",
    "copy_embedding",
    "labels_of",
    "new_classifier",
]

__getattr__ = renamed(__name__, {"calibrate": "seqcore.tasks.sentiment.classifier.SentimentClassifier.finish_training"})
