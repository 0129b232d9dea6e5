"""The pages as people use them, in Chromium. `page` also fails on any error and on any request to another machine."""

import os
import re
import subprocess
import sys
import time
import types
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from browsing import choose_file, notice, open_page, words
from gradio_client import Client
from playwright.sync_api import expect
from waiting import wait_until

from apps import __main__ as all_apps
from apps.server.launch import start
from apps.server.models import LazyTask
from apps.ui.home import UnrolledDiagram

ROOT = Path(__file__).resolve().parents[2]
CHECKPOINT = ROOT / "checkpoints" / "translator"


def translate(page: Any, text: str) -> None:
    page.fill("#source textarea", text)
    page.click("#go")


def translation_is(page: Any, text: str) -> None:
    """Wait until the translation is this text."""
    page.wait_for_function("text => document.querySelector('#translation textarea').value === text", arg=text)


def choose(page: Any, which: str, language: str) -> None:
    """Choose a language in the list `from` or `to`."""
    page.locator(f"#{which} input").click()
    page.locator(f"#{which}").get_by_role("option", name=language, exact=True).click()


def status_is(page: Any, pattern: str) -> None:
    """What the page says when a translation is over."""
    page.locator("#stop:disabled").wait_for()
    assert re.search(pattern, words(page, "#status"))


def test_a_sentence_is_translated_and_explained(page: Any, word_list_server: str) -> None:
    open_page(page, word_list_server, "A list of five words.")
    translate(page, "a dog runs")
    translation_is(page, "ein Hund rennt")
    heat_map = page.locator("#details svg")
    heat_map.wait_for()
    assert "ein Hund rennt" in heat_map.get_attribute("aria-label")
    assert heat_map.bounding_box()["height"] > 50
    read, written = ["⟨de⟩", "a", "dog", "runs", "⟨end⟩"], ["ein", "Hund", "rennt", "⟨end⟩"]
    expect(heat_map.locator("text")).to_have_text(read + written)
    ranks = [
        "1 ein Hund rennt -0.250",
        *(f"{number + 1} ein Hund rennt {number} -0.500" for number in range(1, 5)),
    ]
    expect(page.locator(".sq-ranking tbody tr")).to_have_text(ranks, use_inner_text=True)
    status_is(page, r"^1 sentence in \d+\.\d\d s, English detected$")
    expect(page.locator("#sentence")).not_to_be_visible()


def test_a_piece_tells_how_sure_it_is_when_pointed_at_or_reached(page: Any, word_list_server: str) -> None:
    page.goto(word_list_server)
    translate(page, "a dog runs")
    pieces = page.locator(".sq-piece")
    pieces.nth(2).wait_for()
    expect(pieces.locator("bdi")).to_have_text(["ein", "Hund", "rennt"], use_inner_text=True)
    expect(pieces.locator("small")).to_have_text(["90", "90", "90"], use_inner_text=True)
    told = page.locator(".sq-tip:visible")
    expect(told).to_have_count(0)
    pieces.nth(1).hover()
    told.wait_for()
    assert told.inner_text() == "“Hund”: 90.0 % sure, looked most at “⟨de⟩”"
    page.mouse.move(0, 0)
    pieces.nth(0).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(pieces.nth(2)).to_be_focused()
    told.wait_for()
    assert "“rennt”" in told.inner_text()


def test_a_text_is_shown_the_way_that_it_is_written(page: Any, word_list_server: str) -> None:
    page.goto(word_list_server)
    for box in ("#source textarea", "#translation textarea"):
        expect(page.locator(box)).to_have_attribute("dir", "auto")
    page.locator("#source textarea").fill("القطة تنام.")
    assert page.locator("#source textarea").evaluate("box => box.matches(':dir(rtl)')")
    translate(page, "a dog runs")
    translation_is(page, "ein Hund rennt")
    assert page.locator("#translation textarea").evaluate("box => box.matches(':dir(ltr)')")


def test_lines_stay_lines_and_each_can_be_looked_at(page: Any, word_list_server: str) -> None:
    page.goto(word_list_server)
    translate(page, "a dog runs\n\na cat sleeps")
    translation_is(page, "ein Hund rennt\n\nein Katze schläft")
    status_is(page, "^2 sentences in")
    page.locator("#sentence input").click()
    page.get_by_role("option", name="2. ein Katze schläft").click()
    page.locator('#details svg[aria-label*="schläft"]').wait_for()


def test_keyboard_examples_and_clear(page: Any, word_list_server: str) -> None:
    page.goto(word_list_server)
    page.fill("#source textarea", "dog")
    page.press("#source textarea", "Shift+Enter")
    translation_is(page, "Hund")
    page.locator("#examples .gallery-item").nth(2).click()
    translation_is(page, "Could you tell me where the station is?\nMy train leaves at 10:45.")
    page.get_by_role("button", name="Clear").click()
    translation_is(page, "")
    page.locator("#details").wait_for(state="hidden")
    assert page.input_value("#source textarea") == ""


def test_the_text_grows_until_it_is_whole_or_stopped(
    page: Any, word_list_server: str, word_list_translator: Any
) -> None:
    page.goto(word_list_server)
    expect(page.locator("#stop")).to_be_disabled()
    translate(page, "a dog runs slowly " * 100)
    page.wait_for_function("document.querySelector('#translation textarea').value.split(' ').length > 5")
    assert words(page, "#status") == "Translating …"
    expect(page.locator("#details")).not_to_be_visible()
    page.click("#stop")
    status_is(page, r"Stopped\.")
    nothing_runs(page, word_list_translator)
    kept = page.input_value("#translation textarea")
    assert kept.startswith("ein Hund rennt slowly ein")
    assert len(kept.split()) < 400
    translate(page, "a dog runs slowly")
    translation_is(page, "ein Hund rennt slowly")
    status_is(page, "1 sentence in")


def nothing_runs(page: Any, translator: Any) -> None:
    """Wait until the server translates nothing any more."""
    wait_until(page, lambda: not translator.streaming)


def test_who_leaves_the_page_ends_its_translation(
    browser: Any, word_list_server: str, word_list_translator: Any
) -> None:
    page = browser.new_page()  # not the fixture: a page that is left logs that its connections were cut
    page.goto(word_list_server)
    translate(page, "a dog runs slowly " * 250)
    page.wait_for_function("document.querySelector('#translation textarea').value.length > 20")
    assert word_list_translator.streaming == 1
    page.goto("about:blank")
    nothing_runs(page, word_list_translator)
    page.close()


def test_a_new_request_ends_the_one_before(page: Any, word_list_server: str, word_list_translator: Any) -> None:
    page.goto(word_list_server)
    translate(page, "a dog runs slowly " * 100)
    page.wait_for_function("document.querySelector('#translation textarea').value.length > 20")
    translate(page, "a cat sleeps")
    translation_is(page, "ein Katze schläft")
    status_is(page, "1 sentence in")
    translate(page, "a dog runs slowly " * 100)
    page.wait_for_function("document.querySelector('#translation textarea').value.length > 20")
    page.get_by_role("button", name="Clear").click()
    translation_is(page, "")
    nothing_runs(page, word_list_translator)
    translation_is(page, "")
    assert words(page, "#status") == ""


def test_only_pairs_that_the_model_knows_can_be_chosen(page: Any, word_list_server: str) -> None:
    page.goto(word_list_server)
    swap = page.locator("#swap")

    def pair_is(source: str, target: str) -> None:
        expect(page.locator("#from input")).to_have_value(source)
        expect(page.locator("#to input")).to_have_value(target)

    pair_is("Detect language", "German")
    choose(page, "to", "French")
    pair_is("Detect language", "French")
    choose(page, "from", "German")
    pair_is("German", "English")
    choose(page, "to", "French")
    pair_is("Detect language", "French")
    choose(page, "from", "English")
    expect(swap).to_be_disabled()
    choose(page, "to", "German")
    expect(swap).to_be_enabled()
    swap.click()
    pair_is("German", "English")


def test_swap_moves_the_translation_to_the_source_and_turns_the_languages(page: Any, word_list_server: str) -> None:
    page.goto(word_list_server)
    translate(page, "a dog runs")
    translation_is(page, "ein Hund rennt")
    expect(page.locator("#from input")).to_have_value("English (detected)")
    status_is(page, "1 sentence in")
    page.click("#swap")
    translation_is(page, "a dog runs")
    assert page.input_value("#source textarea") == "ein Hund rennt"
    expect(page.locator("#from input")).to_have_value("German")
    expect(page.locator("#to input")).to_have_value("English")
    translate(page, "ein Katze")
    translation_is(page, "a cat")
    status_is(page, r"^1 sentence in \d+\.\d\d s$")


def test_what_is_in_the_target_language_already_is_told(page: Any, word_list_server: str) -> None:
    page.goto(word_list_server)
    translate(page, "ein Hund")
    translation_is(page, "ein Hund")
    status_is(page, "The text is in German already.")


def test_sampling_with_a_seed_draws_the_same_again(page: Any, word_list_server: str) -> None:
    page.goto(word_list_server)

    def drawn(seed: int) -> str:
        page.fill("#seed input", str(seed))
        page.click("#go")
        page.wait_for_function("document.querySelector('#translation textarea').value.startsWith('Hund ')")
        status_is(page, "1 sentence in")
        text = page.input_value("#translation textarea")
        page.get_by_role("button", name="Clear").click()
        translation_is(page, "")
        page.fill("#source textarea", "dog")
        return str(text)

    page.fill("#source textarea", "dog")
    page.locator("#settings button").first.click()
    expect(page.locator("#seed")).not_to_be_visible()
    page.get_by_label("Sampling").check()
    page.locator("#seed").wait_for()
    draws = [drawn(seed) for seed in (7, 7, 8, 0, 0)]
    assert draws[0] == draws[1]
    assert len(set(draws)) == 4, "a seed of 0 is always another"


def test_a_file_comes_back_translated(page: Any, word_list_server: str, tmp_path: Path) -> None:
    page.goto(word_list_server)
    choose(page, "from", "English")
    page.get_by_role("tab", name="File").click()
    page.click("#translate-file")
    assert "Choose a .txt, .srt, .vtt or .md file first." in notice(page)
    letter = "a dog runs\n\nthe cat sleeps\n" * 50
    file = {"name": "letter.txt", "mimeType": "text/plain", "buffer": letter.encode()}
    choose_file(page, "#file", file)
    page.click("#translate-file")
    page.locator("#download").wait_for()
    assert re.search(r"^150 lines in \d+\.\d s$", words(page, "#file-progress"), re.MULTILINE)
    bar = page.locator("#file-progress progress")
    assert bar.get_attribute("value") == bar.get_attribute("max") == "150"
    with page.expect_download() as download:
        page.get_by_role("button", name="Download letter.de.txt").click()
    assert download.value.suggested_filename == "letter.de.txt"
    download.value.save_as(tmp_path / "letter.de.txt")
    assert (tmp_path / "letter.de.txt").read_text(encoding="utf-8") == "ein Hund rennt\n\nthe Katze schläft\n" * 50


def test_a_file_that_cannot_be_translated_is_told_and_nothing_offered(page: Any, word_list_server: str) -> None:
    page.goto(word_list_server)
    page.get_by_role("tab", name="File").click()
    bad = {"name": "letter.txt", "mimeType": "text/plain", "buffer": b"a dog\ncaf\xe9\n"}
    choose_file(page, "#file", bad)
    page.click("#translate-file")
    assert "Line 2 of letter.txt is no UTF-8 text" in notice(page)
    expect(page.locator("#stop-file")).to_be_disabled()
    expect(page.locator("#download")).not_to_be_visible()
    expect(page.locator("#file-progress progress")).to_have_count(0)


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
    expect(page.locator("#details img")).to_have_count(0)
    assert text in words(page, ".sq-ranking")


def test_too_long_a_text_is_refused_and_the_page_goes_on(page: Any, word_list_server: str) -> None:
    page.goto(word_list_server)
    translate(page, "x" * 5_001)
    assert "this page takes 5,000 at a time" in notice(page)
    translate(page, "dog")
    translation_is(page, "Hund")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_narrow_screen_shows_everything(page: Any, word_list_server: str, theme: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{word_list_server}/?__theme={theme}")
    translate(page, "a dog runs " * 20)
    page.locator("#details svg").wait_for()
    page.locator("#settings button").first.click()
    page.get_by_label("Sampling").check()
    page.locator("#seed").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    ink = page.evaluate("getComputedStyle(document.querySelector('.sq-piece')).color.match(/\\d+/g).map(Number)")
    assert (sum(ink[:3]) > 3 * 128) == (theme == "dark")
    page.get_by_role("tab", name="File").click()
    page.locator("#translate-file").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_role("tab", name="Text").click()
    # The heat map is wider than the screen, so it scrolls in a box of its own.
    assert page.evaluate("(box => box.scrollWidth > box.clientWidth)(document.querySelector('.sq-scroll'))")


@pytest.mark.slow
def test_a_missing_checkpoint_is_told_in_the_page(
    page: Any, leave: Callable[[], None], free_port: Callable[[], int], tmp_path: Path
) -> None:
    with served("apps.translator", free_port(), "--checkpoint", str(tmp_path / "nothing")) as address:
        page.goto(address)
        page.locator("#trouble").wait_for()
        assert "The model could not be loaded." in words(page, "#trouble")
        assert str(tmp_path / "nothing") in words(page, "#trouble")
        translate(page, "a dog runs")
        assert str(tmp_path / "nothing") in notice(page)
        leave()  # an open page would see its server end


def test_the_page_works_as_one_of_many(
    page: Any,
    leave: Callable[[], None],
    word_list_translator: Any,
    free_port: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def build(load: Any) -> gr.Blocks:
        with gr.Blocks() as other:
            gr.Textbox("Another page.", elem_id="source")
        return other

    monkeypatch.setitem(sys.modules, "apps.other", types.ModuleType("apps.other"))
    monkeypatch.setitem(sys.modules, "apps.other.app", types.SimpleNamespace(build=build))
    load = LazyTask("nowhere", open_checkpoint=lambda path, device: word_list_translator)
    bricks = UnrolledDiagram(("a",), ("b",))
    apps = [
        all_apps.App(name, name.title(), "Kind", "Words.", bricks, ("nowhere",)) for name in ("translator", "other")
    ]
    site = all_apps.build({"nowhere": load}, apps)
    address = start(site, "127.0.0.1", free_port())
    page.goto(address)
    page.locator(".sq-card").get_by_role("link", name="Translator").click()
    translate(page, "a dog runs")
    translation_is(page, "ein Hund rennt")
    page.locator("#details svg").wait_for()
    leave()
    assert Client(address, verbose=False).predict("ein Hund", target="en", api_name="/translate") == "a dog"
    site.close()


@pytest.mark.slow
@pytest.mark.skipif(not CHECKPOINT.is_dir(), reason=f"there is no {CHECKPOINT}")
def test_the_shipped_model_translates(page: Any, leave: Callable[[], None], free_port: Callable[[], int]) -> None:
    with served("apps.translator", free_port()) as address:
        page.goto(address)
        translate(page, "A man is sleeping.")
        translation_is(page, "Ein Mann schläft.")
        page.locator("#details svg").wait_for()
        page.click("#swap")
        translation_is(page, "A man is sleeping.")
        choose(page, "from", "Detect language")
        page.locator("#examples .gallery-item").filter(has_text="Une femme lit un livre").click()
        expect(page.locator("#from input")).to_have_value("French (detected)")
        status_is(page, "1 sentence in .* s, French detected")
        assert "A woman" in page.input_value("#translation textarea")
        leave()


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
