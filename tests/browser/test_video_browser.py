"""The video page, used in Chromium. `page` also fails on any error and on any request to another machine."""

import itertools
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import notice, open_page, words
from playwright.sync_api import expect
from tiny_videos import colours, tiny_classifier, write_video
from video_page import NAMES, served_page
from waiting import wait_until

from apps.server.launch import start
from apps.server.models import LazyTask
from apps.video import views
from apps.video.app import build
from apps.video.handlers import EXAMPLES


@pytest.fixture(scope="module")
def server(free_port: Callable[[], int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served_page(tmp_path_factory.mktemp("models"), free_port()) as address:
        yield address


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_video(tmp_path / "film.mp4", colours(NAMES))


def test_a_film_is_labelled_and_looked_at(page: Any, server: str, film: Path) -> None:
    open_page(page, server, "Tells colours apart.")
    expect(page.get_by_role("heading", name="Video", exact=True)).to_be_visible()
    page.locator("#video input[type=file]").first.set_input_files(film)
    page.locator("#video video").wait_for()
    page.get_by_role("button", name="Label every frame").click()
    page.locator("#film video").wait_for()
    assert "12 frames in" in words(page, "#progress")
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
        expect(page.get_by_label("Look at a segment")).to_have_value(views.segment_title(found[-1]))


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
    page.locator("#film video").wait_for()
    assert "150 frames in" in words(page, "#progress")


def test_what_is_no_video_is_said_on_the_page(page: Any, server: str) -> None:
    page.goto(server)
    page.get_by_role("button", name="Label every frame").click()
    assert "Choose a video first." in notice(page)


def test_a_live_picture_is_labelled(page: Any, server: str) -> None:
    """Chromium's own camera, a green picture with a clock."""
    page.context.grant_permissions(["camera"])
    page.goto(server)
    page.get_by_role("tab", name="Live").click()
    page.locator("#camera [title='grant webcam access']").click()
    page.locator("#camera video").wait_for()
    page.get_by_role("button", name="capture photo").click()
    expect(page.locator("#live-label h2")).to_have_text(re.compile("red|green|blue"))
    assert "frames a second" in words(page, "#live-label")
    page.get_by_label("Model").click()
    page.get_by_role("option", name="whole").click()
    expect(page.locator("#live-label .sq-past")).to_have_count(0)
    assert "This model cannot follow a live picture" in words(page, "#live-label")


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
    page.locator("#camera [title='grant webcam access']").click()
    page.locator("#camera video").wait_for()
    page.get_by_role("button", name="capture photo").click()
    expect(page.locator("#live-label h2")).to_have_text(re.compile("red|green|blue"))
    page.get_by_role("button", name="capture photo").click()
    stopped = time.monotonic()
    wait_until(page, lambda: time.monotonic() > max(seen) + 1.0)  # Nothing is left to work off.
    app.close()
    assert len(seen) >= 3
    assert max(seen) < stopped + 1.0
