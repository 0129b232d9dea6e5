"""Films of more frames a second than a network knows: what it sees of them, and the label of every frame."""

from pathlib import Path

import pytest
import torch
from tiny_videos import colours, tiny_classifier, write_video

from apps.server.models import CHECKPOINTS
from seqcore import load
from seqcore.media.clips import Clip, read_clip
from seqcore.recipes.films.camera import CameraPath, film
from seqcore.tasks.video import FrameClassifier
from seqcore.tasks.video.sampling import Sampler, spread


def seen(times: list[float], rate: float) -> list[int]:
    sampler = Sampler(rate)
    return [number for number, time in enumerate(times) if sampler.takes(time)]


def rows(labels: list[int], count: int = 3) -> torch.Tensor:
    return torch.nn.functional.one_hot(torch.tensor(labels), count).float()


@pytest.mark.parametrize("fps", [10, 23.976, 24, 25, 26])
def test_films_of_a_usual_rate_are_seen_whole(fps: float) -> None:
    times = [number / fps for number in range(300)]
    assert seen(times, 27) == list(range(300))
    rounded = [round(time, 3) for time in times]  # as MKV and WebM keep them
    assert seen(rounded, 27) == list(range(300))


@pytest.mark.parametrize("fps", [30, 48, 50, 59.94, 60, 90, 120, 240])
def test_of_faster_films_about_as_many_frames_a_second_are_seen(fps: float) -> None:
    numbers = seen([number / fps for number in range(round(10 * fps))], 27)
    assert 240 <= len(numbers) <= 272
    assert numbers[0] == 0
    assert seen([number / fps for number in range(100)], 0) == list(range(100))


def test_long_stills_leave_no_frame_unseen() -> None:
    assert seen([0.0, 0.01, 0.04, 60.0, 60.01, 60.04], 25) == [0, 2, 3, 5]


def test_a_frame_that_was_not_seen_gets_the_label_of_the_next() -> None:
    labels = spread(rows([0, 1, 1, 1, 1]), [0, 2, 4, 6, 8], [1.0] * 10).argmax(1).tolist()
    assert labels == [0, 1, 1, 1, 1, 1, 1, 1, 1, 1]


def test_a_cut_is_the_label_of_its_very_frame() -> None:
    changed = [1.0] * 20
    changed[9] = 60.0
    sharp = spread(rows([0, 0, 0, 2, 1, 1, 1]), [0, 3, 6, 9, 12, 15, 18], changed).argmax(1).tolist()
    assert sharp == [0] * 9 + [2] + [1] * 10
    wide = spread(rows([0, 0, 2, 2, 2, 1, 1]), [0, 3, 6, 9, 12, 15, 18], changed).argmax(1).tolist()
    assert wide == sharp
    slow = spread(rows([0, 2, 2, 2, 2, 1, 1]), [0, 3, 6, 9, 12, 15, 18], changed).argmax(1).tolist()
    assert slow == [0] + [2] * 12 + [1] * 7  # what lasts is no moment


def test_a_label_around_no_clear_frame_stays_as_it_is() -> None:
    assert spread(rows([0, 2, 1, 1]), [0, 3, 6, 9], [1.0] * 10).argmax(1).tolist() == [0, 2, 2, 2, 1, 1, 1, 1, 1, 1]


def test_every_frame_of_a_fast_film_has_its_label(tmp_path: Path) -> None:
    names = ["red"] * 24 + ["green"] * 24
    path = write_video(tmp_path / "a.mp4", colours(names), fps=120)
    task = tiny_classifier(frame_rate=25.0, delay=0, offsets=(0,))
    labels = task.label(path)
    assert len(labels.labels) == len(labels.times) == len(labels.probabilities) == 48
    assert labels.seen == (0, 3, 8, 12, 17, 22, 27, 32, 36, 41, 46)
    assert labels.fps == 120
    clip = read_clip(str(path), task.view)
    assert torch.equal(task.predict([clip])[0].probabilities, labels.probabilities)
    alone = task.predict([Clip(clip.frames[list(labels.seen)], tuple(clip.times[n] for n in labels.seen), 25.0)])[0]
    torch.testing.assert_close(labels.probabilities[list(labels.seen)], alone.probabilities)
    example = task.example({"video": clip, "segments": [(0.0, 0.2, "red"), (0.2, None, "green")]})
    assert task.lengths(example) == (11,)
    assert example["numbers"].tolist() == [2] * 6 + [1] * 5
    assert task.label(write_video(tmp_path / "b.mp4", colours(names))).seen is None


@pytest.fixture(scope="module")
def shots() -> FrameClassifier:
    return load(CHECKPOINTS / "video-shots", FrameClassifier, device="cpu")


def texture() -> torch.Tensor:
    """Something to look at: blots of three sizes, uint8 (3, 256, 256)."""
    generator = torch.Generator().manual_seed(1)
    blots = [
        weight * torch.nn.functional.interpolate(
            torch.rand(1, 3, side, side, generator=generator), size=(256, 256), mode="bicubic"
        )
        for side, weight in ((6, 1.0), (20, 0.6), (64, 0.4))
    ]  # fmt: skip
    picture = sum(blots[1:], blots[0])[0]
    return ((picture - picture.min()) / (picture.max() - picture.min()) * 255).to(torch.uint8)


@pytest.mark.parametrize("label", ["pan left", "tilt down", "still"])
def test_a_move_has_the_same_label_at_every_rate(shots: FrameClassifier, label: str) -> None:
    right, down = {"pan left": (-1, 0), "tilt down": (0, 1), "still": (0, 0)}[label]
    for fps in (24, 30, 60, 120):
        times = torch.arange(round(1.2 * fps)) / fps
        way = 2 * 0.4 * 0.08 * (times - 0.6)  # 8 % of the picture a second
        path = CameraPath(right * way, down * way, torch.full_like(times, 0.4), ())
        frames = film(texture(), path, 48, 64).round().clamp(0, 255).to(torch.uint8)
        labels = shots.predict([Clip(frames, tuple(times.tolist()), float(fps))])[0].labels
        assert labels.count(label) > 0.85 * len(labels), fps
