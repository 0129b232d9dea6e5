"""The page Inside as people use it, in Chromium."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect
from tiny_sentiment import tiny_classifier

from apps.inside.app import build
from apps.server.launch import start
from apps.server.models import CHECKPOINTS, LazyTask


@pytest.fixture(scope="module")
def server(free_port: Callable[[], int]) -> Iterator[str]:
    tiny_classifier()  # trained beforehand: a page waits for what it shows, not for training
    sentiment: Any = LazyTask("a checkpoint", open_checkpoint=lambda path, device: tiny_classifier())
    missing = LazyTask[Any](CHECKPOINTS / "there is none")
    app = build({"sentiment": sentiment, "captioner": missing, "language-model": missing})
    yield str(start(app, "127.0.0.1", free_port()))
    app.close()


def test_gates_and_gradients_are_looked_at(page: Any, server: str) -> None:
    page.goto(server)
    # What a page shows when it is opened: the first model over the example.
    answer, view = page.locator("#gates-answer"), page.locator("#gates-view")
    view.locator(".sq-word-part").first.wait_for()
    assert "The model says" in answer.inner_text()
    expect(view.locator(".sq-word-part").first).to_contain_text("⟨s⟩")

    page.locator("#gates-text textarea").fill("The film was wonderful")
    page.get_by_role("button", name="Look inside").click()
    pieces = len(tiny_classifier().tokens("The film was wonderful"))
    expect(page.locator("#gates-maps svg")).to_have_attribute("aria-label", re.compile(f"over {pieces} pieces"))
    expect(answer).to_contain_text("positive")
    first = view.locator("h2").inner_text()
    strong = view.locator(".sq-word-part[tabindex]").first
    strong.focus()
    strong.locator(".sq-tip").wait_for()
    assert "forget" in strong.locator(".sq-tip").inner_text()

    # With the keyboard alone to the next unit.
    page.locator("#gates-unit input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    expect(view.locator("h2")).not_to_have_text(first)

    page.locator("#gates-model input").click()
    page.get_by_role("option", name="Language model").click()
    answer.locator(".sq-trouble").wait_for()
    assert "The model could not be loaded." in answer.inner_text()
    expect(page.locator("#gates-maps svg")).to_have_count(0)

    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("tab", name="Gradients").click()
    chart = page.locator("#gradients-chart")
    chart.locator("svg").wait_for()
    assert "Truncation is off" in chart.inner_text()
    page.get_by_label("number input for Truncate after").fill("20")
    page.keyboard.press("Tab")
    expect(chart.locator("svg")).to_have_attribute("aria-label", re.compile("cuts them off after 20 steps"))
    assert "exactly 0" in chart.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
