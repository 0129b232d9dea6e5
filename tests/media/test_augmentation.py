"""Images changed at random where they are opened, and JPEG files that are decoded smaller."""

import io
import random
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from seqcore.errors import InputError, SettingsError
from seqcore.media.augmentation import Augmentation, augmented_square
from seqcore.media.images import open_image, read_square

ALL = Augmentation(crop=0.3, flips=True, light=0.3)


def ramp(width: int, height: int, kind: str = "JPEG", **options: Any) -> bytes:
    """Black on the left to white on the right."""
    pixels = np.linspace(0, 255, width).astype(np.uint8)[None, :, None].repeat(height, 0).repeat(3, 2)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def test_an_image_is_changed_by_what_is_drawn_alone() -> None:
    image = ramp(400, 300)
    squares = [augmented_square(image, 48, ALL, random.Random(seed)) for seed in (1, 1, 2)]
    assert squares[0].equal(squares[1])
    assert not squares[0].equal(squares[2])
    assert squares[0].shape == (3, 48, 48)
    assert squares[0].dtype == torch.uint8
    plain = Augmentation()
    assert not plain.changes
    assert augmented_square(ramp(40, 30, "PNG"), 48, plain, random.Random(1)).equal(
        read_square(ramp(40, 30, "PNG"), 48)
    )


def test_parts_are_as_large_as_they_may_be_and_mirrored_where_they_may_be() -> None:
    image, shares, rising = ramp(96, 96, "PNG"), [], 0
    for seed in range(100):
        row = augmented_square(image, 32, Augmentation(crop=0.5, flips=True), random.Random(seed))[0, 16].float()
        shares.append(abs(float(row[-1] - row[0])) / 255)
        rising += bool(row[-1] > row[0])
        kept = augmented_square(image, 32, Augmentation(crop=0.5, flips=True), random.Random(seed), may_flip=False)
        assert kept[0, 16, -1] > kept[0, 16, 0]
    assert min(shares) > 0.55  # Half of the area, by 3 : 4, is 0.61 wide.
    assert max(shares) <= 1
    assert np.std(shares) > 0.05
    assert 30 < rising < 70


def test_light_is_changed_by_no_more_than_is_said() -> None:
    grey = Image.new("RGB", (20, 20), (100, 100, 100))
    means = [augmented_square(grey, 8, Augmentation(light=0.2), random.Random(s)).float().mean() for s in range(100)]
    assert 79 <= min(means) < 85
    assert 115 < max(means) <= 121


@pytest.mark.parametrize("values", [{"crop": 0}, {"crop": 1.1}, {"light": 1}, {"light": -0.1}, {"flips": 1}])
def test_settings_that_cannot_be_are_named(values: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=rf"^augmentation\.{next(iter(values))} must be"):
        Augmentation(**values)


def test_a_jpeg_is_decoded_smaller_where_that_is_enough() -> None:
    image = ramp(640, 480)
    assert open_image(image).size == (640, 480)
    assert [open_image(image, detail=detail).size for detail in (241, 240, 1)] == [(640, 480), (320, 240), (80, 60)]
    assert open_image(ramp(640, 480, "PNG"), detail=1).size == (640, 480)
    whole, half = (open_image(image, detail=detail).resize((64, 64)) for detail in (480, 240))
    assert np.abs(np.asarray(whole).astype(int) - np.asarray(half)).mean() < 2


@pytest.mark.parametrize("progressive", [False, True])
def test_files_that_are_cut_are_judged_alike_however_small_they_are_decoded(progressive: bool) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8))
    file = io.BytesIO()
    noise.save(file, "JPEG", progressive=progressive)
    content = file.getvalue()

    def judged(part: bytes, detail: int) -> str:
        try:
            open_image(part, detail=detail)
        except InputError as error:
            return error.message
        return "whole"

    for length in range(50, len(content) + 1, len(content) // 25):
        assert judged(content[:length], 1) == judged(content[:length], 2048), length
