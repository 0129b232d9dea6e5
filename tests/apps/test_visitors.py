"""Many visitors of one server: nobody sees another's work, and whoever leaves stops theirs."""

import json
import os
import re
import urllib.request
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from browsing import choose_file
from gradio_client import Client
from PIL import Image
from training_runs import wait_for

from apps.server.gradio_patches import files_in
from apps.server.launch import start
from apps.server.models import LazyTask
from apps.server.sessions import closed_session_files, page_files

JSON = {"Content-Type": "application/json"}


def posted(address: str, content: Any) -> Any:
    request = urllib.request.Request(address, json.dumps(content).encode(), JSON)
    with urllib.request.urlopen(request, timeout=30) as found:
        return json.load(found)


def test_streams_at_the_same_time_are_each_visitors_own(word_list_server: str) -> None:
    def watched(number: int) -> None:
        words = " ".join(f"word{number}x{place}" for place in range(30))
        job = Client(word_list_server, verbose=False).submit(words, source="en", api_name="/translate_stream")
        assert job.result(timeout=60) == words
        assert all(words.startswith(seen) for seen in job.outputs())
        assert len(job.outputs()) > 2

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(watched, range(8)))


def test_who_hangs_up_or_cancels_frees_a_worker(word_list_server: str, word_list_translator: Any) -> None:
    address = f"{word_list_server}/gradio_api/call/translate_stream"
    text = "a dog runs slowly " * 250
    for _ in range(6):  # more than work at the same time
        number = posted(address, {"data": [text, "en", "de", 5, 1.0]})["event_id"]
        with urllib.request.urlopen(f"{address}/{number}", timeout=30) as answer:
            assert answer.readline()  # it has begun
    wait_for(lambda: word_list_translator.streaming == 0, 30)
    clients = [Client(word_list_server, verbose=False) for _ in range(2)]
    jobs = [client.submit(text, source="en", api_name="/translate_stream") for client in clients]
    # A client that has not heard of its job yet cannot cancel it, and does not say so.
    wait_for(lambda: word_list_translator.streaming == len(jobs) and all(job.outputs() for job in jobs), 30)
    for job in jobs:
        job.cancel()
    wait_for(lambda: word_list_translator.streaming == 0, 30)
    assert clients[0].predict("a dog", api_name="/translate") == "ein Hund"


def test_live_pictures_of_two_visitors_are_not_mixed(free_port: Callable[[], int], tmp_path: Path) -> None:
    from tiny_videos import plain, tiny_classifier

    from apps.video.app import build

    def load() -> Any:
        return LazyTask(tmp_path, open_checkpoint=lambda _, device: tiny_classifier())

    app = build(load(), load())
    server = str(start(app, "127.0.0.1", free_port()))
    config = json.load(urllib.request.urlopen(f"{server}/config", timeout=30))
    live = next(one["id"] for one in config["dependencies"] if any(event == "stream" for _, event in one["targets"]))
    files = {}
    for colour in ("red", "blue"):
        Image.fromarray(np.asarray(plain(colour))).save(tmp_path / f"{colour}.png")
        body = b'--XX\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
        body += (tmp_path / f"{colour}.png").read_bytes() + b"\r\n--XX--\r\n"
        kind = {"Content-Type": "multipart/form-data; boundary=XX"}
        with urllib.request.urlopen(urllib.request.Request(f"{server}/gradio_api/upload", body, kind)) as found:
            files[colour] = {"path": json.load(found)[0], "meta": {"_type": "gradio.FileData"}}

    def shown(session: str, colour: str) -> str:
        """What one more frame of a visitor's camera makes of the page."""
        data = {"data": [files[colour], None, tmp_path.name], "fn_index": live, "session_hash": session}
        number = posted(f"{server}/gradio_api/queue/join", data)["event_id"]
        with urllib.request.urlopen(f"{server}/gradio_api/queue/data?session_hash={session}", timeout=30) as events:
            for line in events:
                event = json.loads(line.removeprefix(b"data: ") or b"{}") if line.strip() else {}
                if "data" in event.get("output", {}):  # gradio would now wait for the next frame
                    urllib.request.urlopen(urllib.request.Request(f"{server}/gradio_api/stream/{number}/close", b""))
                    return re.sub(r"<p>.*?</p>", "", event["output"]["data"][0])
        raise AssertionError("no answer")

    alone = {}
    for colour in files:
        session = uuid.uuid4().hex
        alone[colour] = [shown(session, colour) for _ in range(5)]
    sessions = {colour: uuid.uuid4().hex for colour in files}
    together: dict[str, list[str]] = {colour: [] for colour in files}
    for _ in range(5):
        for colour, session in sessions.items():
            together[colour].append(shown(session, colour))
    app.close()
    assert together == alone
    assert "…" in alone["red"][0], "a label comes late: the state matters"
    assert "…" not in alone["red"][-1]


def test_a_call_of_a_program_leaves_no_session_behind(
    free_port: Callable[[], int], word_list_translator: Any, tmp_path: Path
) -> None:
    from apps.translator.app import build

    app = build(LazyTask(tmp_path, open_checkpoint=lambda path, device: word_list_translator))
    server = str(start(app, "127.0.0.1", free_port()))
    for name in ("translate", "translate_stream"):
        for _ in range(3):
            address = f"{server}/gradio_api/call/{name}"
            number = posted(address, {"data": ["a dog", "en", "de", 5, 1.0]})["event_id"]
            with urllib.request.urlopen(f"{address}/{number}", timeout=30) as answer:
                assert answer.read().splitlines()[-2] == b'data: ["ein Hund"]'
    assert list(app.app.state_holder.session_data) == []
    client = Client(server, verbose=False)
    assert client.predict("a dog", api_name="/translate") == "ein Hund"
    assert list(app.app.state_holder.session_data) == [client.session_hash]
    app.close()


def test_what_a_page_shows_when_it_is_opened_stays(site: str) -> None:
    config = json.load(urllib.request.urlopen(f"{site}/config", timeout=30))
    shown = {path for path in files_in(config) if path.startswith(os.environ["GRADIO_TEMP_DIR"])}
    assert {Path(path).name for path in shown} >= {"astronaut.jpg", "cat.jpg", "film-1.mp4", "film-2.mp4"}
    assert shown <= page_files()


def test_servers_of_one_process_leave_each_other_their_files(free_port: Callable[[], int], tmp_path: Path) -> None:
    """They have one folder, where the same content has the same name."""
    pages, pictures = [], []
    for colour in ("red", "blue"):
        Image.new("RGB", (20, 20), colour).save(tmp_path / f"{colour}.png")
        with gr.Blocks() as page:
            shown = gr.Image(str(tmp_path / f"{colour}.png"), type="filepath")
        start(page, "127.0.0.1", free_port())
        pages.append(page)
        pictures.append(next(iter(shown.keep_in_cache)))
        assert colour in pictures[-1]
    assert page_files() >= set(pictures)

    same = {1: {"path": str(tmp_path / "shared.txt")}}
    for page in pages:
        page.app.state_holder["visitor"].config_values = same
    pages[0].app.state_holder.session_data["visitor"].is_closed = True
    assert str(tmp_path / "shared.txt") not in closed_session_files()
    pages[1].app.state_holder.session_data["visitor"].is_closed = True
    assert str(tmp_path / "shared.txt") in closed_session_files()
    for page in pages:
        page.close()


def letters_of_closed_pages() -> set[str]:
    folder = os.environ["GRADIO_TEMP_DIR"]
    return {path for path in closed_session_files() if path.startswith(folder) and path.endswith("shared.txt")}


def test_files_of_a_closed_page_are_left_behind_unless_another_has_them(
    browser: Any, free_port: Callable[[], int], word_list_translator: Any, tmp_path: Path
) -> None:
    from apps.translator.app import build

    app = build(LazyTask(tmp_path, open_checkpoint=lambda path, device: word_list_translator))
    server = str(start(app, "127.0.0.1", free_port()))
    (tmp_path / "shared.txt").write_text("The dog runs through the park, and the cat sleeps in the house.\n")
    pages = []
    for _ in range(2):
        pages.append(browser.new_context().new_page())
        pages[-1].goto(server)
        pages[-1].get_by_role("tab", name="File").click()
        choose_file(pages[-1], "#file", tmp_path / "shared.txt")
        pages[-1].click("#translate-file")
        pages[-1].get_by_role("button", name="Download shared.de.txt").wait_for()
    sessions = app.app.state_holder
    pages[0].context.close()
    wait_for(lambda: any(session.is_closed for session in sessions.session_data.values()), 60)
    assert not letters_of_closed_pages(), "the other page has it still"
    pages[1].context.close()
    wait_for(lambda: bool(letters_of_closed_pages()), 60)
    for session in list(sessions.session_data):  # as a page does whose computer slept
        sessions[session]
    assert not letters_of_closed_pages()
    app.close()


def test_a_browser_that_is_closed_in_the_middle_frees_its_worker(
    browser: Any, word_list_server: str, word_list_translator: Any
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(word_list_server)
    page.fill("#source textarea", "a dog runs slowly " * 250)
    page.click("#go")
    page.wait_for_function("document.querySelector('#translation textarea').value.length > 20")
    context.close()
    wait_for(lambda: word_list_translator.streaming == 0, 30)
