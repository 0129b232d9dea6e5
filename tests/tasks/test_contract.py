"""All tasks of the package, and those of the examples, keep what a task promises."""

import random
from collections.abc import Callable

import pytest
import tiny_captioner
import tiny_sentiment
import tiny_videos
import tiny_writer
import torch
from task_contract import Case, TaskContract

from examples.forecasting import Forecaster, ForecasterConfig, made_up_series
from examples.tagging import Tagger, TaggerConfig, sentences
from seqcore.media.clips import Clip
from seqcore.tasks.translation import Translator, TranslatorConfig


def translation() -> Case:
    """An untrained one: what it says means nothing, but it always says the same."""
    texts = ("a dog runs .", "two men sit", "a woman in a red dress .")
    rows = [{"source": text, "target": text[::-1]} for text in texts]
    torch.manual_seed(0)
    config = TranslatorConfig(
        vocab_size=300, embedding_size=8, encoder_hidden_size=8, decoder_hidden_size=8, max_target_length=12
    )
    task = Translator.create(config, rows * 6)
    task.network.eval()
    return Case(task, rows, {**rows[0], "source_lang": "xx"}, 3, {"beam_size": 2})


def captioning() -> Case:
    """Colours."""
    from seqcore.tasks.captioning import Captioner

    task = Captioner.create(tiny_captioner.CONFIG, [{"captions": [*tiny_captioner.COLOURS.values()] * 20}])
    task.network.eval()
    pairs = tiny_captioner.COLOURS.items()
    rows = [{"image": tiny_captioner.picture(name), "captions": [text]} for name, text in pairs]
    return Case(task, rows, {**rows[0], "captions": ["…"]}, b"no image", {"beam_size": 2})


def sentiment() -> Case:
    """Good and bad."""
    rows = tiny_sentiment.rows()[:4]
    return Case(tiny_sentiment.tiny_classifier(), rows, {"text": "good", "label": "purple"}, 3)


def language_model() -> Case:
    """A few sentences."""
    return Case(tiny_writer.tiny_writer(), [{"text": text} for text in tiny_writer.TEXTS], {"text": 3}, 3)


def video() -> Case:
    """Colours, too."""
    rows = []
    for names in (["red"] * 4, ["blue", "red"], ["green"] * 3):
        frames = torch.stack([torch.from_numpy(tiny_videos.plain(name, 32, 24)).permute(2, 0, 1) for name in names])
        clip = Clip(frames, tuple(number / 25 for number in range(len(names))), 25.0)
        rows.append({"video": clip, "segments": [(0.0, None, names[-1])]})
    bad = {**rows[0], "segments": [(0.0, None, "mauve")]}
    return Case(tiny_videos.tiny_classifier(), rows, bad, b"no film")


def tagging() -> Case:
    """The example."""
    rows = sentences(20, random.Random(0))
    torch.manual_seed(0)
    task = Tagger.create(TaggerConfig(), rows)
    task.network.eval()
    return Case(task, rows, {"text": "the dog", "tags": "DET"}, 3)


def forecasting() -> Case:
    """The other example."""
    torch.manual_seed(0)
    task = Forecaster(ForecasterConfig())
    task.network.eval()
    return Case(task, made_up_series(5, 1), {"series": "1 x"}, "1 x", {"steps": 2})


CASES: tuple[Callable[[], Case], ...] = (
    translation,
    captioning,
    sentiment,
    language_model,
    video,
    tagging,
    forecasting,
)


class TestContract(TaskContract):
    """For each of them."""

    @pytest.fixture(scope="class", params=CASES, ids=lambda make: make.__name__)
    def case(self, request: pytest.FixtureRequest) -> Case:
        case: Case = request.param()
        return case
