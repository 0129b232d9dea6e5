"""Where the images of a captioner's training are kept, and how they are looked at."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from seqcore.errors import DataError, SettingsError
from seqcore.media.augmentation import Augmentation
from seqcore.recipes.captioning import CaptioningRecipe, with_squares
from seqcore.tasks.captioning import Captioner, CaptionerConfig
from seqcore.training import TrainingSettings
from seqcore.training.workers import worker_count

TINY = CaptionerConfig(
    backbone="mobilenetv3_small_050", image_size=32, vocab_size=300, embedding_size=16, memory_size=16,
    hidden_size=24, num_layers=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def captioner() -> Captioner:
    task = Captioner.create(TINY, [{"captions": ["a red square"] * 20}])
    task.network.eval()
    return task


@pytest.fixture
def rows(tmp_path: Path) -> list[dict[str, Any]]:
    noise = np.random.default_rng(0)
    for number in range(5):
        Image.fromarray(noise.integers(0, 256, (30, 40, 3), np.uint8)).save(tmp_path / f"{number}.jpg")
    return [{"image": str(tmp_path / f"{number}.jpg"), "captions": ["noise"]} for number in range(5)]


def recipe(tmp_path: Path, **settings: Any) -> CaptioningRecipe:
    return CaptioningRecipe(train="", output=str(tmp_path / "run"), image_stages=1, **settings)


def test_images_are_opened_once_and_kept(captioner: Captioner, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    kept, checks = recipe(tmp_path).prepare(captioner, rows, rows[:2])
    assert (tmp_path / "run" / "training" / "images" / "train" / "array.bin").exists()
    for mine, row in zip([*kept, *checks], [*rows, *rows[:2]], strict=True):
        assert mine["image"].equal(captioner.read(row["image"]))
        assert mine["captions"] == row["captions"]
    batch = captioner.collate([captioner.example(row) for row in kept])
    assert batch["images"].equal(captioner.collate([captioner.example(row) for row in rows])["images"])
    captions = [one.text for one in captioner.predict([row["image"] for row in checks])]
    assert captions == [one.text for one in captioner.predict([row["image"] for row in rows[:2]])]


def test_images_that_take_more_room_stay_files(
    captioner: Captioner, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    assert with_squares(captioner, rows, tmp_path / "kept", 10e-6, "training") == rows
    assert not (tmp_path / "kept").exists()
    changed = recipe(tmp_path, augmentation=Augmentation(crop=0.5))
    train, checks = changed.prepare(captioner, rows, rows)
    assert train == rows  # Another part of a file is opened each time.
    assert isinstance(checks[0]["image"], torch.Tensor)
    captioner.augmentation = Augmentation()


@pytest.mark.parametrize("gigabytes", [0, 1])
def test_an_image_that_cannot_be_read_is_named_before(
    gigabytes: float, captioner: Captioner, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "3.jpg").write_bytes((tmp_path / "3.jpg").read_bytes()[:300])
    with pytest.raises(DataError, match=r"^image 4 of validation: 3\.jpg is damaged or cut short"):
        with_squares(captioner, rows, tmp_path / "kept", gigabytes, "validation")


def test_settings_that_cannot_be_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--augmentation needs --image-stages"):
        CaptioningRecipe(train="a", output="b", augmentation=Augmentation(flips=True)).check()
    with pytest.raises(SettingsError, match="--kept-gigabytes must be at least 0"):
        recipe(tmp_path, kept_gigabytes=-1.0).check()


def test_workers_open_files_for_another_device(
    captioner: Captioner, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqcore.training.workers.usable_cores", lambda: 4)
    files = [captioner.example(row) for row in rows]
    squares = [captioner.example({**row, "image": captioner.read(row["image"])}) for row in rows]
    cpu, other = torch.device("cpu"), torch.device("cuda")
    assert worker_count(TrainingSettings(), captioner, files, other) == 3
    assert worker_count(TrainingSettings(devices=2), captioner, files, other) == 1
    assert worker_count(TrainingSettings(), captioner, squares, other) == 0
    assert worker_count(TrainingSettings(), captioner, files, cpu) == 0
    assert worker_count(TrainingSettings(workers=2), captioner, squares, cpu) == 2
    monkeypatch.setattr("seqcore.training.workers.usable_cores", lambda: 1)
    assert worker_count(TrainingSettings(), captioner, files, other) == 0
