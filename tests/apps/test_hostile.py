"""Hostile use of the server: files and addresses it must not give or fetch, too much at once, and markup."""

import argparse
import html.parser
import http.server
import json
import os
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from apps.server import launch
from apps.server.models import LazyTask, load_error_html
from apps.server.options import parser
from apps.server.security import read_credentials
from apps.server.temp_files import FileReaper
from apps.translator.app import build
from seqcore.errors import SettingsError

ROOT = Path(__file__).resolve().parents[2]
JSON = {"Content-Type": "application/json"}
HOSTILE = '<img src=x onerror=alert(1)><script>alert(2)</script>"\' onload="alert(3)'


def answer(address: str, body: bytes | None = None, **headers: str) -> tuple[int, str, dict[str, str]]:
    """Status, text and headers of whatever the server answers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(address, body, named), timeout=30) as found:
            return found.status, found.read().decode("utf-8", "replace"), dict(found.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("utf-8", "replace"), dict(error.headers)


def upload(
    server: str, name: str, content: bytes, kind: str = "text/plain", **headers: str
) -> tuple[int, str, dict[str, str]]:
    head = f'--XX\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\nContent-Type: {kind}\r\n\r\n'
    body = head.encode() + content + b"\r\n--XX--\r\n"
    return answer(f"{server}/gradio_api/upload", body, Content_Type="multipart/form-data; boundary=XX", **headers)


@pytest.fixture(scope="module")
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server that nobody should ask anything, and what it was asked."""
    asked: list[str] = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"a dog")

        do_HEAD = do_POST = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.mark.parametrize(
    "way",
    [
        "gradio_api/file=/etc/passwd",
        "gradio_api/file=../../../../../../etc/passwd",
        "gradio_api/file=..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "gradio_api/file=%2fetc%2fpasswd",
        "gradio_api/file=//etc/passwd",
        "gradio_api/file=file:///etc/passwd",
        "gradio_api/file=/proc/self/environ",
        f"gradio_api/file={ROOT}/pyproject.toml",
        f"gradio_api/file={ROOT}/apps/captioner/examples/../../launch.py",
        f"gradio_api/file={ROOT}/checkpoints/translator/model.safetensors",
        "gradio_api/file/etc/passwd",
        "static/../../../../../../../etc/passwd",
        "static/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "assets/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "svelte/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "gradio_api/custom_component/1/client/component/..%2f..%2fetc%2fpasswd",
        "gradio_api/process_recording",
        "gradio_api/vibe-code",
        "monitoring/summary",
    ],
)
def test_no_file_is_given_that_was_not_meant_to_be(word_list_server: str, way: str) -> None:
    status, text, _ = answer(f"{word_list_server}/{way}")
    assert status in {403, 404}
    assert "root:" not in text
    assert "def " not in text


def test_a_link_leads_nowhere(word_list_server: str) -> None:
    folder = Path(os.environ["GRADIO_TEMP_DIR"])
    links = {folder / "link.txt": Path("/etc/passwd"), folder / "link": Path("/etc"), folder / "up": ROOT}
    for link, target in links.items():
        link.symlink_to(target)
    for path in (folder / "link.txt", folder / "link" / "passwd", folder / "up" / "README.md"):
        status, text, _ = answer(f"{word_list_server}/gradio_api/file={path}")
        assert (status, "root:" in text) == (403, False)
        file = {"path": str(path), "orig_name": "a.txt", "meta": {"_type": "gradio.FileData"}}
        body = json.dumps({"data": [file, "en", "de", 5, 1.0]}).encode()
        status, text, _ = answer(f"{word_list_server}/gradio_api/run/translate_file", body, **JSON)
        assert (status, "root:" in text) == (500, False)
    for link in links:
        link.unlink()


@pytest.mark.parametrize("path", ["/etc/passwd", "pyproject.toml", "../../etc/passwd", str(ROOT / "README.md")])
def test_a_file_of_the_server_is_not_taken_for_an_upload(word_list_server: str, path: str) -> None:
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    for data in (file, {**file, "orig_name": "a.txt"}, path):
        body = json.dumps({"data": [data, "en", "de", 5, 1.0]}).encode()
        status, text, _ = answer(f"{word_list_server}/gradio_api/run/translate_file", body, **JSON)
        assert status == 500
        assert "root:" not in text


def test_nothing_is_fetched_for_a_visitor(
    word_list_server: str, listener: tuple[str, list[str]], outside_calls: list[Any]
) -> None:
    address, asked = listener
    before = len(outside_calls)
    for target in (f"{address}/a.txt", address.replace("127.0.0.1", "localhost"), "http://192.0.2.1/a.txt"):
        for way in ("file", "proxy"):
            assert answer(f"{word_list_server}/gradio_api/{way}={target}")[0] in {403, 404}
        for file in ({"path": target}, {"path": "a.txt", "url": target}):
            body = json.dumps({"data": [{**file, "meta": {"_type": "gradio.FileData"}}, "en", "de", 5, 1.0]}).encode()
            status, text, _ = answer(f"{word_list_server}/gradio_api/run/translate_file", body, **JSON)
            assert status == 500
            assert ("fetches nothing from addresses" in text) == (file["path"] == target)
    assert asked == []
    assert outside_calls[before:] == []


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/", "http://192.0.2.1/", "http://[::1]/", "http://example.org/"]
)
def test_the_guard_itself_refuses_every_address(word_list_server: str, address: str, tmp_path: Path) -> None:
    import gradio as gr
    from gradio.processing_utils import ssrf_protected_download

    with pytest.raises(gr.Error, match="fetches nothing"):
        ssrf_protected_download(address, str(tmp_path))


def test_too_much_is_refused_with_the_limit_that_it_broke(
    free_port: Callable[[], int], word_list_translator: Any, tmp_path: Path
) -> None:
    app = build(LazyTask(tmp_path, open_checkpoint=lambda path, device: word_list_translator))
    server = str(launch.start(app, "127.0.0.1", free_port(), max_file_size=1, auth=[("anna", "a:b")]))
    assert answer(f"{server}/config")[0] == 401
    assert [answer(f"{server}/{path}")[0] for path in ("health", "ready", "metrics")] == [200] * 3, "by no visitor"
    assert answer(f"{server}/gradio_api/run/translate", b'{"data": ["a dog"]}', **JSON)[0] == 401
    assert answer(f"{server}/gradio_api/mcp/schema")[0] == 404, "it would ask for no password"
    with pytest.raises(ValueError, match="Could not"):
        Client(server, auth=("anna", "wrong"), verbose=False)
    client = Client(server, auth=("anna", "a:b"), verbose=False)
    assert client.predict("a dog", api_name="/translate") == "ein Hund"
    (tmp_path / "large.txt").write_text("x" * 1_100_000)
    with pytest.raises(ValueError, match="exceeds the maximum file size of 1000000 bytes"):
        client.predict(handle_file(tmp_path / "large.txt"), api_name="/translate_file")
    folder = Path(os.environ["GRADIO_TEMP_DIR"])
    before = set(folder.iterdir())
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    status, text, _ = upload(server, "large.txt", b"x" * 1_100_000, Cookie=cookie)
    assert (status, text) == (413, "File size exceeded maximum allowed size of 1000000 bytes.")
    left = set(folder.iterdir()) - before  # half an upload: gradio leaves it, and knows nothing of it
    reaper, now = FileReaper(folder, lambda: {str(path) for path in before}, set), time.monotonic()
    reaper.sweep(now)
    reaper.sweep(now + 3000)
    assert not any(path.is_file() for path in left)
    status, text, _ = answer(f"{server}/gradio_api/run/translate", b'{"data": ["' + b"x" * 17_000_000 + b'"]}', **JSON)
    assert (status, text) == (413, "A request may have 16,000,000 bytes at most; upload files instead.")
    app.close()


def test_contents_of_another_kind_are_told(word_list_server: str, tmp_path: Path) -> None:
    assert answer(f"{word_list_server}/gradio_api/upload", b"a dog", Content_Type="text/plain")[0] == 400
    assert answer(f"{word_list_server}/gradio_api/upload", b"--XX", Content_Type="multipart/form-data")[0] == 400
    for body in (b"a dog", b"[]", b'{"data": 3}', b'{"data": {"a": []}}', b"\xff\xfe", b"[" * 10_000):
        assert answer(f"{word_list_server}/gradio_api/run/translate", body, **JSON)[0] in {400, 422, 500}
    client = Client(word_list_server, verbose=False)
    for name, content, message in (
        ("photo.txt", b"\x89PNG\r\n\x1a\n\0\xff", "is no UTF-8 text"),
        ("letter.png", b"a dog", "is no .txt file|Invalid file type"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(AppError, match=message):
            client.predict(handle_file(tmp_path / name), source="en", api_name="/translate_file")
    assert client.predict("a dog", api_name="/translate") == "ein Hund"


@pytest.mark.parametrize(
    ("endpoint", "values", "message"),
    [
        ("translate", [], "Text is missing."),
        ("translate", ["a dog", "en", "de", 5, 1.0, 7], "/translate takes 5 values at most, not 6."),
        ("translate", [{"a": []}, "en", "de", 5, 1.0], "Text must be a text, not {'a': .*}."),
        ("translate", ["a dog", "en", "de", "<b>", 1.0], "Beam size must be a whole number .* not '&lt;b&gt;'."),
        ("translate", ["a dog", "en", "de", 2**200, 1.0], "Beam size must be a whole number .*"),
        ("translate_file", [None, "en", "de", 5, 1.0], "Choose a .txt, .srt, .vtt or .md file first."),
        ("translate_file", [3, "en", "de", 5, 1.0], "/translate_file was given a value of a wrong kind, or .*"),
        ("translate_file", [{"path": "a.txt"}, "en", "de", 5, 1.0], "/translate_file was given .*"),
        ("translate_file", [{"path": "a.txt", "meta": 5}, "en", "de", 5, 1.0], "/translate_file was given .*"),
    ],
)
def test_values_that_an_endpoint_does_not_take_are_told(
    word_list_server: str, caplog: pytest.LogCaptureFixture, endpoint: str, values: list[Any], message: str
) -> None:
    body = json.dumps({"data": values}).encode()
    status, text, _ = answer(f"{word_list_server}/gradio_api/run/{endpoint}", body, **JSON)
    assert status == 500
    assert re.fullmatch(message, json.loads(text)["error"])
    assert all("\n" not in line and "Traceback" not in line for line in caplog.messages)


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "script.js", "page.xhtml"])
def test_what_was_uploaded_is_never_run_in_the_page(word_list_server: str, name: str) -> None:
    status, text, _ = upload(word_list_server, name, b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
    assert status == 200
    (path,) = json.loads(text)
    _, _, headers = answer(f"{word_list_server}/gradio_api/file={path}")
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment")


def test_a_name_of_a_file_stays_within_its_folder(word_list_server: str) -> None:
    folder = Path(os.environ["GRADIO_TEMP_DIR"])
    for name in (
        "../../../evil.txt",
        "..\\..\\evil.txt",
        "/etc/evil.txt",
        f"{HOSTILE[:28]}.txt",
        "a\0b.txt",
        "x" * 300,
    ):
        status, text, _ = upload(word_list_server, name.replace('"', "%22"), b"a dog")
        if status == 200:
            (path,) = json.loads(text)
            assert Path(path).resolve().is_relative_to(folder)
            assert "<" not in Path(path).name
    assert upload(word_list_server, "..", b"a dog")[0] == 400
    assert folder.stat().st_mode & 0o077 == 0, "others on this machine can look into it"


class Tags(html.parser.HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        addresses = [value or "" for name, value in attributes if name in {"src", "href"}]
        if tag in {"script", "iframe", "object"} or any(name.startswith("on") for name, _ in attributes):
            self.found.append(tag)
        self.found += [value for value in addresses if not value.startswith("data:image/")]


def test_markup_in_whatever_is_shown_is_text() -> None:
    import torch
    from PIL import Image

    from apps.captioner import views as captions
    from apps.captioner.files import Line
    from apps.sentiment import views as sentiments
    from apps.translator import views as translations
    from apps.ui import figures, progress
    from apps.video import views as videos
    from seqcore.errors import InputError
    from seqcore.tasks.captioning import Caption
    from seqcore.tasks.sentiment import Sentiment
    from seqcore.tasks.translation import Translation
    from seqcore.tasks.video import FrameLabels

    photo = Image.new("RGB", (40, 30))
    pieces = (f"▁{HOSTILE}", HOSTILE)
    other = Translation(HOSTILE, pieces, (0.5, 0.5), -1.0, pieces, torch.full((2, 2), 0.5))
    caption = Caption(HOSTILE, pieces, (0.5, 0.5), -1.0, torch.full((2, 3, 3), 1 / 9))
    chances = {HOSTILE: 0.3, f"{HOSTILE}2": 0.7}
    text = Sentiment(
        text=HOSTILE, label=HOSTILE, probabilities=chances, unsure=True, out_of_domain=True,
        characters_cut=3, tokens=(HOSTILE, f" {HOSTILE}"), attributions=(0.3, -0.2), logit=0.1, baseline=0.0,
        trajectory=((0.5, 0.5), (0.3, 0.7)),
    )  # fmt: skip
    frames = FrameLabels((0.0, 0.1, 0.2), 10.0, (HOSTILE,) * 3, torch.full((3, 2), 0.5))
    shown = [
        translations.look_closer([other], 0),
        figures.ranking([caption, caption], HOSTILE),
        progress.progress_bar(1, 3, 1.0, "line", "Lines", HOSTILE),
        captions.gallery(photo, caption),
        captions.table([Line(f"/a/{HOSTILE.replace('/', '')}", HOSTILE, 1.0, HOSTILE)]),
        sentiments.verdict(text),
        sentiments.table([(HOSTILE, text)]),
        sentiments.reasons(text),
        sentiments.reasons(text, multi_label=True),
        videos.timeline(frames, [HOSTILE, f"{HOSTILE}2"]),
        videos.gallery(frames.segments, [photo]),
        videos.live_label(HOSTILE, [HOSTILE], 3.0),
        load_error_html(InputError(HOSTILE)),
    ]
    for number, page in enumerate(shown):
        assert Tags(page).found == [], (number, page)
        assert "alert(" in page, number


def test_files_go_half_an_hour_after_their_last_use_whatever_the_clock_says(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt", "example.txt"):
        (tmp_path / name).write_text(name)
    (tmp_path / ".lock").touch()
    reaper = FileReaper(tmp_path, lambda: {str(tmp_path / "example.txt")}, set)
    reaper.sweep(now=1000)
    os.utime(tmp_path / "a.txt", (4e9, 4e9))  # the clock was a century ahead, and was set back
    reaper.sweep(now=2000)
    os.utime(tmp_path / "b.txt")  # used
    reaper.sweep(now=2799)
    assert {path.name for path in tmp_path.iterdir()} == {"a.txt", "b.txt", "example.txt", ".lock"}
    reaper.sweep(now=3801)
    assert {path.name for path in tmp_path.iterdir()} == {"b.txt", "example.txt", ".lock"}
    reaper.sweep(now=5000)
    assert {path.name for path in tmp_path.iterdir()} == {"example.txt", ".lock"}


def test_files_that_a_visitor_leaves_behind_go_after_a_minute(tmp_path: Path) -> None:
    for name in ("hers.txt", "his.txt", "example.txt"):
        (tmp_path / name).write_text(name)
    gone: set[str] = set()
    reaper = FileReaper(tmp_path, lambda: {str(tmp_path / "example.txt")}, lambda: gone)
    reaper.sweep(now=1000)
    gone |= {str(tmp_path / "hers.txt"), str(tmp_path / "example.txt")}
    os.utime(tmp_path / "hers.txt")  # somebody else has just brought the same
    reaper.sweep(now=1060)
    assert len(list(tmp_path.iterdir())) == 3
    reaper.sweep(now=1121)
    assert {path.name for path in tmp_path.iterdir()} == {"his.txt", "example.txt"}


def test_a_file_that_an_event_is_given_counts_as_used(word_list_server: str) -> None:
    status, text, _ = upload(word_list_server, "used.txt", b"a dog")
    assert status == 200
    (path,) = json.loads(text)
    os.utime(path, (1000, 1000))
    data = [{"path": path, "meta": {"_type": "gradio.FileData"}}, "en", "de", 5, 1.0]
    body = json.dumps({"data": data}).encode()
    assert answer(f"{word_list_server}/gradio_api/run/translate_file", body, **JSON)[0] == 200
    assert Path(path).stat().st_mtime > 1000


def test_passwords_are_not_in_the_list_of_processes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "people"
    file.write_text("anna:secret:1\n\n bert: two words\n")
    assert read_credentials(str(file), {}) == [("anna", "secret:1"), ("bert", " two words")]
    assert "others on this machine can read" in capsys.readouterr().err
    file.chmod(0o600)
    assert read_credentials(str(file), {"SEQCORE_AUTH": "c:d"}) == [("anna", "secret:1"), ("bert", " two words")]
    assert capsys.readouterr().err == ""
    assert read_credentials(None, {"SEQCORE_AUTH": "c:d"}) == [("c", "d")]
    assert read_credentials(None, {}) is None
    file.write_text("anna\n")
    for told, variables in ((str(file), {}), ("anna:secret", {}), (None, {"SEQCORE_AUTH": ""})):
        with pytest.raises(SettingsError, match="USER:PASSWORD"):
            read_credentials(told, variables)
    file.write_text("\n")
    with pytest.raises(SettingsError, match="names nobody"):
        read_credentials(str(file), {})


def test_options_of_a_public_server(capsys: pytest.CaptureFixture[str]) -> None:
    options = parser("Serve.").parse_args([])
    assert (options.host, options.max_file_size, options.auth, options.root_path) == ("127.0.0.1", 100, None, None)
    chosen = parser("Serve.").parse_args(["--max-file-size", "5", "--root-path", "/demos", "--auth", "people"])
    assert (chosen.max_file_size, chosen.root_path, chosen.auth) == (5, "/demos", "people")
    with pytest.raises(SystemExit):
        parser("Serve.").parse_args(["--max-file-size", "-3"])
    with pytest.raises(SystemExit):
        launch.serve(build(LazyTask("nowhere")), argparse.Namespace(**vars(chosen), checkpoint=""))
    assert "--auth takes a file" in capsys.readouterr().err


def test_behind_a_proxy_the_page_knows_its_place(
    free_port: Callable[[], int], word_list_translator: Any, tmp_path: Path
) -> None:
    app = build(LazyTask(tmp_path, open_checkpoint=lambda path, device: word_list_translator))
    server = str(launch.start(app, "127.0.0.1", free_port(), root_path="/demos"))
    assert json.loads(answer(f"{server}/config")[1])["root"].endswith("/demos")
    app.close()
