"""What tests of pages do in Chromium, and the states that they wait for: never the wording of a page."""

from pathlib import Path
from typing import Any

_DRAWN = "new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))"


def open_page(page: Any, address: str, card: str) -> None:
    """Open a page and wait until its model is loaded, so that the page shows what the test's own model card says."""
    page.goto(address)
    page.locator(".sq-head p").filter(has_text=card).wait_for()


def choose_file(page: Any, where: str, *files: Path | dict[str, Any]) -> None:
    """Choose files in an upload box and wait until it lists them."""
    page.locator(f"{where} input[type=file]").set_input_files(files)
    page.locator(f"{where} .file-preview").wait_for()


def notice(page: Any) -> str:
    """Wait for a notice in the corner of the page, take it away, and give what it said."""
    toast = page.locator(".toast-body").first
    toast.wait_for()
    message = str(toast.inner_text())
    toast.locator(".toast-close").click()
    toast.wait_for(state="detached")
    return message


def words(page: Any, where: str) -> str:
    """What an element says, once all that has come from the server is drawn."""
    page.evaluate(_DRAWN)
    return str(page.locator(where).inner_text())
