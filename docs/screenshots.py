"""python docs/screenshots.py: use every page with the bundled models, and put a picture of each into docs/.

Needs the extras `apps` and `dev`, and Chromium (`--chromium`, /usr/bin/chromium at first).
"""

import argparse
import importlib
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

from PIL import Image  # noqa: E402
from playwright.sync_api import expect, sync_playwright  # noqa: E402

from apps.__main__ import APPS, build  # noqa: E402
from apps.server.launch import start  # noqa: E402
from apps.server.models import CHECKPOINTS, MODELS, LazyTask  # noqa: E402

MAX_BYTES = 150_000  # A picture in the repository is no larger.
WIDTH, HEIGHT = 1280, 1400
# Every font and picture of the page is there.
SETTLED = "document.fonts.status === 'loaded' && [...document.images].every(image => image.complete)"


def translate(page: Any) -> None:
    """A sentence into German, with what the model looked at."""
    page.fill("#source textarea", "Two men are playing guitar on a street corner.")
    page.click("#go")
    page.locator("#details svg").wait_for()


def classify(page: Any) -> None:
    """A review with two sides, its words weighed."""
    page.locator("#examples").get_by_text("The acting is superb").click()
    page.locator(".sq-course").wait_for()


def caption(page: Any) -> None:
    """The first example, with where the model looked."""
    page.locator("#examples button").first.click()
    page.locator(".sq-look img").last.wait_for()


def label(page: Any) -> None:
    """The first example, labelled frame by frame."""
    page.locator("#examples button").first.click()
    page.locator("#film video").wait_for()


def look_inside(page: Any) -> None:
    """The gates of the first model over its example, as the page opens."""
    page.locator("#gates-maps svg").last.wait_for()


# What is done on a page before its picture is taken; elsewhere it is taken as the page opens.
USES: dict[str, Callable[[Any], None]] = {
    "translator": translate,
    "sentiment": classify,
    "captioner": caption,
    "video": label,
    "inside": look_inside,
}


def small(picture: bytes) -> bytes:
    """A PNG as WebP of at most `MAX_BYTES` bytes."""
    for quality in range(85, 25, -10):
        file = io.BytesIO()
        Image.open(io.BytesIO(picture)).convert("RGB").save(file, "WEBP", quality=quality, method=6)
        if file.tell() <= MAX_BYTES:
            return file.getvalue()
    raise ValueError(f"the picture stays larger than {MAX_BYTES:,} bytes")


def main() -> None:
    """Serve the apps on a port of this machine, and photograph them."""
    options = argparse.ArgumentParser(description="Use every page with the bundled models and take its picture.")
    options.add_argument("--port", type=int, default=7861, help="port to serve the apps on meanwhile")
    options.add_argument("--chromium", default="/usr/bin/chromium", help="the browser's program")
    options.add_argument("--output", type=Path, default=DOCS, help="folder for the pictures")
    chosen = options.parse_args()
    site = build({model: LazyTask(str(CHECKPOINTS / model), "cpu") for model in MODELS})
    address = start(site, "127.0.0.1", chosen.port)
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chosen.chromium, args=arguments)
        for name in ("", *(app.name for app in APPS)):
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.set_default_timeout(120_000)
            page.goto(f"{address}/{name}?__theme=light")
            page.locator("h1").wait_for()
            if name in USES:
                if name != "inside":  # The others say what their page is about until the model has been loaded.
                    about = importlib.import_module(f"apps.{name}.app").ABOUT
                    expect(page.locator(".sq-head p")).not_to_have_text(about, timeout=120_000)
                USES[name](page)
            page.wait_for_function(SETTLED)
            page.evaluate("window.scrollTo(0, 0)")
            path = chosen.output / f"{name or 'front'}.webp"
            path.write_bytes(small(page.screenshot(animations="disabled")))
            print(f"{path}: {path.stat().st_size:,} bytes")
            page.close()
        browser.close()
    site.close()


if __name__ == "__main__":
    main()
