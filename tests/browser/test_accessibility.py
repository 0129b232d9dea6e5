"""No page violates WCAG 2.2, level A or AA, that axe-core could tell: in light and dark, on a desktop and a phone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from tiny_videos import colours, write_video

from apps.__main__ import APPS

LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PAGES = {"": "Home"} | {app.name: app.title for app in APPS}
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
# What Gradio itself does wrong and nothing outside it can mend: a rule, where, and why it has to stay. It may only
# shrink: an entry that is met no longer fails the last test.
GRADIOS_OWN = {
    ("target-size", 'class="download-link'): "a film's download button, large enough, lies in a link that it covers",
}
met: set[tuple[str, str]] = set()
looked_at: set[str] = set()


def translated(page: Any, folder: Path) -> None:
    page.fill("#source textarea", "A dog runs.")
    page.click("#go")
    page.locator("#details svg").wait_for()


def classified(page: Any, folder: Path) -> None:
    page.fill("#text textarea", "The plot is thin, but the actors are wonderful.")
    page.click("#go")
    page.locator(".sq-course").wait_for()


def captioned(page: Any, folder: Path) -> None:
    page.locator("#examples button").first.click()
    page.locator(".sq-look").first.wait_for()


def labelled(page: Any, folder: Path) -> None:
    film = write_video(folder / "film.mp4", colours(["red"] * 6 + ["blue"] * 6))
    page.locator("#video input[type=file]").first.set_input_files(film)
    page.locator("#video video").wait_for()
    page.click("#go")
    page.locator("#film video").wait_for()


# How each page comes to show an answer.
ANSWERED: dict[str, Callable[[Any, Path], None]] = {
    "translator": translated,
    "sentiment": classified,
    "captioner": captioned,
    "video": labelled,
}


def violations(page: Any, rules: dict[str, Any]) -> list[str]:
    """What axe finds, one line each, but for what is Gradio's own."""
    options = {"runOnly": rules, "resultTypes": ["violations"]}
    found = []
    for violation in Axe().run(page, options=options).response["violations"]:
        for node in violation["nodes"]:
            html = node["html"]
            own = next((key for key in GRADIOS_OWN if key[0] == violation["id"] and key[1] in html), None)
            if own:
                met.add(own)
            else:
                found.append(f"{violation['id']}: {html[:300]} {node['failureSummary']}")
    return found


def in_all_looks(page: Any) -> list[str]:
    """The violations of what a page shows now. Nothing is wider than the screen."""
    every, colours_alone = {"type": "tag", "values": LEVELS}, {"type": "rule", "values": ["color-contrast"]}
    found = []
    for size, theme, rules in ((DESKTOP, "light", every), (DESKTOP, "dark", colours_alone), (PHONE, "dark", every)):
        page.set_viewport_size(size)
        page.evaluate(f"document.body.classList.toggle('dark', {str(theme == 'dark').lower()})")
        found += violations(page, rules)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    return found


@pytest.mark.parametrize("name", PAGES, ids=[name or "front" for name in PAGES])
def test_a_page_has_its_title_the_same_links_and_no_violation(page: Any, site: str, name: str, tmp_path: Path) -> None:
    title = PAGES[name] if name else "seqcore"
    page.goto(f"{site}/{name}?__theme=light")
    page.locator(".sq-head h1").wait_for()
    page.add_style_tag(content="* { transition: none !important; animation: none !important; }")
    if name in ANSWERED:
        ANSWERED[name](page, tmp_path)
    if page.locator("#settings").count():
        page.locator("#settings button").first.click()
    found = in_all_looks(page)
    for tab in page.get_by_role("tab").all()[1:]:
        tab.click()
        found += in_all_looks(page)
    looked_at.add(name)
    assert found == [], "\n".join(found)
    expect(page.locator("h1")).to_have_text(title)
    expect(page).to_have_title(f"{title} · seqcore" if name else title)
    expect(page.locator(".nav-holder a")).to_have_text(list(PAGES.values()), use_inner_text=True)
    expect(page.locator(".nav-holder a.active")).to_have_text(title if name else "Home")


def test_axe_sees_what_is_wrong(page: Any) -> None:
    page.set_content("<html lang=en><title>A page</title><main><h1>A page</h1><input></main></html>")
    (only,) = violations(page, {"type": "tag", "values": LEVELS})
    assert only.startswith("label: <input>")


def test_the_list_of_gradios_own_only_shrinks() -> None:
    if looked_at != set(PAGES):
        pytest.skip("not every page was looked at")
    assert met == set(GRADIOS_OWN), "some no longer occur: remove them"
