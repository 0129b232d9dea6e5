"""The pages as people use them, in Chromium. `page` also fails on any error and on any request to another machine."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parent.parent
CHECKPOINT = ROOT / "checkpoints" / "translator"


def translate(page: Any, text: str) -> None:
    page.fill("#source textarea", text)
    page.click("#translate")


def translation_is(page: Any, text: str) -> None:
    """Wait until the translation is this text."""
    page.wait_for_function("text => document.querySelector('#translation textarea').value === text", arg=text)


def test_a_sentence_is_translated_and_explained(page: Any, word_list_server: str) -> None:
    page.goto(word_list_server)
    page.get_by_text("A list of five words.").wait_for()
    translate(page, "a dog runs")
    translation_is(page, "ein Hund rennt")
    heat_map = page.locator("#details svg")
    heat_map.wait_for()
    assert "ein Hund rennt" in heat_map.get_attribute("aria-label")
    assert heat_map.bounding_box()["height"] > 50
    assert heat_map.locator("text").all_text_contents() == [
        "⟨de⟩",
        "a",
        "dog",
        "runs",
        "⟨end⟩",
        "ein",
        "Hund",
        "rennt",
        "⟨end⟩",
    ]
    assert page.locator(".sq-piece").all_inner_texts() == ["ein\n90", "Hund\n90", "rennt\n90"]
    assert page.locator(".sq-ranking tbody tr").count() == 5
    assert "1 sentence in" in page.locator("#status").inner_text()
    assert not page.locator("#sentence").is_visible()


def test_lines_stay_lines_and_each_can_be_looked_at(page: Any, word_list_server: str) -> None:
    page.goto(word_list_server)
    translate(page, "a dog runs\n\na cat sleeps")
    translation_is(page, "ein Hund rennt\n\nein Katze schläft")
    page.locator("#sentence input").click()
    page.get_by_role("option", name="3. a cat sleeps").click()
    page.locator('#details svg[aria-label*="schläft"]').wait_for()


def test_keyboard_examples_and_clear(page: Any, word_list_server: str) -> None:
    page.goto(word_list_server)
    page.fill("#source textarea", "dog")
    page.press("#source textarea", "Shift+Enter")
    translation_is(page, "Hund")
    page.get_by_text("A woman is selling fruit.").click()
    translation_is(page, "A woman is selling fruit.\nA boy rides his bicycle.")
    page.get_by_role("button", name="Clear").click()
    translation_is(page, "")
    page.locator("#details").wait_for(state="hidden")


def test_the_translation_can_be_copied(page: Any, word_list_server: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(word_list_server)
    translate(page, "dog")
    translation_is(page, "Hund")
    page.locator("#translation button").click()
    assert page.evaluate("navigator.clipboard.readText()") == "Hund"


def test_markup_stays_text(page: Any, word_list_server: str) -> None:
    page.goto(word_list_server)
    text = "<img src=http://example.invalid/x onerror=alert(1)> ${alert(2)} {{alert}}"
    translate(page, text)
    translation_is(page, text)
    page.locator("#details svg").wait_for()
    assert page.locator("#details img").count() == 0
    assert text in page.locator(".sq-ranking").inner_text()


def test_too_long_a_text_is_refused_and_the_page_goes_on(page: Any, word_list_server: str) -> None:
    page.goto(word_list_server)
    translate(page, "x" * 5_001)
    page.get_by_text("this page takes 5,000 at a time").wait_for()
    translate(page, "dog")
    translation_is(page, "Hund")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_narrow_screen_shows_everything(page: Any, word_list_server: str, theme: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{word_list_server}/?__theme={theme}")
    translate(page, "a dog runs " * 20)
    page.locator("#details svg").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    # The heat map is wider than the screen, so it scrolls in a box of its own.
    assert page.evaluate("(box => box.scrollWidth > box.clientWidth)(document.querySelector('.sq-scroll'))")


def test_a_missing_checkpoint_is_told_in_the_page(page: Any, free_port: Callable[[], int], tmp_path: Path) -> None:
    with served("apps.translator", free_port(), "--checkpoint", str(tmp_path / "nothing")) as address:
        page.goto(address)
        page.locator("#trouble").get_by_text("The model could not be loaded.").wait_for()
        assert str(tmp_path / "nothing") in page.locator("#trouble").inner_text()
        translate(page, "a dog runs")
        page.locator(".toast-body").get_by_text(str(tmp_path / "nothing")).wait_for()
        page.goto("about:blank")  # an open page would see its server end


@pytest.mark.skipif(not CHECKPOINT.is_dir(), reason=f"there is no {CHECKPOINT}")
def test_the_shipped_model_translates(page: Any, free_port: Callable[[], int]) -> None:
    with served("apps", free_port()) as address:
        page.goto(address)
        translate(page, "A man is sleeping.")
        translation_is(page, "Ein Mann schläft.")
        page.locator("#details svg").wait_for()
        page.goto("about:blank")


@contextmanager
def served(module: str, port: int, *options: str) -> Iterator[str]:
    """Run an app as its user does, until the block ends. The address that it printed."""
    command = [sys.executable, "-m", module, "--port", str(port), "--device", "cpu", *options]
    # Without the test run's own settings: the launcher itself must stay at home.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "GRADIO_"))}
    server = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(address, server)
        yield address
    finally:
        server.terminate()
        told, _ = server.communicate(timeout=30)
    assert address in told
    assert "Traceback" not in told


def _wait_for(address: str, server: subprocess.Popen[str]) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except (urllib.error.URLError, OSError):
            assert server.poll() is None, server.communicate()[0]
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"nothing answers at {address}")
