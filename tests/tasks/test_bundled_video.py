"""The bundled video models: what `make demo` serves."""

from pathlib import Path

import pytest
from tiny_videos import colours, write_video

from apps.server.models import CHECKPOINTS
from apps.video.handlers import EXAMPLES
from seqcore import FrameClassifier, load
from seqcore.errors import InputError
from seqcore.media.video import read_frames
from seqcore.recipes.films.composition import LABELS


@pytest.fixture(scope="module")
def shots() -> FrameClassifier:
    task = load(CHECKPOINTS / "video-shots", device="cpu")
    assert isinstance(task, FrameClassifier)
    return task


def test_shots_are_found_in_the_examples(shots: FrameClassifier) -> None:
    assert shots.config.labels == LABELS
    for path in EXAMPLES.glob("*.mp4"):
        found = shots.label(path)
        assert len(found.labels) == 150
        assert {"cut", "still"} <= set(found.labels)


def test_the_stream_of_an_example_is_its_file(shots: FrameClassifier) -> None:
    path = next(EXAMPLES.glob("*.mp4"))
    state, labels = None, []
    for _, frame in read_frames(path):
        label, state = shots.step(frame.permute(1, 2, 0).numpy(), state)
        labels += [label] if label else []
    assert state is not None
    labels += shots.flush(state)
    stream, exact = None, []
    for _, frame in read_frames(path, shots.view):
        label, stream = shots.step(frame, stream)
        exact += [label] if label else []
    assert stream is not None
    assert [*exact, *shots.flush(stream)] == list(shots.label(path).labels)
    # frames are scaled from RGB here and from YUV there: a boundary may move by a frame
    same = sum(mine == other for mine, other in zip(labels, shots.label(path).labels, strict=True))
    assert same >= 145


def test_a_plain_film_is_still(shots: FrameClassifier, tmp_path: Path) -> None:
    found = shots.label(write_video(tmp_path / "a.mp4", colours(["green"] * 60)))
    assert found.labels.count("still") >= 50


def test_the_lip_reader_reads_whole_films_alone() -> None:
    task = load(CHECKPOINTS / "video-lipreading", device="cpu")
    assert isinstance(task, FrameClassifier)
    assert len(task.config.labels) == 52
    assert task.config.background == "sil"
    with pytest.raises(InputError, match="cannot stream"):
        task.step(colours(["red"])[0])
