"""What several test files share: a translator made of a word list, its app on a free port, and a browser."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")
WORDS = {"a": "ein", "dog": "Hund", "runs": "rennt", "cat": "Katze", "sleeps": "schläft"}


class WordListTranslator:
    """Answers as `seqcore.tasks.translation.Translator` does, word by word: what it says is known beforehand."""

    def __init__(self) -> None:
        from seqcore.tasks.translation import TranslatorConfig

        self.config = TranslatorConfig()

    def translate(
        self, texts: list[str], source: str = "en", target: str = "de", n_best: int = 1, **settings: Any
    ) -> list[Any]:
        from seqcore.errors import InputError

        if (source, target) != ("en", "de"):
            raise InputError(f"this model does not translate from {source!r} to {target!r}")
        if "broken" in texts:
            raise RuntimeError("a secret of the machine room")
        return [self._translation(text, n_best) for text in texts]

    def _translation(self, text: str, n_best: int) -> Any:
        import torch

        from seqcore.tasks.translation import Translation

        words = [WORDS.get(word, word) for word in text.split()]
        marks = ("<2de>", *(f"▁{word}" for word in text.split()), "</s>")
        pieces = (*(f"▁{word}" for word in words), "</s>") if words else ()
        attention = torch.full((len(pieces), len(marks)), 1.0 / len(marks))
        others = range(1, n_best if words else 1)
        return Translation(
            text=" ".join(words),
            tokens=pieces,
            token_probabilities=(0.9,) * len(pieces),
            score=-0.25,
            source_tokens=marks,
            attention=attention,
            alternatives=tuple(
                Translation(" ".join([*words, str(number)]), pieces, (0.5,) * len(pieces), -0.5, marks, attention)
                for number in others
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

    socket.socket.connect = watched  # type: ignore[method-assign]
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
    from apps.launch import LazyTask, start
    from apps.translator.app import build

    folder = tmp_path_factory.mktemp("word_list")
    (folder / "README.md").write_text("# A model\n\nA list of **five** words.\n", encoding="utf-8")
    app = build(LazyTask(folder, open_checkpoint=lambda path, device: word_list_translator))
    yield str(start(app, "127.0.0.1", free_port()))
    app.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium without a window. Where there is none the test is skipped, but in CI it fails."""
    if not CHROMIUM.exists():
        reason = f"there is no {CHROMIUM}: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
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
    inside = ("http://127.0.0.1:", "data:", "blob:", "about:")
    opened.on("request", lambda request: None if request.url.startswith(inside) else problems.append(request.url))
    opened.on("response", lambda answer: problems.append(answer.url) if answer.status >= 400 else None)
    opened.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("dialog", lambda dialog: problems.append(f"a dialog: {dialog.message}"))
    yield opened
    context.close()
    assert problems == []
