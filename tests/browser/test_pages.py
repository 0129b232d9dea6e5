"""All pages of one server, with the bundled models: how they hang together, and used with the keyboard alone."""

import re
from typing import Any

import pytest
from browsing import notice, words
from gradio_client import Client
from playwright.sync_api import expect

from apps.__main__ import APPS


def tab_to(page: Any, selector: str) -> None:
    """Wait for what the selector names, then press Tab until the keyboard is at, or within, it."""
    page.locator(selector).locator("visible=true").first.wait_for()
    reached = "selector => Boolean(document.activeElement.closest(selector))"
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate(reached, selector):
            return
    pytest.fail(f"the keyboard does not reach {selector}")


def ask(page: Any, box: str, text: str) -> None:
    """Type into a box and go on, with the keyboard alone."""
    tab_to(page, box)
    page.keyboard.type(text)
    tab_to(page, "#go")
    page.keyboard.press("Enter")


def test_the_first_page_leads_to_every_app_in_pictures(page: Any, site: str) -> None:
    page.goto(site)
    pictures = page.locator(".sq-card svg[role=img]")
    expect(pictures).to_have_count(len(APPS))
    told = [picture.get_attribute("aria-label") for picture in pictures.all()]
    assert told[0] == "One to many: photo into 4 steps of an LSTM, and out comes a, dog, runs, ."
    assert [line.split(":")[0] for line in told[:4]] == [
        "One to many",
        "Many to one",
        "Many to many",
        "Many to many, in step",
    ]
    links = [link.get_attribute("href") for link in page.locator(".sq-card a").all()]
    assert links == [app.name for app in APPS]
    tab_to(page, ".sq-card a")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site}/{APPS[0].name}")
    expect(page.locator("h1")).to_have_text(APPS[0].title)


def test_one_server_answers_for_every_app(site: str) -> None:
    client = Client(site, verbose=False)
    endpoints = set(client.view_api(return_format="dict", print_info=False)["named_endpoints"])
    assert {"/translate", "/classify", "/caption", "/label_frames"} <= endpoints
    assert client.predict("A dog runs.", target="de", api_name="/translate") == "Ein Hund rennt."


def test_translating_with_the_keyboard_alone(page: Any, site: str) -> None:
    page.goto(f"{site}/translator")
    ask(page, "#source textarea", "A man is sleeping.")
    expect(page.locator("#translation textarea")).to_have_value("Ein Mann schläft.")
    tab_to(page, ".sq-piece")
    page.locator(".sq-tip:visible").wait_for()
    assert "“Ein”" in words(page, ".sq-tip:visible")


def test_classifying_with_the_keyboard_alone(page: Any, site: str) -> None:
    page.goto(f"{site}/sentiment")
    ask(page, "#text textarea", "A wonderful film.")
    expect(page.locator(".sq-label")).to_have_text("positive")
    page.locator(".sq-course").wait_for()
    tab_to(page, ".sq-word-part")


def test_captioning_with_the_keyboard_alone(page: Any, site: str) -> None:
    page.goto(f"{site}/captioner")
    tab_to(page, "#examples [aria-label='Example: astronaut']")
    page.keyboard.press("Enter")
    expect(page.locator("#caption textarea")).to_have_value(re.compile(r"^A (wo)?man "))


def test_labelling_with_the_keyboard_alone(page: Any, site: str) -> None:
    page.goto(f"{site}/video")
    tab_to(page, "#go")
    page.keyboard.press("Enter")
    assert "Choose a video first." in notice(page)
    tab_to(page, "#examples [aria-label='Example: film 1']")


def test_tabs_and_settings_with_the_keyboard_alone(page: Any, site: str) -> None:
    page.goto(f"{site}/translator")
    tab_to(page, "#file-tab-button")
    page.keyboard.press("Enter")
    expect(page.locator("#translate-file")).to_be_visible()
    tab_to(page, "#settings button")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Sampling")).to_be_visible()
