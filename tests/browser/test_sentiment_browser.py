"""The sentiment classifier's page, used in Chromium. `page` also fails on any error and any request to the outside."""

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import browsing
import pytest
from browsing import notice, open_page, words
from playwright.sync_api import expect
from tiny_sentiment import tiny_checkpoint
from waiting import wait_until

from apps.sentiment.app import build
from apps.server.launch import start
from apps.server.models import LazyTask

MARKUP = "The <script>alert(1)</script> <img src=http://example.invalid/x onerror=alert(2)> film was wonderful."


@pytest.fixture(scope="module")
def server(free_port: Callable[[], int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app with a tiny model that was trained a second ago. The address."""
    app = build(LazyTask(tiny_checkpoint(tmp_path_factory.mktemp("sentiment")), "cpu"))
    yield str(start(app, "127.0.0.1", free_port()))
    app.close()


def classify(page: Any, text: str) -> None:
    """Classify a text and wait until its words are weighed."""
    page.evaluate("document.querySelectorAll('.sq-course').forEach(one => one.classList.add('before'))")
    page.fill("#text textarea", text)
    page.click("#go")
    is_explained(page)


def is_explained(page: Any) -> None:
    page.locator(".sq-course:not(.before)").wait_for()
    assert "explained in" in words(page, "#status")


def label_is(page: Any, label: str) -> None:
    expect(page.locator(".sq-label strong")).to_have_text(label)


def choose_file(page: Any, name: str, content: str) -> None:
    page.get_by_role("tab", name="Many").click()
    browsing.choose_file(page, "#file", {"name": name, "mimeType": "text/plain", "buffer": content.encode()})


def test_a_text_is_classified_and_explained(page: Any, server: str) -> None:
    open_page(page, server, "Tells good things from bad ones.")
    expect(page.locator("#verdict")).not_to_be_visible()
    classify(page, "The film was wonderful.")
    label_is(page, "positive")
    expect(page.locator("#verdict th")).to_have_text(["negative", "positive"], use_inner_text=True)
    shares = [float(text.removesuffix(" %")) for text in page.locator("#verdict td:last-child").all_inner_texts()]
    assert sum(shares) == pytest.approx(100, abs=0.2)
    assert page.locator(".sq-words").evaluate("box => box.firstChild.textContent").startswith("The")
    expect(page.locator(".sq-word-part")).to_have_count(4)
    expect(page.locator(".sq-steps > span")).to_have_count(4)
    assert page.locator(".sq-course").get_attribute("aria-label").startswith("The probability of positive after each")
    classify(page, "The film was awful.")
    label_is(page, "negative")
    expect(page.get_by_text("toward positive", exact=True)).to_have_count(1)
    page.get_by_role("button", name="Clear").click()
    page.locator("#verdict").wait_for(state="hidden")
    assert page.input_value("#text textarea") == ""
    page.click("#go")
    page.locator("#status p").first.wait_for()
    assert "There is nothing to classify yet" in words(page, "#status")


def test_a_word_tells_its_part_when_pointed_at_or_reached(page: Any, server: str) -> None:
    page.goto(server)
    classify(page, "The film was awful, but the music was lovely.")
    told = page.locator(".sq-tip:visible")
    expect(told).to_have_count(0)
    strong = page.locator(".sq-word-part[tabindex]")
    strong.first.hover()
    assert re.fullmatch(
        r"“\S+”: \d+\.\d\d toward (posi|nega)tive\. Up to here: (posi|nega)tive, [\d.]+ %", told.inner_text()
    )
    page.mouse.move(0, 0)
    strong.first.focus()
    first = told.inner_text()
    page.keyboard.press("Tab")
    wait_until(page, lambda: told.all_inner_texts() not in ([], [first]))
    expect(told).to_have_count(1)
    steps = page.locator(".sq-steps > span")
    steps.nth(3).hover()
    page.locator(".sq-course .sq-tip:visible").wait_for()
    assert "After “awful,” (word 4 of 9)" in words(page, ".sq-course .sq-tip:visible")


def test_the_unsure_band_can_be_moved(page: Any, server: str) -> None:
    page.goto(server)
    classify(page, "The film was wonderful.")
    expect(page.locator(".sq-caution")).to_have_count(0)
    page.locator("#settings button").first.click()
    band = page.locator("#band input[type=number]")
    expect(band).to_have_value("0.6")

    def is_unsure() -> bool:
        if band.input_value() != "1":  # A box that was shown a moment ago may still be set to what it was.
            band.fill("1")
            band.press("Tab")
        return bool(page.locator(".sq-caution").count())

    wait_until(page, is_unsure)
    label_is(page, "positive")
    page.get_by_role("tab", name="Many").click()
    page.fill("#lines textarea", "The film was good.")
    page.click("#classify-all")
    page.locator("#results tbody tr").wait_for()
    assert "unsure" in words(page, "#results tbody")


def test_examples_and_the_keyboard(page: Any, server: str) -> None:
    page.goto(server)
    page.locator("#examples .gallery-item").last.click()
    is_explained(page)
    assert "Out of its domain" in words(page, ".sq-caution")
    assert page.input_value("#text textarea") == "Ein wunderbarer Film, den ich jedem empfehlen kann."
    page.fill("#text textarea", "The plot was boring.")
    page.press("#text textarea", "Shift+Enter")
    label_is(page, "negative")


def test_markup_stays_text(page: Any, server: str) -> None:
    page.goto(server)
    classify(page, MARKUP)
    said = page.locator(".sq-words").inner_text()
    assert "<script>alert(1)</script> <img src=http://example.invalid/x onerror=alert(2)>" in said
    choose_file(page, "<img src=x onerror=alert(3)>.csv", f"<b>id</b>,text\n1,{MARKUP}\n")
    page.click("#classify-all")
    page.locator("#results tbody tr").wait_for()
    assert MARKUP in words(page, "#results")
    for place in ("#reasons", "#results", "#verdict", "#file-progress"):
        expect(page.locator(f"{place} img, {place} script, {place} b")).to_have_count(0)


def test_too_long_a_text_is_refused_and_the_page_goes_on(page: Any, server: str) -> None:
    page.goto(server)
    page.fill("#text textarea", "x" * 40_001)
    page.click("#go")
    assert "this page takes 40,000 at a time" in notice(page)
    assert "Not classified" in words(page, "#status")
    classify(page, "The film was good.")
    label_is(page, "positive")


def test_a_table_goes_up_and_comes_back(page: Any, server: str, tmp_path: Path) -> None:
    page.goto(server)
    rows = "id,title,review\n" + "1,=2+3,The film was wonderful.\n2,b,The plot was awful.\n" * 150
    choose_file(page, "reviews.csv", rows)
    expect(page.locator("#column input")).to_have_value("review")
    page.click("#classify-all")
    page.locator("#download").wait_for()
    assert re.search(r"^300 texts of reviews\.csv in \d+\.\d s$", words(page, "#file-progress"), re.MULTILINE)
    bar = page.locator("#file-progress progress")
    assert bar.get_attribute("value") == bar.get_attribute("max") == "300"
    expect(page.locator("#results tbody tr")).to_have_count(200)
    assert "The first 200 of 300" in words(page, "#results")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download reviews.classified.csv").click()
    download.value.save_as(tmp_path / "found.csv")
    with (tmp_path / "found.csv").open(encoding="utf-8", newline="") as file:
        header, *found = csv.reader(file)
    assert header[:4] == ["id", "title", "review", "label"]
    assert len(found) == 300
    assert found[0][:4] == ["1", "'=2+3", "The film was wonderful.", "positive"]
    page.locator("#column input").click()
    page.get_by_role("option", name="title").click()
    page.click("#classify-all")
    page.locator("#results").get_by_text("=2+3").first.wait_for()  # A cell of the other column.


def test_a_file_that_cannot_be_read_is_told_and_nothing_offered(page: Any, server: str) -> None:
    page.goto(server)
    choose_file(page, "bad.csv", "id,text\n1,a,b\n")
    assert "bad.csv, line 2, row 1 has 3 fields" in notice(page)
    expect(page.locator("#column")).not_to_be_visible()
    page.get_by_label("Remove").or_(page.get_by_label("Clear")).first.click()
    page.click("#classify-all")
    assert "Write texts, one a line, or choose a file first" in notice(page)
    expect(page.locator("#stop-file")).to_be_disabled()
    expect(page.locator("#download")).not_to_be_visible()


def test_a_table_can_be_stopped(page: Any, server: str) -> None:
    page.goto(server)
    choose_file(page, "long.txt", "The film was good, and the plot was awful too. \n" * 100_000)
    page.click("#classify-all")  # while the file is still being taken in
    page.wait_for_function("document.querySelector('#file-progress progress')?.value > 0")
    assert re.search(r"[1-9][\d,]* of 100,000 texts of long\.txt", words(page, "#file-progress"))
    page.click("#stop-file")
    expect(page.locator("#stop-file")).to_be_disabled()
    expect(page.locator("#file-progress progress")).to_have_count(0)
    expect(page.locator("#download")).not_to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_narrow_screen_shows_everything(page: Any, server: str, theme: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{server}/?__theme={theme}")
    classify(page, "The film was lovely, but the plot was awful. " * 10 + "x" * 300)
    page.locator(".sq-word-part[tabindex]").first.hover()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    ink = page.evaluate("getComputedStyle(document.querySelector('.sq-word-part')).color.match(/\\d+/g).map(Number)")
    assert (sum(ink[:3]) > 3 * 128) == (theme == "dark")
    choose_file(page, "some.txt", "The film was good.\n" + "y" * 300)
    page.click("#classify-all")
    page.locator("#results tbody tr").first.wait_for()
    assert "The film was good." in words(page, "#results")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_a_missing_checkpoint_is_told_in_the_page(
    page: Any, leave: Callable[[], None], free_port: Callable[[], int], tmp_path: Path
) -> None:
    app = build(LazyTask(tmp_path / "nothing", "cpu"))
    page.goto(str(start(app, "127.0.0.1", free_port())))
    page.locator("#trouble").wait_for()
    assert "The model could not be loaded." in words(page, "#trouble")
    assert str(tmp_path / "nothing") in words(page, "#trouble")
    page.fill("#text textarea", "The film was good.")
    page.click("#go")
    assert str(tmp_path / "nothing") in notice(page)
    assert "Not classified" in words(page, "#status")
    leave()  # an open page would see its server end
    app.close()
