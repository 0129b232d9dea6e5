"""What several test files share: a translator made of a word list, its app on a free port, and a browser."""

import os
import random
import re
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # several of them share the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE = 60_000  # milliseconds that a browser test waits for anything, on a machine with much else to do
ENGLISH_TO_GERMAN = {"a": "ein", "dog": "Hund", "runs": "rennt", "cat": "Katze", "sleeps": "schläft"}
WORDS = {
    "en-de": ENGLISH_TO_GERMAN,
    "de-en": {german: english for english, german in ENGLISH_TO_GERMAN.items()},
    "en-fr": {"a": "un", "dog": "chien", "runs": "court"},
}


@pytest.hookimpl(tryfirst=True)  # Before it is decided which tests are run.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever drives Chromium is marked so, whether or not its author thought of it."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()) or item.path.parent.name == "browser":
            item.add_marker("browser")


class WordListTranslator:
    """Answers as `seqcore.tasks.translation.Translator` does, word by word: what it says is known beforehand.

    Each line is a sentence. A text with "broken" in it fails, and one with "slowly" is streamed slowly.
    """

    def __init__(self) -> None:
        from seqcore.tasks.translation import TranslatorConfig

        self.config = TranslatorConfig(directions=tuple(WORDS))
        self.streaming = 0

    def translate(
        self,
        texts: str | list[str],
        source: str | list[str] = "auto",
        target: str | list[str] = "de",
        n_best: int = 1,
        seed: int | None = None,
        **settings: Any,
    ) -> Any:
        if isinstance(texts, str):
            return self.translate([texts], source, target, n_best, seed, **settings)[0]
        sources = [source] * len(texts) if isinstance(source, str) else source
        targets = [target] * len(texts) if isinstance(target, str) else target
        if any("broken" in text for text in texts):
            raise RuntimeError("a secret of the machine room")
        each = zip(texts, sources, targets, strict=True)
        return [self._translation(*text_and_languages, n_best, seed, **settings) for text_and_languages in each]

    def stream(self, text: str, **settings: Any) -> Iterator[Any]:
        from seqcore.tasks.translation.result import without_details

        whole = self.translate(text, **settings)
        words = whole.text.split(" ")
        self.streaming += 1
        try:
            for number in range(1, len(words)):
                time.sleep(0.05 if "slowly" in text else 0.0)
                yield replace(without_details(whole), text=" ".join(words[:number]))
            yield whole
        finally:
            self.streaming -= 1

    def _translation(
        self, text: str, source: str, target: str, n_best: int, seed: int | None, do_sample: bool = False, **_: Any
    ) -> Any:
        from seqcore.errors import InputError
        from seqcore.tasks.translation.result import join_sentences

        if source == "auto":
            source = "de" if set(WORDS["de-en"]).intersection(text.split()) else "en"
        languages: dict[str, Any] = {"source_lang": source, "target_lang": target}
        if source == target:
            return replace(join_sentences([text]), **languages)
        if f"{source}-{target}" not in WORDS:
            raise InputError(f"this model does not translate from {source!r} to {target!r}")
        drawn = [str(random.Random(seed).randrange(10**9))] if do_sample else []
        words = WORDS[f"{source}-{target}"]
        lines: list[Any] = re.split(r"(\r\n|\n|\r)", text)
        for place, line in enumerate(lines):
            if read := line.split():
                lines[place] = self._sentence(read, [*(words.get(word, word) for word in read), *drawn], n_best)
        found = join_sentences(lines)
        return replace(found, **languages, sentences=tuple(replace(one, **languages) for one in found.sentences))

    def _sentence(self, read: list[str], written: list[str], n_best: int) -> Any:
        import torch

        from seqcore.tasks.translation import Translation

        marks = ("<2de>", *(f"▁{word}" for word in read), "</s>")
        pieces = (*(f"▁{word}" for word in written), "</s>")
        attention = torch.full((len(pieces), len(marks)), 1.0 / len(marks))
        return Translation(
            text=" ".join(written),
            tokens=pieces,
            token_probabilities=(0.9,) * len(pieces),
            score=-0.25,
            source_tokens=marks,
            attention=attention,
            alternatives=tuple(
                Translation(" ".join([*written, str(number)]), pieces, (0.5,) * len(pieces), -0.5, marks, attention)
                for number in range(1, n_best)
            ),
        )


@pytest.fixture(scope="session")
def outside_calls() -> Iterator[list[Any]]:
    """Every connection that this process tries to open to another machine, from now on."""
    calls: list[Any] = []
    connect = socket.socket.connect

    def watched(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            calls.append(address)
        connect(self, address)

    socket.socket.connect = watched  # type: ignore[assignment,method-assign]
    yield calls
    socket.socket.connect = connect  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def word_list_translator() -> WordListTranslator:
    """A task whose answers are known."""
    return WordListTranslator()


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """A port that nothing listens on now, another one with every call."""

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return find


@pytest.fixture(scope="session")
def word_list_server(
    word_list_translator: Any,
    free_port: Callable[[], int],
    outside_calls: list[Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The translator's app, served with the word list as its model. The address."""
    from apps.server.launch import start
    from apps.server.models import LazyTask
    from apps.translator.app import build

    folder = tmp_path_factory.mktemp("word_list")
    (folder / "README.md").write_text("# A model\n\nA list of **five** words.\n", encoding="utf-8")
    app = build(LazyTask(folder, open_checkpoint=lambda path, device: word_list_translator))
    yield str(start(app, "127.0.0.1", free_port()))
    app.close()


@pytest.fixture
def ghostscript(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stub of Ghostscript, under each of its names; the file that is there once it was run."""
    folder, ran = tmp_path / "bin", tmp_path / "ran"
    folder.mkdir()
    for name in ("gs", "gsc", "ghostscript", "djpeg"):
        (folder / name).write_text(f"#!/bin/sh\necho $0 >> '{ran}'\nexit 0\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return ran


@pytest.fixture(scope="session")
def site(free_port: Callable[[], int], outside_calls: list[Any]) -> Iterator[str]:
    """Every app with the bundled models, as `make demo` serves them. The address."""
    from apps.__main__ import build
    from apps.server.launch import start
    from apps.server.models import CHECKPOINTS, MODELS, LazyTask

    pages = build({model: LazyTask(str(CHECKPOINTS / model), "cpu") for model in MODELS})
    yield str(start(pages, "127.0.0.1", free_port()))
    pages.close()


@pytest.fixture(scope="session")
def tiny_site(word_list_translator: Any, free_port: Callable[[], int], outside_calls: list[Any]) -> Iterator[str]:
    """Every app with models that a test can train. The address."""
    from tiny_site import served_site

    with served_site(word_list_translator, free_port()) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium without a window. Where there is none the test is skipped, but in CI it fails."""
    if not CHROMIUM.exists():
        reason = f"there is no {CHROMIUM}: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    quiet += ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]  # a camera that shows a clock
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", *quiet]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """An empty page. Afterwards: nothing was asked of another machine, nothing failed, and no error was logged."""
    problems: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE)
    inside = ("http://127.0.0.1:", "data:", "blob:", "about:")
    opened.on("request", lambda request: None if request.url.startswith(inside) else problems.append(request.url))
    opened.on("response", lambda answer: problems.append(answer.url) if answer.status >= 400 else None)
    opened.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("dialog", lambda dialog: problems.append(f"a dialog: {dialog.message}"))
    yield opened
    opened.evaluate("1")  # what the page has said so far has come when it answers
    told = list(problems)  # and what it says of being closed does not count
    context.close()
    assert told == []


@pytest.fixture
def leave(page: Any) -> Callable[[], None]:
    """Leave the page once no answer is coming any more: it complains of one that it ends itself."""
    coming: set[Any] = set()
    page.on("request", lambda request: coming.add(request) if "/queue/data" in request.url else None)
    for over in ("requestfinished", "requestfailed"):
        page.on(over, lambda request: coming.discard(request))

    def go() -> None:
        end = time.monotonic() + 30
        while coming and time.monotonic() < end:
            page.wait_for_timeout(20)
        assert not coming
        page.goto("about:blank")

    return go
