"""What an image network gives of photographs, kept on disk."""

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from seqcore.errors import DataError, InputError
from seqcore.media.images import load_squares
from seqcore.nn.images import ImageEncoder, ImageEncoderConfig
from seqcore.tasks.captioning.features import cached_features

SMALL = ImageEncoderConfig("mobilenetv3_small_050", 64)


def pictures(folder: Path, count: int = 5) -> list[str]:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (64, 64, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return [str(folder / f"{number}.png") for number in range(count)]


def test_grids_on_disk_are_those_of_the_network_and_made_once(tmp_path: Path) -> None:
    encoder, files = ImageEncoder(SMALL).eval(), pictures(tmp_path / "images")
    steps: list[tuple[int, int]] = []
    kept = cached_features(encoder, files, tmp_path / "kept", 2, lambda *step: steps.append(step))
    assert steps == [(2, 5), (4, 5), (5, 5)]
    with torch.inference_mode():
        assert torch.allclose(kept.float(), encoder(load_squares(files, 64)), atol=1e-2)
    steps.clear()
    assert torch.equal(kept, cached_features(encoder, files, tmp_path / "kept", 2, lambda *step: steps.append(step)))
    assert steps == []


def test_grids_of_other_weights_or_images_are_made_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    encoder, files = ImageEncoder(SMALL).eval(), pictures(tmp_path / "images")
    first = cached_features(encoder, files, tmp_path / "kept").clone()
    with torch.no_grad():
        next(encoder.parameters()).mul_(2)
    second = cached_features(encoder, files, tmp_path / "kept").clone()
    assert "made anew" in capsys.readouterr().err
    assert not torch.equal(first, second)
    Image.new("RGB", (64, 64)).save(files[0])
    third = cached_features(encoder, files, tmp_path / "kept").clone()
    assert "made anew" in capsys.readouterr().err
    assert not torch.equal(second[0], third[0])
    assert torch.equal(second[1:], third[1:])
    (tmp_path / "kept" / "array.bin").write_bytes(b"damaged")
    assert torch.equal(third, cached_features(encoder, files, tmp_path / "kept"))


def test_an_image_that_no_grid_can_be_made_of_is_told_by_its_place_among_all(tmp_path: Path) -> None:
    files: list[Any] = [*pictures(tmp_path / "images"), b"no image"]
    with pytest.raises(InputError, match=r"^image 6: ") as caught:
        cached_features(ImageEncoder(SMALL).eval(), files, tmp_path / "kept", batch_size=2)
    assert caught.value.number == 6


def test_an_interrupted_cache_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, files = ImageEncoder(SMALL).eval(), pictures(tmp_path / "images")
    monkeypatch.setattr("seqcore.media.cache.NOTED_EVERY", 1)

    def stop(done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached_features(encoder, files, tmp_path / "kept", 2, stop)
    steps: list[tuple[int, int]] = []
    kept = cached_features(encoder, files, tmp_path / "kept", 2, lambda *step: steps.append(step))
    assert steps == [(5, 5)]
    with torch.inference_mode():
        assert torch.allclose(kept.float(), encoder(load_squares(files, 64)), atol=1e-2)


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    encoder, files = ImageEncoder(SMALL).eval(), pictures(tmp_path / "images")
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(DataError, match=r"takes .* MB: No space left"):
        cached_features(encoder, files, tmp_path / "kept")
