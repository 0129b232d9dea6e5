"""Files that end before their end: what was read of how much; and files that are whole, of which nothing is said."""

from pathlib import Path

import numpy as np
import pytest
from tiny_videos import Pixels, write_video

from seqcore.media.completeness import CutShort
from seqcore.media.video import View, open_video

SMALL = View(24, 32)


def noise(count: int = 50) -> list[Pixels]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(count)]


def read(path: Path) -> tuple[CutShort | None, float, int]:
    with open_video(path) as film:
        count = len(list(film.frames(SMALL)))
        return film.cut_short, film.end, count


def head(path: Path, part: float) -> Path:
    cut = path.with_name(f"cut-{path.name}")
    whole = path.read_bytes()
    cut.write_bytes(whole[: int(part * len(whole))])
    return cut


FAST = {"movflags": "+faststart"}
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "400000"}


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [("a.mp4", "libx264", FAST), ("a.mov", "libx264", FAST), ("a.mkv", "libx264", None), ("a.webm", "libvpx", None),
     ("a.avi", "mpeg4", None), ("a.flv", "flv", None), ("a.ivf", "libvpx", None), ("a.mxf", "mpeg2video", None)],
)  # fmt: skip
@pytest.mark.parametrize("part", [0.5, 0.8])
def test_what_is_cut_short_says_how_much_is_there(
    tmp_path: Path, name: str, codec: str, options: dict[str, str] | None, part: float
) -> None:
    path = write_video(tmp_path / name, noise(), codec=codec, options=options, sound=0.0)
    cut, end, count = read(path)
    assert cut is None
    assert end == pytest.approx(2.0, abs=0.05)
    assert count == 50
    cut, end, count = read(head(path, part))
    assert cut is not None
    assert cut.seconds == pytest.approx(2.0, abs=0.09)
    assert cut.frames == pytest.approx(50, abs=2)
    assert 10 < count < 46
    assert end == pytest.approx(count / 25, abs=0.09)


def test_a_fragmented_film_says_what_of_its_last_part_is_missing(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", noise(), options=FRAGMENTS)
    assert read(path)[0] is None
    cut, _, count = read(head(path, 0.7))
    assert cut is not None
    assert cut.frames is not None
    assert count < cut.frames <= 50


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [("a.ts", "mpeg2video", "yuv420p"), ("a.ts", "libx264", "yuv420p"), ("a.mpg", "mpeg2video", "yuv420p"),
     ("a.gif", "gif", "rgb8"), ("a.h264", "libx264", "yuv420p"), ("a.nut", "mpeg4", "yuv420p"),
     ("a.ogv", "libvpx", "yuv420p"), ("a.wmv", "wmv2", "yuv420p"), ("a.apng", "apng", "rgb24")],
)  # fmt: skip
def test_nothing_is_said_of_whole_files(tmp_path: Path, name: str, codec: str, pix_fmt: str) -> None:
    path = write_video(tmp_path / name, noise(20), codec=codec, pix_fmt=pix_fmt)
    assert read(path)[0] is None
    joined = tmp_path / f"joined-{name}"
    joined.write_bytes(path.read_bytes() * 2)
    assert read(joined)[0] is None


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_nothing_is_said_where_sound_is_longer_or_pictures_stand(tmp_path: Path, name: str) -> None:
    assert read(write_video(tmp_path / name, noise(10), sound=3.0))[0] is None
    times = [0.0, 0.04, 5.0, 5.04, 30.0]
    assert read(write_video(tmp_path / name, noise(5), times=times))[0] is None
    late = [100 + number / 25 for number in range(10)]
    assert read(write_video(tmp_path / name, noise(10), times=late))[0] is None


def test_a_film_whose_rest_cannot_be_read_is_labelled_as_far_as_it_goes(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.apng", noise(30), codec="apng", pix_fmt="rgb24")
    cut, end, count = read(head(path, 0.6))
    assert cut == CutShort(None, None)
    assert count > 10
    assert "is damaged: 0." in cut.describe(end, count)


def test_a_file_in_memory_says_it_too(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "a.mp4", noise(), options=FAST).read_bytes()
    with open_video(whole[: len(whole) // 2]) as film:
        list(film.frames(SMALL))
        assert film.cut_short is not None


def test_a_download_that_left_zeros_says_it(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", noise(), options=FAST)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
    cut, end, count = read(path)
    assert cut == CutShort(2.0, 50)
    assert "is cut short: " in cut.describe(end, count)
    path.write_bytes(whole[: len(whole) // 2] + bytes(1000) + whole[len(whole) // 2 + 1000 :])
    assert read(path)[0] is None  # Only frames in its middle are lost.
