"""A language model so small that a test can train it: it knows a few sentences."""

import functools
from pathlib import Path

import torch
from tiny_training import train

from seqcore.tasks.language import LanguageModel, LanguageModelConfig

TEXTS = ("The film was good, and the music was good.", "It was a bad film.", "Nobody liked the end of it.")


@functools.cache
def tiny_writer() -> LanguageModel:
    """A trained one, the same every time; not to be changed, since whoever asks again gets it too."""
    torch.manual_seed(0)
    none = dict.fromkeys(("dropout", "input_dropout", "output_dropout", "embedding_dropout", "weight_dropout"), 0.0)
    config = LanguageModelConfig(vocab_size=320, embedding_size=16, hidden_size=24, **none)  # type: ignore[arg-type]
    made = LanguageModel.create(config, [{"text": text} for text in TEXTS * 6])
    train(made, [{"text": text} for text in TEXTS], steps=40, learning_rate=0.02)
    return made


def writer_checkpoint(folder: Path) -> Path:
    """A folder with it."""
    tiny_writer().save_pretrained(folder)
    return folder
