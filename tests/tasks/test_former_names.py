"""What tasks called their functions before answers for one release more, with a warning."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from seqcore.tasks import captioning, language, sentiment, translation, video
from seqcore.tasks.captioning import CaptionerConfig
from seqcore.tasks.language import LanguageModelConfig
from seqcore.tasks.sentiment import SentimentConfig
from seqcore.tasks.translation import TranslatorConfig

TEXTS = ["The film was good, and the music too.", "It was a bad film.", "Nobody liked the end of it, I think."] * 4


def former(module: Any, name: str, new: str) -> Any:
    with pytest.warns(FutureWarning, match=f"{name} is called {new} now"):
        return getattr(module, name)


def test_classifiers_of_before() -> None:
    config = SentimentConfig(vocab_size=320, embedding_size=8, hidden_size=8, head_size=4)
    here = "seqcore.tasks.sentiment.SentimentClassifier"
    old = former(sentiment, "new_classifier", f"{here}.create")(config, TEXTS)
    rows = [
        {"text": text, "label": label}
        for text, label in zip(TEXTS[:3], ("positive", "negative", "negative"), strict=True)
    ]
    old.network.eval()
    former(sentiment, "calibrate", f"{here}.finish_training")(old, rows, batch_size=2)
    assert old.config.temperature != 1
    new, shared = former(sentiment, "classifier_from", f"{here}.adapt")(old, config)
    assert shared == len(new.tokenizer)
    assert torch.equal(new.network.embedding.weight, old.network.embedding.weight)
    target = torch.nn.Embedding(len(new.tokenizer), 8)
    copy = former(sentiment, "copy_embedding", "seqcore.tasks.text_task.copy_rows")
    assert copy(old.tokenizer, old.network.embedding, new.tokenizer, target) == shared
    assert torch.equal(target.weight, old.network.embedding.weight)


def test_translators_of_before() -> None:
    sizes: dict[str, Any] = {"embedding_size": 8, "encoder_hidden_size": 8, "decoder_hidden_size": 8}
    here = "seqcore.tasks.translation.Translator"
    old = former(translation, "new_translator", f"{here}.create")(TranslatorConfig(vocab_size=320, **sizes), TEXTS)
    wanted = TranslatorConfig(("en-fr",), vocab_size=320, dropout=0.0)
    new, shared = former(translation, "extended_translator", f"{here}.adapt")(old, wanted, [*TEXTS, "un vieux chat"])
    assert 0 < shared < len(new.tokenizer)
    assert new.config == replace(old.config, directions=("en-fr",), vocab_size=len(new.tokenizer), dropout=0.0)


def test_captioners_of_before() -> None:
    config = CaptionerConfig(
        "mobilenetv3_small_050", 32, vocab_size=300, embedding_size=8, memory_size=8, hidden_size=8
    )
    here = "seqcore.tasks.captioning.Captioner"
    old = former(captioning, "new_captioner", f"{here}.create")(config, ["a red square", "a blue square"] * 20)
    new, shared = former(captioning, "extended_captioner", f"{here}.adapt")(old, config, ["a green square"] * 20)
    assert 0 < shared <= len(new.tokenizer)


def test_language_models_and_streams_of_before() -> None:
    make = former(language, "new_language_model", "seqcore.tasks.language.LanguageModel.create")
    assert make(LanguageModelConfig(320, 8, 8), TEXTS).config.vocab_size <= 320
    assert former(video, "Stream", "seqcore.tasks.video.StreamState") is video.StreamState
