"""What verbs are given and cannot use is refused in words: each of these was found by generated input."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_verbs import captioner, classifier, frame_classifiers, language_model, translator

import seqcore
from seqcore.errors import CheckpointError, DataError, InputError

PICTURE = np.zeros((2, 2), np.uint8)


@pytest.mark.parametrize(
    ("texts", "settings", "message"),
    [
        (None, {}, "a text or a list of them was expected, not NoneType"),
        ("a", {"source": PICTURE}, "source must be the code of a language"),
        ("a", {"target": PICTURE}, "target must be the code of a language"),
        ("a", {"source": ["en"]}, "source must be the code of a language"),
        ("a", {"batch_size": 0}, "batch_size must be a whole number of at least 1"),
        ("a", {"batch_size": "8"}, "batch_size must be a whole number of at least 1"),
        ("a", {"banned_tokens": None}, "this search is not possible"),
        ("a", {"banned_tokens": 3}, "this search is not possible"),
        ("a", {"do_sample": PICTURE}, "do_sample must be True or False"),
        ("a", {"length_penalty": 1e308}, "length_penalty must be a number from 0 to 50"),
        ("a", {"beam_size": 2**70}, "beam_size must be a whole number from 1 to 10,000"),
        ("a", {"max_length": "x" * 100_000}, "max_length must be a whole number of at least 0"),
    ],
)
def test_a_translator_refuses(texts: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as refusal:
        translator().translate(texts, **settings)
    assert len(str(refusal.value)) < 300
    if "batch_size" not in settings and texts is not None:
        with pytest.raises(InputError, match=message):
            translator().stream(texts, **settings)


@pytest.mark.parametrize(
    ("texts", "settings", "message"),
    [
        (5, {}, "a text or a list of them was expected, not int"),
        ("a", {"explain": PICTURE}, "explain must be True or False"),
        ("a", {"unsure_below": "much"}, "unsure_below is a probability, from 0 to 1"),
        ("a", {"unsure_below": float("nan")}, "unsure_below is a probability, from 0 to 1"),
        ("a", {"batch_size": None}, "batch_size must be a whole number of at least 1"),
    ],
)
def test_a_classifier_refuses(texts: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        classifier().classify(texts, **settings)


def test_an_explanation_is_of_the_text_as_it_was_read() -> None:
    found = classifier().classify("good\0film \ud800", explain=True)
    assert found.text == "".join(found.tokens) == "good film \ufffd"


def test_a_language_model_refuses() -> None:
    with pytest.raises(InputError, match="a text or a list of them was expected"):
        language_model().score(None)
    for settings in ({"temperature": 0}, {"nonsense": 1}, {"banned_tokens": 5}, {"max_length": (3, 4)}):
        with pytest.raises(InputError, match="this search is not possible"):
            language_model().write("a", **settings)


def test_a_stream_of_frames_refuses_what_is_no_frame_and_no_state() -> None:
    task, frame = frame_classifiers()[0], np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(InputError, match="a frame must be"):
        task.step([[1, 2], [3]])
    with pytest.raises(InputError, match="state must be what step gave"):
        task.step(frame, "the state")


@pytest.mark.parametrize("source", [None, 5, "a\0b", "x" * 5000, ["checkpoints"]])
def test_what_names_no_folder_is_no_checkpoint(source: Any) -> None:
    with pytest.raises(CheckpointError, match="a checkpoint is a folder or a hub id"):
        seqcore.load(source)


def test_a_folder_in_the_place_of_a_tokenizer_is_told(tmp_path: Path) -> None:
    translator().save_pretrained(tmp_path / "model")
    (tmp_path / "model" / "tokenizer.model").unlink()
    (tmp_path / "model" / "tokenizer.model").mkdir()
    with pytest.raises(CheckpointError, match=r"tokenizer\.model"):
        seqcore.load(tmp_path / "model")


def test_a_caption_of_no_length_is_empty() -> None:
    found = captioner().caption(np.zeros((9, 9, 3), np.uint8), max_length=0, min_length=0)
    assert (found.text, found.tokens) == ("", ())
    assert found.attention.shape == (0, *captioner().network.encoder.grid_shape)


def test_a_name_too_long_for_a_file_is_no_image_and_no_video(tmp_path: Path) -> None:
    from seqcore.tasks.captioning.rows import read_captions
    from seqcore.tasks.video.rows import read_videos

    table = tmp_path / "rows.csv"
    table.write_text(f"image,captions,video,label\n{'x' * 400},a dog,{'x' * 400},pan\n", encoding="utf-8")
    with pytest.raises(DataError, match="row 1: there is no image"):
        read_captions(str(table))
    with pytest.raises(DataError, match="row 1: there is no video"):
        read_videos(str(table))


def test_a_caption_is_never_longer_than_the_model_writes() -> None:
    longest = captioner().config.max_length
    found = captioner().caption(
        np.zeros((9, 9, 3), np.uint8), max_length=2**40, banned_tokens=(captioner().tokenizer.eos_id,)
    )
    assert len(found.tokens) == longest


@pytest.mark.parametrize(
    ("content", "line"), [("null", 1), ('\n null\n{"text": {}}', 2), ('{"text": "a"}\nnull', 2), ("5", 1)]
)
@pytest.mark.parametrize("kind", ["json", "jsonl"])
def test_what_ends_the_reader_of_json_is_refused_before(tmp_path: Path, kind: str, content: str, line: int) -> None:
    from seqcore.data import read_rows

    path = tmp_path / f"rows.{kind}"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=f"line {line} is"):
        read_rows(str(path), {"text": str})
