"""Composed films: what is seen is what the labels say."""

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from seqcore.errors import DataError
from seqcore.media.video import video_info
from seqcore.recipes.films.camera import MOTIONS, STILL, film, random_path
from seqcore.recipes.films.compose import load_pool, write_films
from seqcore.recipes.films.composition import CUT, DISSOLVE, FADE, LABELS, WIPE, Pool, compose, joined, shot
from seqcore.tasks.video import FrameClassifier


@pytest.fixture(scope="module")
def pool() -> Pool:
    """Photographs of coloured blocks."""
    chance = np.random.default_rng(0)
    blocks = chance.integers(0, 255, (6, 3, 14, 14), np.uint8)
    return Pool(torch.from_numpy(blocks.repeat(8, 2).repeat(8, 3)))


def moved(before: torch.Tensor, after: torch.Tensor) -> tuple[int, int]:
    """By how many pixels what is seen went right and down."""
    best = (float("inf"), 0, 0)
    for right in range(-4, 5):
        for down in range(-4, 5):
            gap = (after.roll((-down, -right), (1, 2)) - before)[:, 5:-5, 5:-5].square().mean()
            best = min(best, (float(gap), right, down))
    return best[1:]


@pytest.mark.parametrize(
    ("motion", "way"), [("pan left", (1, 0)), ("pan right", (-1, 0)), ("tilt up", (0, 1)), ("tilt down", (0, -1))]
)
def test_the_picture_goes_against_the_camera(pool: Pool, motion: str, way: tuple[int, int]) -> None:
    steps: Counter[Any] = Counter()
    for seed in range(6):
        chance = random.Random(seed)
        path = random_path(chance, 30, motion)
        seen = film(pool.photograph(chance), path, 48, 64)
        for i in range(4, 30):
            if set(path.labels[i - 3 : i + 1]) == {motion}:
                right, down = moved(seen[i - 4], seen[i])
                along = right * way[0] + down * way[1]
                steps["right" if along > 0 else "nothing" if along == 0 else "wrong"] += 1
    assert steps["right"] > 3 * steps["nothing"]
    assert steps["wrong"] <= steps["right"] // 20


def test_zooms_change_the_size_and_stills_change_nothing(pool: Pool) -> None:
    for seed in range(10):
        chance = random.Random(seed)
        size = random_path(chance, 40, "zoom in").size
        assert (size.diff() <= 1e-6).all()
        assert size[-1] < size[0]
        size = random_path(chance, 40, "zoom out").size
        assert (size.diff() >= -1e-6).all()
        still = random_path(chance, 40, STILL)
        assert set(still.labels) == {STILL}
        assert still.x.diff().abs().max() < 0.02


def test_paths_stay_inside_and_label_every_frame() -> None:
    for seed in range(200):
        path = random_path(random.Random(seed), 45)
        assert len(path.labels) == 45
        assert (path.x.abs() + path.size <= 1 + 1e-5).all()
        assert (path.y.abs() + path.size <= 1 + 1e-5).all()
        assert set(path.labels) <= {STILL, *MOTIONS}


def test_films_are_the_same_for_a_seed_and_hold_every_label(pool: Pool) -> None:
    seen: Counter[str] = Counter()
    for seed in range(60):
        frames, labels = compose(pool, seed, 64, 24, 32)
        assert frames.shape == (64, 3, 24, 32)
        assert frames.dtype == torch.uint8
        assert len(labels) == 64
        seen.update(labels)
    assert set(seen) == set(LABELS)
    again, labels = compose(pool, 59, 64, 24, 32)
    assert torch.equal(again, frames)
    assert not torch.equal(compose(pool, 58, 64, 24, 32)[0], frames)


def test_joints_change_what_is_seen_where_they_say(pool: Pool) -> None:
    kinds: Counter[str] = Counter()
    for seed in range(40):
        chance = random.Random(seed)
        pictures, labels = shot(pool, chance, 40, 24, 32)
        whole, named = joined(pool, chance, pictures, list(labels), 24, 32)
        assert len(whole) == len(named)
        new = [i for i, label in enumerate(named) if label in {CUT, DISSOLVE, FADE, WIPE}]
        kind = named[new[0]]
        kinds[kind] += 1
        assert new == list(range(new[0], new[0] + len(new)))
        assert torch.equal(whole[: new[0]], pictures[: new[0]])
        if kind == CUT:
            assert len(new) == 1
            assert new[0] == 40
            assert (whole[40] - whole[39]).abs().mean() > 5
        if kind == FADE:
            plain = whole[new].flatten(1).std(1).min()
            assert plain < 25
    assert set(kinds) == {CUT, DISSOLVE, FADE, WIPE}


def test_films_are_written_with_their_segments(pool: Pool, tmp_path: Path) -> None:
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for number, pixels in enumerate(torch.as_tensor(pool.photographs)):
        Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(photographs / f"{number}.png")
    write_films(str(photographs), str(tmp_path / "films"), films=2, frames=30, seed=3)
    rows = FrameClassifier.read_rows(str(tmp_path / "films"))
    assert len(rows) == 2
    for row in rows:
        info = video_info(row["video"])
        assert info.frames == 30
        assert row["segments"][-1][1] == pytest.approx(30 / info.fps, abs=0.01)
    line = json.loads((tmp_path / "films" / "metadata.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert set(line) == {"file_name", "fps", "segments"}
    with pytest.raises(DataError, match="is not empty"):
        write_films(str(photographs), str(tmp_path / "films"))
    again = load_pool(str(photographs), str(tmp_path / "films"), tmp_path / "cache", max_videos=1)
    assert len(again.photographs) == 6
    assert again.motion[0].shape == (30, 3, 96, 120)
