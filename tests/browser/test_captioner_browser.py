"""The captioner's page, used in Chromium. `page` also fails on any error and on any request to another machine."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import choose_file, notice, open_page, words
from PIL import Image
from playwright.sync_api import expect
from tiny_captioner import COLOURS, picture, tiny_load

from apps.captioner.app import build
from apps.server.launch import start


@pytest.fixture(scope="module")
def server(free_port: Callable[[], int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    app = build(tiny_load(tmp_path_factory.mktemp("captioner")))  # type: ignore[arg-type]
    yield str(start(app, "127.0.0.1", free_port()))
    app.close()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    picture("red").save(tmp_path / "red.png")
    return tmp_path / "red.png"


def test_a_photo_is_captioned_and_explained(page: Any, server: str, photo: Path) -> None:
    open_page(page, server, "Tells colours apart.")
    page.click("#go")
    page.locator("#status p").first.wait_for()
    assert "There is no photo yet" in words(page, "#status")
    page.locator("#photo input[type=file]").first.set_input_files(photo)
    expect(page.locator("#caption textarea")).to_have_value("A red square.")
    expect(page.locator(".sq-look")).to_have_count(3)
    expect(page.locator(".sq-look figcaption bdi")).to_have_text(["a", "red", "square"], use_inner_text=True)
    assert page.locator(".sq-look img").first.get_attribute("alt") == "Where the model looked for “a”"
    expect(page.locator("#looked .sq-ranking tbody tr")).to_have_count(3)
    assert re.search(r"sure of a piece on average, in \d", words(page, "#status"))
    page.get_by_label("Clear").or_(page.get_by_title("Clear")).or_(page.get_by_label("Remove Image")).first.click()
    expect(page.locator("#caption textarea")).to_have_value("")


def test_the_alt_text_is_copied_with_one_click(page: Any, server: str, photo: Path) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_page(page, server, "Tells colours apart.")
    page.locator("#photo input[type=file]").first.set_input_files(photo)
    expect(page.locator("#caption textarea")).to_have_value("A red square.")
    page.locator("#caption").get_by_role("button").first.click()
    page.wait_for_function("async () => await navigator.clipboard.readText() === 'A red square.'")


def test_a_photo_that_is_none_is_told_why(page: Any, server: str, tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("A dog.", encoding="utf-8")
    open_page(page, server, "Tells colours apart.")
    page.locator("#photo input[type=file]").first.set_input_files(tmp_path / "notes.jpg")
    assert "notes.jpg is no image that can be read" in notice(page)
    assert "Not captioned." in words(page, "#status")


def test_an_example_is_captioned(page: Any, server: str) -> None:
    open_page(page, server, "Tells colours apart.")
    page.locator("#examples img").nth(1).click()
    expect(page.locator("#caption textarea")).to_have_value(re.compile(r"^A \w+"))


def test_many_files_are_captioned_with_a_bar_and_can_be_fetched(page: Any, server: str, tmp_path: Path) -> None:
    for colour in COLOURS:
        picture(colour).save(tmp_path / f"{colour}.png")
    (tmp_path / "notes.png").write_bytes(b"no image")
    page.goto(server)
    page.get_by_role("tab", name="Many").click()
    choose_file(page, "#files", *sorted(tmp_path.glob("*.png")))
    page.click("#caption-all")
    page.locator("#csv").wait_for()
    assert "A green square." in words(page, "#results")
    assert "no image that can be read" in words(page, "#results")
    assert re.search(r"4 images in \d", words(page, "#file-progress"))
    with page.expect_download() as download:
        page.click("#csv")
    assert "A blue square." in Path(download.value.path()).read_text(encoding="utf-8")
    with page.expect_download() as download:
        page.click("#jsonl")
    assert len(Path(download.value.path()).read_text(encoding="utf-8").splitlines()) == 4


def test_what_is_no_image_is_told(page: Any, server: str, tmp_path: Path) -> None:
    Image.new("RGB", (30, 30)).save(tmp_path / "cut.jpg", quality=95)
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:400])
    page.goto(server)
    page.get_by_role("tab", name="Many").click()
    choose_file(page, "#files", tmp_path / "cut.jpg")
    page.click("#caption-all")
    page.locator("#csv").wait_for()
    assert "damaged or cut short" in words(page, "#results")
