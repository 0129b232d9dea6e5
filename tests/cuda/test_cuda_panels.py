"""The course's panels look into models on a GPU as into those on the CPU."""

from pathlib import Path

import pytest
from device_verbs import TEXTS, assert_alike

from apps.inside.labels import LabelsHandlers
from apps.inside.readings import read
from apps.inside.writing_api import Settings, WritingAPI
from apps.server.models import CHECKPOINTS, LazyTask

pytestmark = pytest.mark.cuda
EXAMPLES = Path(__file__).resolve().parents[2] / "apps"
SOURCES = {
    "captioner": str(EXAMPLES / "captioner/examples/cat.jpg"),
    "video-shots": str(EXAMPLES / "video/examples/film-1.mp4"),
    "video-lipreading": str(EXAMPLES / "video/examples/film-2.mp4"),
}


@pytest.mark.parametrize("model", ["sentiment", "translator", "language-model", *SOURCES])
def test_gates_are_the_cpus(model: str) -> None:
    source = SOURCES.get(model, TEXTS[1])
    one, other = (read(LazyTask(CHECKPOINTS / model, device)(), source) for device in ("cuda", "cpu"))
    assert (one.answer.split(",")[0], one.steps) == (other.answer.split(",")[0], other.steps)
    for mine, wanted in zip(one.tracks, other.tracks, strict=True):
        for part in ("forget", "input", "output", "hidden"):
            assert_alike(getattr(mine.trace, part), getattr(wanted.trace, part), 5e-3, part)


def test_pictures_are_seen_and_texts_are_written() -> None:
    handlers = LabelsHandlers(LazyTask(CHECKPOINTS / "captioner", "cuda"), None)  # type: ignore[arg-type]
    features = handlers._features([SOURCES["captioner"]])
    assert features.device.type == "cpu"
    *_, written = WritingAPI(LazyTask(CHECKPOINTS / "language-model", "cuda")).stream("The film", Settings())
    assert written.text
