"""The video demo: its endpoints, and its page in Chromium."""

import itertools
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from playwright.sync_api import expect
from tiny_videos import COLOURS, colours, plain, tiny_classifier, write_video

from apps.server.launch import start
from apps.server.models import LazyTask
from apps.video import api, details
from apps.video.api import Answers, written
from apps.video.app import EXAMPLES, build
from apps.video.films import label_film, pictures
from apps.video.handlers import PageEvents
from seqcore.errors import CheckpointError, InputError
from seqcore.media.video import read_frames, video_info

NAMES = ["red"] * 6 + ["blue"] * 6


def tiny_load(path: Path, **changes: Any) -> Any:
    path.mkdir(exist_ok=True)
    (path / "README.md").write_text("# A model\n\nTells **colours** apart.\n", encoding="utf-8")
    return LazyTask(path, open_checkpoint=lambda _, device: tiny_classifier(**changes))


@pytest.fixture(scope="module")
def server(free_port: Callable[[], int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("models")
    whole = tiny_load(folder / "whole", bidirectional=True, delay=0)
    app = build(tiny_load(folder / "stream"), whole)
    yield str(start(app, "127.0.0.1", free_port()))
    app.close()


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
        api.checked(str(film))
    monkeypatch.setattr(api, "MAX_BYTES", 10)
    with pytest.raises(InputError, match="and this page takes 0 MB: cut it"):
        api.checked(str(film))


def test_a_film_that_does_not_say_how_long_it_is_ends_at_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(write_video(tmp_path / "a.webm", colours(["red"] * 70), codec="libvpx-vp9"))
    monkeypatch.setattr("seqcore.media.containers.VideoContainer._seconds", lambda self: 0.0)
    assert video_info(path).frames == 0
    assert api.checked(path) == path
    assert "<progress aria-label" in details.bar(32, 0, 1.0)  # without an end
    monkeypatch.setattr(api, "MAX_SECONDS", 1.0)
    load: Any = LazyTask("a", open_checkpoint=lambda _, device: tiny_classifier())
    with pytest.raises(InputError, match="minutes at most: cut it"):
        Answers({"a": load}).label_frames(path)


def test_another_kind_of_checkpoint_is_told() -> None:
    load: Any = LazyTask("sentiment", open_checkpoint=lambda path, device: object())
    with pytest.raises(CheckpointError, match="sentiment holds no video classifier"):
        Answers({"a": load}).classifier()


# Files


def test_results_as_files(film: Path, tmp_path: Path) -> None:
    found = tiny_classifier().label(film)
    objects, table, subtitles = (Path(path) for path in written(found, tmp_path))
    assert json.loads(objects.read_text(encoding="utf-8"))["labels"] == list(found.labels)
    lines = table.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "frame,time,label,probability"
    assert len(lines) == 1 + len(NAMES)
    text = subtitles.read_text(encoding="utf-8")
    assert text.startswith("WEBVTT\n\n00:00:00.000 --> ")
    assert text.count("-->") == len(found.segments)


def test_labels_are_no_markup(film: Path, tmp_path: Path) -> None:
    found = tiny_classifier(labels=("<b>", "a --> b", "c & d")).label(film)
    text = Path(written(found, tmp_path)[2]).read_text(encoding="utf-8")
    assert not re.search("<b>|a -->|c & d", text)
    shown = details.timeline(found, ("<b>", "a --> b", "c & d")) + details.gallery(found.segments, [])
    assert not re.search("<b>|c & d", shown)


def test_a_bar_tells_frames_a_second() -> None:
    assert "10 of 40 frames, about 6 s left, 5 a second" in details.bar(10, 40, 2.0)
    assert "40 frames in 8.0 s, 5 a second" in details.bar(40, 40, 8.0, over=True)


def test_pictures_are_of_their_times(film: Path) -> None:
    first, last, beyond = pictures(str(film), [0.1, 0.3, 9.0])
    assert [max(range(3), key=image.getpixel((5, 5)).__getitem__) for image in (first, last, beyond)] == [0, 2, 2]


def test_a_labelled_film_keeps_its_times(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.7, 1.5]
    path = write_video(tmp_path / "a.mp4", colours(["red"] * 4), times=times)
    assert list(label_film(str(path), tiny_classifier().label(path), tmp_path / "b.mp4")) == [1, 2, 3, 4]
    assert [time for time, _ in read_frames(tmp_path / "b.mp4")] == pytest.approx(times, abs=0.002)


# Live


def test_a_live_picture_gets_the_labels_of_the_stream() -> None:
    events = PageEvents(Answers({"a": LazyTask("a", open_checkpoint=lambda path, device: tiny_classifier())}))
    task = tiny_classifier()
    mine, state = None, None
    for name in NAMES:
        label, state = task.step(plain(name), state)
        said, mine = events.live(plain(name), mine, "a")
        assert (label or "…") in said
    assert events.live(None, mine, "a") == ("", None)
    whole = tiny_classifier(bidirectional=True, delay=0)
    events = PageEvents(Answers({"a": LazyTask("a", open_checkpoint=lambda path, device: whole)}))
    said, mine = events.live(plain("red"), None, "a")
    assert "a reads whole films" in said
    assert mine is None


# The page


def test_a_film_is_labelled_and_looked_at(page: Any, server: str, film: Path) -> None:
    page.goto(server)
    expect(page.get_by_role("heading", name="Video", exact=True)).to_be_visible()
    expect(page.get_by_text("Tells colours apart.")).to_be_visible()  # the model is loaded first
    page.locator("#video input[type=file]").first.set_input_files(film)
    page.locator("#video video").wait_for()
    page.get_by_role("button", name="Label every frame").click()
    expect(page.locator("#progress")).to_contain_text("12 frames in")
    expect(page.locator("svg.sq-timeline")).to_be_visible()
    expect(page.locator("#film video")).to_be_visible()
    found = tiny_classifier().label(film).segments
    expect(page.locator("#segments .sq-look")).to_have_count(len(found))
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    assert Path(download.value.path()).read_text(encoding="utf-8").startswith("frame,time,label")
    page.get_by_label("Look at a segment").click()
    page.get_by_role("option").first.click()
    expect(page.locator("#picked img")).to_be_visible()
    expect(page.locator("#segments table tbody tr")).to_have_count(len(found))
    for place in ("#timeline rect", "#segments .sq-look", "#segments tbody tr"):  # a click on any of them picks
        page.get_by_label("Look at a segment").click()
        page.get_by_role("option").first.click()
        page.locator(place).last.click()
        expect(page.get_by_label("Look at a segment")).to_have_value(details.told(found[-1]))


def test_labelling_can_be_stopped(page: Any, server: str, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = threading.Event()

    def endless(*_: Any) -> Iterator[int]:
        try:
            for done in itertools.count(1):
                stopped.wait(0.01)
                yield done
        finally:
            stopped.set()

    monkeypatch.setattr("apps.video.handlers.label_film", endless)
    page.goto(server)
    page.locator("#video input[type=file]").first.set_input_files(film)
    page.locator("#video video").wait_for()
    page.click("#go")
    page.locator("#segments .sq-look").first.wait_for()
    page.click("#stop")
    expect(page.locator("#stop")).to_be_disabled()
    expect(page.locator("#segments .sq-look")).to_have_count(0)
    assert stopped.is_set()


def test_an_example_is_labelled(page: Any, server: str) -> None:
    assert len(list(EXAMPLES.glob("*.mp4"))) == 2
    page.goto(server)
    page.locator("#examples button, #examples td, #examples .gallery-item").first.click()
    expect(page.locator("#progress")).to_contain_text("150 frames in")


def test_what_is_no_video_is_said_on_the_page(page: Any, server: str) -> None:
    page.goto(server)
    page.get_by_role("button", name="Label every frame").click()
    expect(page.get_by_text("Choose a video first.")).to_be_visible()


def test_a_live_picture_is_labelled(page: Any, server: str) -> None:
    """Chromium's own camera, a green picture with a clock."""
    page.context.grant_permissions(["camera"])
    page.goto(server)
    page.get_by_role("tab", name="Live").click()
    page.locator("#camera").get_by_text("Click to Access Webcam").click()
    page.locator("#camera video").wait_for()
    page.get_by_role("button", name="capture photo").click()
    expect(page.locator("#live-label h2")).to_have_text(re.compile("red|green|blue"))
    expect(page.locator("#live-label")).to_contain_text("frames a second")
    page.get_by_label("Model").click()
    page.get_by_role("option", name="whole").click()
    expect(page.locator("#live-label")).to_contain_text("This model cannot follow a live picture")


def test_a_live_picture_leaves_out_frames_rather_than_lagging(
    page: Any, free_port: Callable[[], int], tmp_path: Path
) -> None:
    """A model that takes four times as long as the camera does for a frame."""
    task = tiny_classifier()
    step, seen = task.step, []

    def slow(frame: Any, state: Any = None) -> Any:
        seen.append(time.monotonic())
        time.sleep(0.4)
        return step(frame, state)

    task.step = slow  # type: ignore[method-assign]
    app = build(LazyTask(tmp_path, open_checkpoint=lambda _, device: task))
    address = str(start(app, "127.0.0.1", free_port()))
    page.context.grant_permissions(["camera"])
    page.goto(address)
    page.get_by_role("tab", name="Live").click()
    page.locator("#camera").get_by_text("Click to Access Webcam").click()
    page.locator("#camera video").wait_for()
    page.get_by_role("button", name="capture photo").click()
    expect(page.locator("#live-label h2")).to_have_text(re.compile("red|green|blue"))
    page.get_by_role("button", name="capture photo").click()
    stopped = time.monotonic()
    page.wait_for_timeout(1500)
    app.close()
    assert len(seen) >= 3
    assert max(seen) < stopped + 1.0  # nothing was left to work off
