"""Many to one: what a text says, how sure that is, and why."""

from seqcore.deprecation import renamed
from seqcore.tasks.sentiment.classifier import SentimentClassifier, class_weights
from seqcore.tasks.sentiment.config import SentimentConfig
from seqcore.tasks.sentiment.labels import labels_of
from seqcore.tasks.sentiment.result import Sentiment

__all__ = ["Sentiment", "SentimentClassifier", "SentimentConfig", "class_weights", "labels_of"]

__getattr__ = renamed(
    __name__,
    {
        "calibrate": f"{__name__}.SentimentClassifier.finish_training",
        "classifier_from": f"{__name__}.SentimentClassifier.adapt",
        "copy_embedding": "seqcore.tasks.text_task.copy_rows",
        "new_classifier": f"{__name__}.SentimentClassifier.create",
    },
    {
        "calibrate": lambda finish: lambda classifier, rows, batch_size=32: finish(classifier, rows),
        "copy_embedding": lambda copy: (
            lambda old, source, new, target: copy(old, new, [(source.weight, target.weight)])
        ),
        "new_classifier": lambda create: lambda config, texts: create(config, [{"text": text} for text in texts]),
    },
)
