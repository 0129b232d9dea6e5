"""Videos of every kind, read and written."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest.mock import Mock

import av
import numpy as np
import pytest
import torch
from tiny_videos import COLOURS, colours, plain, turn, write_silence, write_video

from seqcore.errors import DataError, InputError
from seqcore.media.clips import cached_clips
from seqcore.media.video import View, frame_at, open_video, read_frames, video_info
from seqcore.media.video_writer import VideoWriter

ROOT = Path(__file__).resolve().parents[2]
SMALL = View(24, 32)


def means(path: Path, view: View | None = SMALL) -> list[list[float]]:
    return [frame.float().mean((1, 2)).tolist() for _, frame in read_frames(path, view)]


def nearest(colour: list[float]) -> str:
    return min(COLOURS, key=lambda name: sum((a - b) ** 2 for a, b in zip(colour, COLOURS[name], strict=True)))


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mp4", "libx265", "yuv420p10le"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.gif", "gif", "rgb8"),
        ("a.mkv", "mjpeg", "yuvj420p"),
        ("a.avi", "mpeg4", "yuv420p"),
        ("a.mov", "libx264", "yuv422p"),
        ("a.mpg", "mpeg2video", "yuv420p"),
        ("a.flv", "flv", "yuv420p"),
        ("a.m4v", "mpeg4", "yuv420p"),
    ],
)
def test_colours_come_back_from_every_codec(tmp_path: Path, name: str, codec: str, pix_fmt: str) -> None:
    path = write_video(tmp_path / name, colours(["red", "green", "blue", "red"]), codec=codec, pix_fmt=pix_fmt)
    assert [nearest(colour) for colour in means(path)] == ["red", "green", "blue", "red"]


def test_times_are_the_files_own(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.5, 0.54, 2.0]
    path = write_video(tmp_path / "a.mp4", colours(["red"] * 5), times=times)
    assert [time for time, _ in read_frames(path, SMALL)] == pytest.approx(times, abs=0.002)


def test_what_the_file_says(tmp_path: Path) -> None:
    info = video_info(write_video(tmp_path / "a.mp4", colours(["red"] * 10), fps=30))
    assert (info.fps, info.frames, info.width, info.height) == (30, 10, 64, 48)
    assert video_info((tmp_path / "a.mp4").read_bytes()) == info
    with (tmp_path / "a.mp4").open("rb") as file:
        assert video_info(file) == info


def test_one_opening_gives_all_that_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "a.mp4", colours(["red", "green", "blue"]))
    opening = Mock(wraps=av.open)
    monkeypatch.setattr(av, "open", opening)
    with open_video(path) as film:
        assert film.info.frames == 3
        whole = [frame for _, frame in film.frames()]
        assert film.info.width == 64
        assert opening.call_count == 1
        assert all(torch.equal(a, b) for a, (_, b) in zip(whole, film.frames(), strict=True))  # from the first one on
        with open_video(film) as same:
            assert same is film
        assert torch.equal(film.frame_at(99.0), whole[-1])
        assert torch.equal(film.frame_at(0.0), whole[0])
    with path.open("rb") as file:
        file.read(100)
        assert len(list(read_frames(file))) == len(list(read_frames(file))) == 3


def test_a_turned_film_is_turned_back(tmp_path: Path) -> None:
    pixels = plain("red")
    pixels[:, 32:] = COLOURS["blue"]  # left red, right blue
    path = turn(write_video(tmp_path / "a.mp4", [pixels] * 3))
    info = video_info(path)
    assert (info.width, info.height) == (48, 64)
    for view in (None, View(32, 24)):
        (_, frame), *_ = read_frames(path, view)
        half = frame.shape[1] // 2
        top, bottom = frame[:, :half].float().mean((1, 2)).tolist(), frame[:, half:].float().mean((1, 2)).tolist()
        assert (nearest(top), nearest(bottom)) == ("red", "blue")  # turned clockwise


def test_grey_and_crop(tmp_path: Path) -> None:
    pixels = plain("red", 64, 64)
    pixels[16:48, 16:48] = 255
    path = write_video(tmp_path / "a.mp4", [pixels] * 2, pix_fmt="yuv420p")
    (_, frame), *_ = read_frames(path, View(10, 12, (0.3, 0.3, 0.7, 0.7), grey=True))
    assert frame.shape == (1, 10, 12)
    assert frame.float().mean() > 240


@pytest.mark.parametrize(("width", "height"), [(33, 17), (3840, 2160), (2, 2)])
def test_sizes_that_are_odd(tmp_path: Path, width: int, height: int) -> None:
    even = codec_frames(width, height)
    path = write_video(tmp_path / "a.mkv", even, codec="ffv1", pix_fmt="bgr0")
    assert [nearest(colour) for colour in means(path)] == ["red", "blue"]


def codec_frames(width: int, height: int) -> list[np.ndarray]:  # type: ignore[type-arg]
    return [plain("red", width, height), plain("blue", width, height)]


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video at all", encoding="utf-8")
    (tmp_path / "empty.mp4").touch()
    whole = write_video(tmp_path / "whole.mp4", colours(["red"] * 30)).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    with av.open(str(tmp_path / "song.mp3"), "w") as container:
        write_silence(container, container.add_stream("libmp3lame", rate=44100, layout="mono"), 0.5)
    (tmp_path / "song.mp4").write_bytes((tmp_path / "song.mp3").read_bytes())
    for name, said in [
        ("text.mp4", "text.mp4 is not a video"),
        ("empty.mp4", "empty.mp4 is empty"),
        ("cut.mp4", "cut.mp4 is not a video, or it is damaged or cut short"),
        ("song.mp4", "song.mp4 holds no video, only sound"),
        ("none.mp4", "there is no video"),
        (".", "is no file"),
    ]:
        with pytest.raises(InputError, match=said):
            list(read_frames(tmp_path / name, SMALL))
    with pytest.raises(InputError, match="the video is empty"):
        list(read_frames(b"", SMALL))
    kind = whole.rindex(b"avc1")
    with pytest.raises(InputError, match="of a kind of video that cannot be read here"):
        list(read_frames(whole[:kind] + b"none" + whole[kind + 4 :], SMALL))
    with pytest.raises(InputError, match="there is no video"):  # and nothing is fetched
        list(read_frames("http://127.0.0.1/a.mp4", SMALL))


def test_no_frame_and_one_frame(tmp_path: Path) -> None:
    assert len(means(write_video(tmp_path / "one.mp4", colours(["green"])))) == 1
    nothing = write_video(tmp_path / "none.avi", [], codec="mpeg4")
    with pytest.raises(InputError, match=r"none\.avi (holds no frames|is not a video)"):
        list(read_frames(nothing, SMALL))


def test_a_film_cut_short_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    frames = [chance.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(40)]
    whole = write_video(tmp_path / "a.ts", frames, codec="mpeg2video").read_bytes()
    (tmp_path / "b.ts").write_bytes(whole[: len(whole) // 2])
    assert 10 < len(means(tmp_path / "b.ts")) < 40


def test_a_grey_film_is_read_in_colour_and_in_grey(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", colours(["red", "green"]), codec="ffv1", pix_fmt="gray")
    with av.open(str(path)) as container:
        assert container.streams.video[0].pix_fmt == "gray"
    for view, channels in ((SMALL, 3), (View(24, 32, grey=True), 1)):
        (_, dark), (_, light) = read_frames(path, view)
        assert dark.shape == (channels, 24, 32)
        assert int(dark.amax()) - int(dark.amin()) <= 2  # of no colour
        assert light.float().mean() > dark.float().mean() + 20


def test_a_film_whose_title_is_no_text_is_read(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mkv", colours(["red", "green"]), title="A film of colours").read_bytes()
    assert b"A film of colours" in whole
    (tmp_path / "film.mkv").write_bytes(whole.replace(b"A film of colours", b"\xff film \xfe\xff colours"))
    assert [nearest(mean) for mean in means(tmp_path / "film.mkv")] == ["red", "green"]


LEFT_EARLY = """
import sys
import av
from seqcore.media.video import open_video
av.logging.set_level(av.logging.DEBUG)  # others do, torchvision 0.24 for one
for _ in range(30):
    with open_video(sys.argv[1]) as film:
        next(film.frames())
    del film
"""


def test_a_film_is_closed_while_ffmpeg_has_much_to_say(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    path = write_video(tmp_path / "a.mp4", [chance.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(40)])
    done = subprocess.run([sys.executable, "-c", LEFT_EARLY, path], cwd=ROOT, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_frame_at_a_time(tmp_path: Path) -> None:
    names = ["red"] * 40 + ["green"] * 40 + ["blue"] * 40
    times = [0.04 * number + (10 if number >= 80 else 0) for number in range(120)]
    films = [
        write_video(tmp_path / "a.mp4", colours(names), times=times),
        write_video(tmp_path / "a.mkv", colours(names), times=times),
    ]
    films.append(tmp_path / "b.mkv")
    films[-1].write_bytes(films[1].read_bytes()[: films[1].stat().st_size * 9 // 10])  # nothing to search by
    for path in films:
        for time, name in [(-1.0, "red"), (0.5, "red"), (1.7, "green"), (9.0, "green"), (13.3, "blue"), (99.0, "blue")]:
            assert nearest(frame_at(path, time, SMALL).float().mean((1, 2)).tolist()) == name


def test_a_song_with_a_cover_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "song.mp3"), "w") as container:
        sound = container.add_stream("libmp3lame", rate=44100, layout="mono")
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        container.start_encoding()
        container.mux(
            cover.encode(av.VideoFrame.from_ndarray(plain("red"), format="rgb24").reformat(format="yuvj420p"))
        )
        write_silence(container, sound, 0.5)
    with pytest.raises(InputError, match=r"song\.mp3 holds no video, only sound"):
        list(read_frames(tmp_path / "song.mp3", SMALL))


def test_frames_that_are_too_large_are_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path / "a.mp4", colours(["red"]))
    monkeypatch.setattr("seqcore.media.containers.MAX_PIXELS", 64 * 48 - 1)
    with pytest.raises(InputError, match=r"a\.mp4 has frames of 64 × 48 pixels, more than 3,071"):
        video_info(path)


def test_how_long_it_is_where_only_the_container_says_it(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.webm", colours(["red"] * 30), codec="libvpx-vp9")
    assert video_info(path).frames in (29, 30)


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server of this machine: its address, and what it was asked for."""
    paths: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}", paths
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{folder}/secret.ts\n#EXT-X-ENDLIST\n"),
        ("a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://{server}/a.ts\n#EXT-X-ENDLIST\n"),
        ("a.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://{server}/a.ts\n#EXT-X-ENDLIST\n"),
        ("a.mp4", "ffconcat version 1.0\nfile secret.ts\n"),
        ("a.mp4", "ffconcat version 1.0\nfile http://{server}/a.ts\n"),
        ("a.mp4", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=a\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 33\n"),
        (
            "a.mpd",
            """<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet
            mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>http://{server}/a.mp4</BaseURL>
            </Representation></AdaptationSet></Period></MPD>""",
        ),
    ],
    ids=["playlist of a file", "playlist", "playlist as mp4", "script of a file", "script", "session", "dash"],
)
def test_a_file_that_names_others_opens_none_of_them(
    tmp_path: Path, asked: tuple[str, list[str]], name: str, written: str
) -> None:
    server, paths = asked
    write_video(tmp_path / "secret.ts", colours(["green"] * 10), codec="mpeg2video")
    path = tmp_path / name
    path.write_text(written.format(folder=tmp_path, server=server), encoding="utf-8")
    with path.open("rb") as file:
        for source in (path, path.read_bytes(), file):
            with pytest.raises(InputError, match="is not a video"):
                list(read_frames(source, SMALL))
    assert paths == []


def test_times_never_go_back(tmp_path: Path) -> None:
    half = write_video(tmp_path / "a.ts", colours(["red"] * 10), codec="mpeg2video").read_bytes()
    (tmp_path / "b.ts").write_bytes(half + half)  # the second half begins at nought again
    times = [time for time, _ in read_frames(tmp_path / "b.ts", SMALL)]
    assert len(times) > 15
    assert times == sorted(times)


def test_sound_may_be_longer(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", colours(["red"] * 5), sound=3.0)
    assert len(means(path)) == 5


def test_what_is_written_plays_in_browsers(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with VideoWriter(path, 65, 49, 25) as writer:
        for number, name in enumerate(["red", "green", "blue"]):
            writer.write(plain(name, 65, 49), [0.0, 0.04, 0.9][number])
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height) == (64, 48)
    assert [nearest(colour) for colour in means(path)] == ["red", "green", "blue"]
    assert [time for time, _ in read_frames(path)] == pytest.approx([0.0, 0.04, 0.9], abs=0.002)
    with pytest.raises(InputError, match="cannot be written"):
        VideoWriter(tmp_path / "no" / "a.mp4", 64, 48, 25)


def test_clips_are_decoded_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(write_video(tmp_path / f"{name}.mp4", colours([name] * 4))) for name in COLOURS]
    done: list[int] = []
    first = cached_clips(paths, SMALL, tmp_path / "cache", lambda now, _: done.append(now))
    again = cached_clips(paths, SMALL, tmp_path / "cache", lambda now, _: done.append(now))
    assert done == [1, 2, 3]
    for clip, other, path in zip(first, again, paths, strict=True):
        assert torch.equal(clip.frames, other.frames)
        assert torch.equal(clip.frames, torch.stack([frame for _, frame in read_frames(path, SMALL)]))
        assert clip.times == other.times
    cached_clips(paths[:2], SMALL, tmp_path / "cache")
    assert "it is made anew" in capsys.readouterr().err
    (tmp_path / "bad.mp4").write_text("no", encoding="utf-8")
    with pytest.raises(InputError, match=r"bad.mp4 is not a video") as raised:
        cached_clips([paths[0], str(tmp_path / "bad.mp4")], SMALL, tmp_path / "other")
    assert raised.value.number == 2
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot keep the frames"):
        cached_clips(paths, SMALL, tmp_path / "file" / "cache")
