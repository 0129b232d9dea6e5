"""A sentiment classifier so small that a test can train it: it tells good things from bad ones, in a few sentences."""

import functools
import itertools
from pathlib import Path

import torch
from tiny_training import train

from seqcore.tasks.sentiment import SentimentClassifier, SentimentConfig

THINGS = ("film", "plot", "music", "cast", "ending", "camera work")
GOOD = ("good", "lovely", "wonderful", "great", "moving")
BAD = ("bad", "boring", "awful", "poor", "terrible")
_FORMS = ("The {} was {}.", "I thought the {} was {}", "{} felt {}, really!")


def rows() -> list[dict[str, str]]:
    """180 sentences, each with its label."""
    return [
        {"text": form.format(thing, word), "label": label}
        for words, label in ((GOOD, "positive"), (BAD, "negative"))
        for form, thing, word in itertools.product(_FORMS, THINGS, words)
    ]


@functools.cache
def tiny_classifier(steps: int = 30) -> SentimentClassifier:
    """A trained one, the same every time; not to be changed, since whoever asks again gets it too."""
    torch.manual_seed(0)
    examples = rows()
    config = SentimentConfig(vocab_size=300, embedding_size=16, hidden_size=16, num_layers=1, head_size=16)
    task = SentimentClassifier.create(config, [{"text": row["text"]} for row in examples * 2])
    train(task, examples, steps, learning_rate=0.02)
    task.finish_training(examples)
    return task


def tiny_checkpoint(folder: Path) -> Path:
    """A folder with a trained one and a model card."""
    tiny_classifier().save_pretrained(folder)
    (folder / "README.md").write_text("# A model\n\nTells **good** things from bad ones.\n", encoding="utf-8")
    return folder
