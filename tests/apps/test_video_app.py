"""The video demo: its endpoints, its files, and what its page does with a film."""

import json
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from handlers import head, named
from tiny_videos import COLOURS, colours, plain, tiny_classifier, without_claims, write_video
from video_page import NAMES, served_page, tiny_load

from apps.server.models import LazyTask
from apps.ui.pictures import film_picture, film_pictures
from apps.video import api, views
from apps.video.api import API
from apps.video.files import label_film, write_labels
from apps.video.handlers import FilmTab, Handlers, LiveTab
from seqcore.errors import CheckpointError, InputError
from seqcore.media.containers import VideoContainer
from seqcore.media.video import open_video, read_frames, video_info


@pytest.fixture(scope="module")
def server(free_port: Callable[[], int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served_page(tmp_path_factory.mktemp("models"), free_port()) as address:
        yield address


@pytest.fixture(scope="module")
def client(server: str) -> Client:
    return Client(server, verbose=False)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_video(tmp_path / "film.mp4", colours(NAMES))


# Endpoints


def test_endpoints_say_what_they_take(client: Client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(endpoints) == {"/label_frames", "/label_video", "/video_models"}
    assert [one["parameter_name"] for one in endpoints["/label_frames"]["parameters"]] == ["video", "model"]


def test_labels_over_http_are_those_of_python(client: Client, film: Path) -> None:
    found = client.predict(handle_file(film), "stream", api_name="/label_frames")
    alone = tiny_classifier().label(film)
    assert found["labels"] == list(alone.labels)
    assert found["fps"] == 25
    assert [one["label"] for one in found["segments"]] == [one.label for one in alone.segments]
    other = client.predict(handle_file(film), "whole", api_name="/label_frames")
    assert other["labels"] == list(tiny_classifier(bidirectional=True, delay=0).label(film).labels)
    models = client.predict(api_name="/video_models")
    assert models == {"stream": sorted(COLOURS), "whole": sorted(COLOURS)}


def test_the_labelled_film_plays_in_browsers(client: Client, film: Path) -> None:
    path = client.predict(handle_file(film), "stream", api_name="/label_video")
    info = video_info(path)
    assert (info.width, info.height, info.frames) == (64, 48, 12)
    first = next(iter(read_frames(path)))[1].float()
    assert first[0, :20].mean() > 150  # still red above
    assert first[0, 36:].mean() < 140  # a dark band below


def test_what_is_no_video_is_told(client: Client, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no", encoding="utf-8")
    with pytest.raises(AppError, match="is not a video"):
        client.predict(handle_file(tmp_path / "text.mp4"), "stream", api_name="/label_frames")
    with pytest.raises(AppError, match="Choose a video first"):
        client.predict(None, "stream", api_name="/label_frames")
    with pytest.raises(AppError, match="There is no model 'other': choose one of stream, whole"):
        client.predict(
            handle_file(write_video(tmp_path / "a.mp4", colours(["red"]))), "other", api_name="/label_frames"
        )


def test_too_much_is_refused(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "MAX_SECONDS", 0.1)
    with pytest.raises(InputError, match="minutes at most: cut it"):
        api.open_film(str(film))
    monkeypatch.setattr(api, "MAX_BYTES", 10)
    with pytest.raises(InputError, match="and this page takes 0 MB: cut it"):
        api.open_film(str(film))


def test_a_film_that_does_not_say_how_long_it_is_ends_at_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(write_video(tmp_path / "a.webm", colours(["red"] * 70), codec="libvpx-vp9"))
    monkeypatch.setattr("seqcore.media.containers.VideoContainer._seconds", lambda self: 0.0)
    assert video_info(path).frames == 0
    api.open_film(path).close()
    assert "<progress aria-label" in views.bar(32, 0, 1.0)  # without an end
    monkeypatch.setattr(api, "MAX_SECONDS", 1.0)
    load: Any = LazyTask("a", open_checkpoint=lambda _, device: tiny_classifier())
    with pytest.raises(InputError, match="minutes at most: cut it"):
        API({"a": load}).label_frames(path)


def test_another_kind_of_checkpoint_is_told() -> None:
    load: Any = LazyTask("sentiment", open_checkpoint=lambda path, device: object())
    with pytest.raises(CheckpointError, match="sentiment holds no video classifier"):
        API({"a": load}).classifier()


# Files


def test_results_as_files(film: Path, tmp_path: Path) -> None:
    found = tiny_classifier().label(film)
    objects, table, subtitles = (Path(path) for path in write_labels(found, tmp_path))
    assert json.loads(objects.read_text(encoding="utf-8"))["labels"] == list(found.labels)
    lines = table.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "frame,time,label,probability"
    assert len(lines) == 1 + len(NAMES)
    text = subtitles.read_text(encoding="utf-8")
    assert text.startswith("WEBVTT\n\n00:00:00.000 --> ")
    assert text.count("-->") == len(found.segments)


def test_labels_are_no_markup(film: Path, tmp_path: Path) -> None:
    found = tiny_classifier(labels=("<b>", "a --> b", "c & d")).label(film)
    text = Path(write_labels(found, tmp_path)[2]).read_text(encoding="utf-8")
    assert not re.search("<b>|a -->|c & d", text)
    shown = views.timeline(found, ("<b>", "a --> b", "c & d")) + views.gallery(found.segments, [])
    assert not re.search("<b>|c & d", shown)


def test_a_bar_tells_frames_a_second() -> None:
    assert "10 of 40 frames, about 6 s left, 5 a second" in views.bar(10, 40, 2.0)
    assert "40 frames in 8.0 s, 5 a second" in views.bar(40, 40, 8.0, over=True)


def test_pictures_are_of_their_times(film: Path) -> None:
    first, last, beyond = film_pictures(str(film), [0.1, 0.3, 9.0])
    pixels: list[Any] = [image.getpixel((5, 5)) for image in (first, last, beyond)]
    assert [max(range(3), key=pixel.__getitem__) for pixel in pixels] == [0, 2, 2]


def test_a_labelled_film_keeps_its_times(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.7, 1.5]
    path = write_video(tmp_path / "a.mp4", colours(["red"] * 4), times=times)
    assert list(label_film(str(path), tiny_classifier().label(path), tmp_path / "b.mp4")) == [1, 2, 3, 4]
    assert [time for time, _ in read_frames(tmp_path / "b.mp4")] == pytest.approx(times, abs=0.002)


@pytest.mark.parametrize("times", [[0.0, 0.1, 0.7, 30.0], [number / 60 for number in range(40)], [0.0]])
def test_a_labelled_film_lasts_as_long(tmp_path: Path, times: list[float]) -> None:
    path = write_video(tmp_path / "a.mkv", colours(["red"] * len(times)), times=times)
    labels = tiny_classifier(frame_rate=25.0).label(path)
    assert len(list(label_film(path, labels, tmp_path / "b.mp4"))) == len(times)
    with open_video(tmp_path / "b.mp4") as film:
        assert [time for time, _ in film.frames()] == pytest.approx(times, abs=0.002)
        assert film.end == pytest.approx(labels.duration, abs=0.002)


def test_a_joined_film_is_labelled_to_its_end(tmp_path: Path) -> None:
    half = write_video(tmp_path / "half.ts", colours(NAMES), codec="mpeg2video").read_bytes()
    (tmp_path / "a.ts").write_bytes(half * 2)
    labels = tiny_classifier().label(tmp_path / "a.ts")
    assert labels.duration == pytest.approx(0.96)
    assert all(one.end > one.start for one in labels.segments)
    assert labels.segments[-1].end == labels.duration
    text = Path(write_labels(labels, tmp_path)[2]).read_text(encoding="utf-8")
    cues = re.findall(r"00:00:(.*) --> 00:00:(.*)", text)
    assert all(float(begin) < float(end) for begin, end in cues)
    assert cues[-1][1] == "00.960"
    assert len(list(label_film(tmp_path / "a.ts", labels, tmp_path / "b.mp4"))) == 24
    assert video_info(tmp_path / "b.mp4").seconds == pytest.approx(0.96, abs=0.001)


def test_pictures_have_the_shape_that_players_show(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", colours(["red"] * 2), aspect=Fraction(4, 3))
    assert list(label_film(path, tiny_classifier().label(path), tmp_path / "b.mp4"))
    info = video_info(tmp_path / "b.mp4")
    assert (info.width, info.height) == (84, 48)
    assert film_pictures(str(path), [0.0], 90)[0].size == (159, 90)
    assert film_picture(str(path), 0.0, 48).size == (85, 48)


def test_limits_count_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "MAX_SECONDS", 2.0)
    load: Any = LazyTask("a", open_checkpoint=lambda _, device: tiny_classifier())
    times = [0.041 * number for number in range(80)]
    recorded = without_claims(write_video(tmp_path / "a.webm", colours(["red"] * 80), codec="libvpx", times=times))
    with pytest.raises(InputError, match="minutes at most: cut it"):
        API({"a": load}).label_frames(str(recorded))
    fast = write_video(tmp_path / "a.mp4", colours(["red"] * 100), fps=120)  # More frames, and less than a second.
    assert len(API({"a": load}).label_frames(str(fast))["labels"]) == 100
    parts = [write_video(tmp_path / f"{begin}.ts", colours(["red"] * 20), times=[begin + n / 25 for n in range(20)])
             for begin in (0, 9000)]  # fmt: skip
    (tmp_path / "a.ts").write_bytes(b"".join(part.read_bytes() for part in parts))  # It says that it lasts for hours.
    assert len(API({"a": load}).label_frames(str(tmp_path / "a.ts"))["labels"]) == 40
    monkeypatch.setattr(api, "MAX_FRAMES", 60)
    with pytest.raises(InputError, match="60 frames at most: cut it"):
        API({"a": load}).label_frames(str(fast))


def test_a_film_that_is_cut_short_is_labelled_and_it_is_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(50)]
    path = write_video(tmp_path / "a.mp4", noise, options={"movflags": "+faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    service = API({"a": tiny_load(tmp_path / "model")})
    found = service.label_frames(str(path))
    assert found["cut_short"] == {"seconds": 2.0, "frames": 50}
    steps = list(handlers_of(service).show_labels(gr.Request(), str(path), "a"))
    told = rf"This film is cut short: {len(found['labels']) / 25:.2f} of 2.00 seconds were read"
    assert told in steps[-1]["progress"]
    labels = Path(write_labels(tiny_classifier().label(path), tmp_path)[0])
    assert json.loads(labels.read_text(encoding="utf-8"))["cut_short"]["frames"] == 50


# The page


def handlers_of(api: API) -> Handlers:
    return Handlers(api, head(), named(FilmTab), named(LiveTab))


def test_a_film_is_opened_three_times_at_most(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once to check and to label it, once for its pictures, once to write it with its labels."""
    opened: list[object] = []

    class Counted(VideoContainer):
        def __init__(self, source: Any) -> None:
            opened.append(source)
            super().__init__(source)

    monkeypatch.setattr("seqcore.media.video.VideoContainer", Counted)
    api = API({"a": tiny_load(tmp_path / "model")})
    steps = list(handlers_of(api).show_labels(gr.Request(), str(film), "a"))
    assert steps[-1]["film"]["visible"]
    assert steps[0]["stop"]["interactive"]
    assert not steps[-1]["stop"]["interactive"]
    assert opened == [str(film)] * 3
    opened.clear()
    api.label_frames(str(film))
    assert opened == [str(film)]


def test_a_live_picture_gets_the_labels_of_the_stream() -> None:
    load: Any = LazyTask("a", open_checkpoint=lambda path, device: tiny_classifier())
    handlers = handlers_of(API({"a": load}))
    task = tiny_classifier()
    mine, state = None, None
    for name in NAMES:
        label, state = task.step(plain(name), state)
        updates = handlers.label_live(plain(name), mine, "a")
        mine = updates["state"]
        assert (label or "…") in updates["label"]
    assert handlers.label_live(None, mine, "a") == {"label": "", "state": None}
    whole = tiny_classifier(bidirectional=True, delay=0)
    load = LazyTask("a", open_checkpoint=lambda path, device: whole)
    updates = handlers_of(API({"a": load})).label_live(plain("red"), None, "a")
    assert "a reads whole films" in updates["label"]
    assert updates["state"] is None
