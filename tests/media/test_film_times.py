"""When the frames of films are shown: files that were joined, clocks that jump, count too finely or not at all."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from tiny_videos import colours, plain, without_claims, write_video

from seqcore.media.clips import read_clip
from seqcore.media.clock import Clock
from seqcore.media.video import View, frame_at, open_video, video_info
from seqcore.media.video_writer import VideoWriter

SMALL = View(24, 32)


def read(path: Path) -> tuple[list[float], float, float]:
    """The times of a film's frames, where the last one ends, and its rate."""
    with open_video(path) as film:
        times = [time for time, _ in film.frames(SMALL)]
        assert film.cut_short is None
        return times, film.end, film.fps


def told(*times: float | None, duration: float = 0.0, step: float = 0.04, jumps: bool = False) -> list[float]:
    clock = Clock(step, jumps)
    return [round(clock.tick(time, duration), 6) for time in times]


@pytest.mark.parametrize(("name", "codec"), [("a.ts", "mpeg2video"), ("a.ts", "libx264"), ("a.mpg", "mpeg2video"),
                                             ("a.mkv", "libx264"), ("a.webm", "libvpx")])  # fmt: skip
def test_films_that_were_joined_follow_each_other(tmp_path: Path, name: str, codec: str) -> None:
    half = write_video(tmp_path / name, colours(["red"] * 20), codec=codec).read_bytes()
    joined = tmp_path / f"joined{name[1:]}"
    joined.write_bytes(half * 2)
    times, end, fps = read(joined)
    assert times == pytest.approx([number / 25 for number in range(40)], abs=0.002)
    assert end == pytest.approx(1.6, abs=0.002)
    assert fps == pytest.approx(25)
    clip = read_clip(str(joined), SMALL)
    assert (clip.times, clip.end, clip.fps) == (tuple(times), end, fps)


def test_a_stream_whose_clock_jumps_by_hours_goes_on(tmp_path: Path) -> None:
    parts = []
    for name, begin in (("a.ts", 0.0), ("b.ts", 7200.0), ("c.ts", 95_000.0), ("d.ts", 60.0)):
        times = [begin + number / 25 for number in range(10)]
        parts.append(write_video(tmp_path / name, colours(["red"] * 10), times=times, codec="libx264").read_bytes())
    (tmp_path / "joined.ts").write_bytes(b"".join(parts))
    times, end, fps = read(tmp_path / "joined.ts")
    assert times == pytest.approx([number / 25 for number in range(40)], abs=0.002)
    assert end == pytest.approx(1.6, abs=0.01)
    assert fps == pytest.approx(25, rel=0.01)


def test_a_frame_of_a_joined_film_is_looked_for_where_it_is(tmp_path: Path) -> None:
    parts = [write_video(tmp_path / f"{name}.ts", colours([name] * 20), codec="mpeg2video").read_bytes()
             for name in ("red", "green", "blue")]  # fmt: skip
    (tmp_path / "joined.ts").write_bytes(b"".join(parts))
    for time, channel in ((0.4, 0), (1.2, 1), (2.0, 2), (9.0, 2)):
        assert int(frame_at(tmp_path / "joined.ts", time, SMALL).float().mean((1, 2)).argmax()) == channel
    assert int(frame_at(tmp_path / "green.ts", 0.4, SMALL).float().mean((1, 2)).argmax()) == 1


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm"])
def test_a_still_of_a_minute_is_no_jump(tmp_path: Path, name: str) -> None:
    moments = [0.0, 0.04, 60.0, 60.04]
    codec = "libvpx" if name == "a.webm" else "libx264"
    times, end, fps = read(write_video(tmp_path / name, colours(["red"] * 4), times=moments, codec=codec))
    assert times == pytest.approx(moments, abs=0.002)
    assert 60.05 <= end < 61
    assert fps == pytest.approx(3 / 60.04, rel=0.01)


def test_a_browsers_recording_counts_frames_not_milliseconds(tmp_path: Path) -> None:
    moments = [0.041 * number + (0.0, 0.006, 0.011)[number % 3] for number in range(100)]
    film = write_video(tmp_path / "a.webm", colours(["red"] * 100), times=moments, codec="libvpx")
    times, end, fps = read(without_claims(film))
    assert times == pytest.approx(moments, abs=0.002)
    assert fps == pytest.approx(99 / moments[-1], rel=0.001)
    assert end == pytest.approx(moments[-1] + 0.041, abs=0.02)
    assert 20 < video_info(film).fps < 30


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [("a.h264", "libx264", "yuv420p"), ("a.ivf", "libvpx", "yuv420p"), ("a.mjpeg", "mjpeg", "yuvj420p")],
)
def test_streams_without_a_clock(tmp_path: Path, name: str, codec: str, pix_fmt: str) -> None:
    times, end, fps = read(write_video(tmp_path / name, colours(["red"] * 30), codec=codec, pix_fmt=pix_fmt))
    assert times == pytest.approx([number / 25 for number in range(30)])
    assert end == pytest.approx(1.2)
    assert fps == pytest.approx(25)


def test_digital_video_has_thirty_frames_not_sixty_thousand(tmp_path: Path) -> None:
    film = write_video(tmp_path / "a.dv", [plain("red", 720, 480)] * 4, Fraction(30_000, 1001), "dvvideo", "yuv411p")
    assert video_info(film).fps == pytest.approx(29.97, abs=0.01)
    assert video_info(film).frames == 4
    assert read(film)[1] == pytest.approx(4 / 29.97, rel=0.001)
    assert read(film)[2] == pytest.approx(29.97, abs=0.01)


def test_a_fast_film_says_its_rate(tmp_path: Path) -> None:
    film = write_video(tmp_path / "a.mp4", colours(["red"] * 60), fps=480)
    assert video_info(film).fps == pytest.approx(480, rel=0.01)
    assert read(film)[1] == pytest.approx(0.125, abs=0.002)
    assert read(film)[2] == pytest.approx(480, rel=0.01)


# The clock


def test_times_that_stand_or_tremble_still_grow() -> None:
    assert told(0, 0.04, 0.04, 0.08, 0.12) == [0, 0.04, 0.06, 0.08, 0.12]
    assert told(0, 0.12, 0.04, 0.08, 0.16, 0.2) == [0, 0.12, 0.14, 0.16, 0.18, 0.2]  # they come in another order
    times = told(*[0.0] * 20)
    assert all(after > before for before, after in pairwise(times))


def test_a_film_may_begin_before_its_clock() -> None:
    assert told(-1.5, -1.46, -1.42) == [0, 0.04, 0.08]
    assert told(3600, 3600.04) == [0, 0.04]


def test_frames_without_a_time_follow_the_one_before() -> None:
    assert told(None, None, None, duration=0.02) == [0, 0.02, 0.04]
    assert told(0.0, None, 0.1, None) == [0, 0.04, 0.1, 0.16]
    assert told(None, 5.0, 5.04) == [0, 0.04, 0.08]


def test_long_steps_are_jumps_only_where_clocks_jump() -> None:
    assert told(0, 0.04, 30.04, 30.08) == [0, 0.04, 30.04, 30.08]
    assert told(0, 0.04, 30.04, 30.08, jumps=True) == [0, 0.04, 0.08, 0.12]
    assert told(0, 0.04, 9.0, 9.04, jumps=True) == [0, 0.04, 9.0, 9.04]
    assert told(0, 0.04, 200_000, 200_000.04) == [0, 0.04, 0.08, 0.12]


def test_two_frames_and_one_are_a_film_too() -> None:
    assert told(0, 0.04, 0, 0.04, 0, 0.04) == [0, 0.04, 0.08, 0.12, 0.16, 0.2]
    clock = Clock(0.04, jumps=False)
    clock.tick(7.0)
    assert (clock.end, clock.rate(25.0)) == (0.04, 25.0)


def test_the_last_frame_is_shown_as_long_as_it_says_or_as_others_are() -> None:
    for duration, end in ((0.5, 1.62), (0.001, 1.16), (0.0, 1.16)):
        clock = Clock(0.04, jumps=False)
        for time in (0.0, 0.04, 0.08, 1.08, 1.12):
            clock.tick(time, duration)
        assert clock.end == pytest.approx(end)
    clock = Clock(0.1, jumps=False)
    for time in (0.0, 0.1, 20.1):  # A long still among short ones.
        clock.tick(time, 0.1)
    assert clock.end == pytest.approx(20.2)


# Written films


@pytest.mark.parametrize("times", [[number / 30 for number in range(40)], [0.0, 0.1, 0.7, 1.5], [0.0, 60.0], [0.0]])
def test_what_is_written_lasts_as_long_as_it_was_told(tmp_path: Path, times: list[float]) -> None:
    end = times[-1] + 0.25
    with VideoWriter(tmp_path / "a.mp4", 64, 48, 60_000) as writer:
        writer.end = end
        for number, time in enumerate(times):
            writer.write(plain(("red", "green")[number % 2]), time)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.duration / 1e6 == pytest.approx(end, abs=0.001)
    written, ends, _ = read(tmp_path / "a.mp4")
    assert written == pytest.approx(times, abs=0.0001)
    assert ends == pytest.approx(end, abs=0.001)
