"""Three panels of the page Inside, used in Chromium. `page` also fails on any error and any request to the outside."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browsing import notice, words
from playwright.sync_api import expect
from tiny_captioner import picture
from tiny_writer import writer_checkpoint

from apps.server.launch import start
from apps.server.models import LazyTask


@pytest.fixture(scope="module")
def server(free_port: Callable[[], int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The panels in one page, with a tiny language model and no captioner. The address."""
    import gradio as gr

    from apps.inside import labels, memory, writing

    loads: dict[str, LazyTask[Any]] = {
        "language-model": LazyTask(writer_checkpoint(tmp_path_factory.mktemp("writer")), "cpu"),
        "captioner": LazyTask(tmp_path_factory.mktemp("nothing") / "captioner", "cpu"),
    }
    with gr.Blocks(title="Inside") as app:
        for title, module in (("Memory", memory), ("One to one", labels), ("Writing", writing)):
            with gr.Tab(title):
                module.build(loads)
    yield str(start(app, "127.0.0.1", free_port()))
    app.close()


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_the_panels_are_used_as_a_person_would(page: Any, server: str, width: int, theme: str, tmp_path: Any) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{server}/?__theme={theme}")
    page.locator("#forecasts .sq-chart svg[role=img]").wait_for()
    page.get_by_label("Brain waves").check()
    page.locator("#forecasts .sq-figures").wait_for()
    expect(page.locator("#forecasts tbody tr")).to_have_count(4)
    expect(page.locator("#adding tbody tr")).to_have_count(4)
    assert page.evaluate("document.documentElement.scrollWidth") == width

    page.get_by_role("tab", name="Writing").click()
    page.fill("#prompt textarea", "It was")
    page.press("#prompt textarea", "Shift+Enter")
    page.locator("#dice .sq-drawn").wait_for()
    expect(page.locator("#stop-writing")).to_be_disabled()
    assert re.search(r"\d+ pieces? in [\d.]+ s", words(page, "#writing-status"))
    assert page.locator("#written").inner_text().startswith("it was")
    expect(page.locator("#dice thead th").last).to_have_text("yours: 0.8")
    expect(page.locator("#stop-writing")).to_be_disabled()
    slider = page.locator("#temperature input[type=range]")
    slider.focus()
    slider.press("ArrowRight")
    expect(page.locator("#dice thead th").last).to_have_text("yours: 0.85")
    assert page.evaluate("document.documentElement.scrollWidth") == width

    page.get_by_role("tab", name="One to one").click()
    page.click("#learn-shapes")
    page.locator("#learned .sq-trouble").wait_for()
    assert "The model could not be loaded" in words(page, "#learned .sq-trouble")
    picture("red").save(tmp_path / "red.png")
    page.locator("#one-image input[type=file]").set_input_files(tmp_path / "red.png")
    assert "Nothing is learned yet" in notice(page)
    assert page.evaluate("document.documentElement.scrollWidth") == width
