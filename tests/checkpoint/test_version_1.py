"""Checkpoints of version 1, one of every task: they load for ever, and answer as they did when they were made."""

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_captioner import picture
from tiny_videos import colours, write_video

import seqcore
from seqcore.checkpoint import FORMAT_VERSION, MIGRATIONS, read_checkpoint
from seqcore.tasks.captioning import Captioner
from seqcore.tasks.language import LanguageModel
from seqcore.tasks.sentiment import SentimentClassifier
from seqcore.tasks.translation import Translator
from seqcore.tasks.video import FrameClassifier

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
TASKS = {
    "captioner-v1": Captioner,
    "language-model-v1": LanguageModel,
    "sentiment-v1": SentimentClassifier,
    "translator-v1": Translator,
    "video-v1": FrameClassifier,
}


def expected(name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((FIXTURES / f"{name}.expected.json").read_text(encoding="utf-8"))
    return cases


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_one_that_loads(name: str) -> None:
    config = json.loads((FIXTURES / name / "config.json").read_text(encoding="utf-8"))
    assert config["format_version"] == 1
    assert isinstance(seqcore.load(FIXTURES / name, device="cpu"), TASKS[name])


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("captioner-v1", "layers", "num_layers"),
        ("sentiment-v1", "least_familiarity", "min_letter_log_likelihood"),
        ("video-v1", "layers", "num_layers"),
    ],
)
def test_what_is_read_of_it_is_saved_in_the_newest_version(name: str, old: str, new: str, tmp_path: Path) -> None:
    value = json.loads((FIXTURES / name / "config.json").read_text(encoding="utf-8"))[old]
    checkpoint = read_checkpoint(FIXTURES / name)
    assert (checkpoint.config["format_version"], checkpoint.config[new]) == (FORMAT_VERSION, value)
    task = seqcore.load(checkpoint, device="cpu")
    assert getattr(task.config, new) == value
    with pytest.warns(FutureWarning, match=f"{old} is called .*{new} now"):
        assert getattr(task.config, old) == value
    task.save_pretrained(tmp_path / "again")
    config = json.loads((tmp_path / "again" / "config.json").read_text(encoding="utf-8"))
    assert (config["format_version"], config[new], old in config) == (FORMAT_VERSION, value, False)
    assert seqcore.load(tmp_path / "again", device="cpu").config == task.config


def test_every_version_has_a_way_to_the_next() -> None:
    assert MIGRATIONS.keys() == set(range(1, FORMAT_VERSION))


def test_a_captioner_answers_as_it_always_did() -> None:
    captioner = Captioner.from_pretrained(FIXTURES / "captioner-v1", device="cpu")
    for case in expected("captioner-v1"):
        best = captioner.caption(picture(case["colour"]), n_best=len(case["results"]))
        for result, before in zip((best, *best.alternatives), case["results"], strict=True):
            assert (result.text, list(result.tokens)) == (before["text"], before["tokens"])
            assert result.score == pytest.approx(before["score"], abs=1e-4)


def test_a_language_model_answers_as_it_always_did() -> None:
    model = LanguageModel.from_pretrained(FIXTURES / "language-model-v1", device="cpu")
    *scored, written = expected("language-model-v1")
    for case in scored:
        (likelihood,) = model.score([case["text"]])
        assert list(likelihood.tokens) == case["tokens"]
        assert likelihood.log_probabilities == pytest.approx(case["log_probabilities"], abs=1e-4)
    assert model.write(written["prompt"], **written["settings"]) == written["written"]


def test_a_frame_classifier_answers_as_it_always_did(tmp_path: Path) -> None:
    classifier = FrameClassifier.from_pretrained(FIXTURES / "video-v1", device="cpu")
    for case in expected("video-v1"):
        film = write_video(tmp_path / "film.mkv", colours(case["colours"]), codec="ffv1", pix_fmt="bgr0")
        result = classifier.label(film)
        assert list(result.labels) == case["labels"]
        for row, before in zip(result.probabilities.tolist(), case["probabilities"], strict=True):
            assert row == pytest.approx(before, abs=1e-4)
