"""The translator's endpoints and what its page does, with a word list for a model."""

import asyncio
import json
import tempfile
import threading
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import gradio as gr
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from gradio_client.utils import QueueError
from handlers import head, named
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from training_runs import wait_for

from apps.server import launch
from apps.server.errors import report_errors
from apps.server.models import LazyTask
from apps.translator import files
from apps.translator.api import API
from apps.translator.handlers import FileTab, Handlers, Languages, TextTab
from apps.translator.settings import MAX_TEXT_CHARS, Settings
from seqcore.errors import CheckpointError
from seqcore.tasks.translation import Translator, TranslatorConfig


@pytest.fixture(scope="module")
def client(word_list_server: str) -> Client:
    return Client(word_list_server, verbose=False)


def asked(server: str, *data: Any) -> tuple[str, Any]:
    """What `/translate` answers to whoever has no client but HTTP: the last event, and what it brings."""
    address = f"{server}/gradio_api/call/translate"
    request = urllib.request.Request(address, json.dumps({"data": data}).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as accepted:
        number = json.load(accepted)["event_id"]
    with urllib.request.urlopen(f"{address}/{number}") as answer:
        *_, event, told = answer.read().decode().strip().split("\n")
    return event.removeprefix("event: "), json.loads(told.removeprefix("data: "))


def test_endpoints_have_names_that_say_what_they_take(client: Client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    names = {"/translate", "/translate_stream", "/explain_translation", "/translate_file", "/languages"}
    assert set(endpoints) == names
    taken = {name: [one["parameter_name"] for one in endpoints[name]["parameters"]] for name in names}
    assert taken["/translate"] == taken["/translate_stream"]
    assert taken["/translate"] == ["text", "source", "target", "beam_size", "length_penalty"]
    assert taken["/explain_translation"] == [*taken["/translate"], "n_best"]
    assert taken["/translate_file"] == ["file", *taken["/translate"][1:]]
    assert taken["/languages"] == []


def test_tools_for_language_models_say_what_they_do(word_list_server: str) -> None:
    with urllib.request.urlopen(f"{word_list_server}/gradio_api/mcp/schema") as answer:
        tools = {tool["name"]: tool for tool in json.load(answer)}
    assert set(tools) == {"translate", "translate_stream", "explain_translation", "translate_file", "languages"}
    for tool in tools.values():
        assert len(tool["description"]) > 40
        assert all(taken["description"] for taken in tool["inputSchema"]["properties"].values())
    assert "line k of the translated file belongs to line k" in tools["translate_file"]["description"]


def test_a_tool_can_be_called(word_list_server: str) -> None:
    async def call() -> Any:
        async with (
            streamable_http_client(f"{word_list_server}/gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await session.call_tool("translate", {"text": "a dog runs", "source": "en"})

    with ThreadPoolExecutor(1) as pool:  # where no browser test has left its loop running
        found = pool.submit(asyncio.run, call()).result()
    assert found.content[0].text == "ein Hund rennt"


def test_plain_http_is_enough(word_list_server: str) -> None:
    assert asked(word_list_server, "ein Hund", "de", "en", 5, 1.0) == ("complete", ["a dog"])
    event, told = asked(word_list_server, "ein Hund", "de", "xx", 5, 1.0)
    assert event == "error"
    assert told["error"] == "This model does not translate from 'de' to 'xx'."
    body = json.dumps({"data": ["a dog", "en", "de", 5, 1.0]}).encode()
    kind = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{word_list_server}/gradio_api/run/translate", body, kind)
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer)["data"] == ["ein Hund"]


def test_line_breaks_stay_where_they_are(client: Client) -> None:
    assert client.predict("a dog runs", api_name="/translate") == "ein Hund rennt"
    text = "a dog runs\n\na cat sleeps\r\n   \n"
    assert client.predict(text, api_name="/translate") == "ein Hund rennt\n\nein Katze schläft\r\n   \n"


def test_the_language_is_detected_or_named(client: Client) -> None:
    assert client.predict("ein Hund", target="en", api_name="/translate") == "a dog"
    assert client.predict("ein Hund", "auto", "de", api_name="/translate") == "ein Hund"
    assert client.predict("a dog", "en", "fr", api_name="/translate") == "un chien"
    assert client.predict(api_name="/languages") == ["en-de", "de-en", "en-fr"]


def test_the_stream_grows_to_the_translation(client: Client) -> None:
    job = client.submit("a dog runs", api_name="/translate_stream")
    assert job.result() == "ein Hund rennt"
    assert job.outputs() == ["ein", "ein Hund", "ein Hund rennt"]


def test_explain_tells_how_it_came_about(client: Client) -> None:
    found = client.predict("a dog runs", beam_size=3, api_name="/explain_translation")
    assert (found["text"], found["source"], found["target"]) == ("ein Hund rennt", "en", "de")
    assert found["tokens"] == ["▁ein", "▁Hund", "▁rennt", "</s>"]
    assert len(found["attention"]) == len(found["tokens"]) == len(found["token_probabilities"])
    assert {len(row) for row in found["attention"]} == {len(found["source_tokens"])}
    assert [other["text"] for other in found["alternatives"]] == ["ein Hund rennt 1", "ein Hund rennt 2"]
    assert found["sentences"] == []


def test_explain_tells_it_of_every_sentence(client: Client) -> None:
    found = client.predict("a dog\n\nruns", n_best=2, api_name="/explain_translation")
    assert (found["text"], found["attention"]) == ("ein Hund\n\nrennt", [])
    assert [one["text"] for one in found["sentences"]] == ["ein Hund", "rennt"]
    assert [len(one["attention"]) for one in found["sentences"]] == [3, 2]
    assert [one["alternatives"][0]["text"] for one in found["sentences"]] == ["ein Hund 1", "rennt 1"]
    assert client.predict("", api_name="/explain_translation")["attention"] == []


def test_concurrent_calls_get_each_their_own_answer_and_a_bad_one_fails_alone(word_list_server: str) -> None:
    alone = {
        "a dog": ("complete", ["ein Hund"]),
        "ein Katze": ("complete", ["ein Katze"]),
        "broken": ("error", "Something went wrong inside the app. Its terminal says what."),
        "x" * 5_001: ("error", "The text has 5,001 characters"),
    }
    texts = [*alone] * 8 + [f"a dog runs {number}" for number in range(16)]
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(partial(asked, word_list_server), texts, *([x] * 48 for x in ("auto", "de", 5, 1.0))))
    for text, (event, told) in zip(texts, answers, strict=True):
        if text in alone:
            assert event == alone[text][0]
            assert told == alone[text][1] or alone[text][1] in told["error"]
        else:
            assert (event, told) == ("complete", [text.replace("a dog runs", "ein Hund rennt")])


@pytest.mark.parametrize("text", ["", "   \t ", "\n\n\n"])
def test_nothing_in_gives_nothing_out(client: Client, text: str) -> None:
    assert client.predict(text, api_name="/translate") == text


@pytest.mark.parametrize(
    "text",
    [
        "a\0dog",
        "كلب يركض",
        "🐕🦺👩‍👩‍👧",
        "<script>alert(1)</script>",
        "x" * MAX_TEXT_CHARS,
        "${1+1}{{value}}",
        "\ud7ff\u2028",
    ],
)
def test_strange_text_is_taken(client: Client, text: str) -> None:
    assert client.predict(text, api_name="/translate").split() == text.split()


def test_too_long_a_text_is_refused_in_plain_words(client: Client) -> None:
    with pytest.raises(AppError, match=r"100,000 characters, and this page takes 5,000.*as a file"):
        client.predict("x" * 100_000, api_name="/translate")
    assert client.predict("dog", api_name="/translate") == "Hund"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"beam_size": 0}, "Beam size must be a whole number from 1 to 10"),
        ({"beam_size": 10_000}, "Beam size must be"),
        ({"beam_size": "five"}, "Beam size must be"),
        ({"beam_size": 2.5}, "Beam size must be"),
        ({"length_penalty": -1}, "Length penalty must be a number from 0 to 2"),
        ({"target": "xx"}, "This model does not translate from 'en' to 'xx'"),
        ({"target": 7}, "Target must be a text, not 7"),
        ({"source": ["en"]}, "Source must be a text"),
        ({"text": None}, "Text is missing"),
    ],
)
@pytest.mark.parametrize("endpoint", ["/translate", "/translate_stream", "/explain_translation"])
def test_wrong_settings_are_named(client: Client, endpoint: str, settings: dict[str, Any], message: str) -> None:
    text = settings.get("text", "dog")
    with pytest.raises(AppError, match=message):
        client.predict(text, **{key: settings[key] for key in settings if key != "text"}, api_name=endpoint)


@pytest.mark.parametrize("endpoint", ["/translate", "/translate_stream"])
def test_an_unexpected_error_is_not_shown(client: Client, endpoint: str) -> None:
    with pytest.raises(AppError, match="Something went wrong inside the app") as caught:
        client.predict("broken", api_name=endpoint)
    assert "secret" not in str(caught.value)


def test_the_server_asks_nothing_of_other_machines(client: Client, outside_calls: list[Any]) -> None:
    assert client.predict("a dog", api_name="/translate") == "ein Hund"
    assert outside_calls == []


def test_more_calls_than_can_wait_are_told_to_try_again(
    free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, free = threading.Event(), threading.Event()

    def wait(text: str) -> str:
        begun.set()
        free.wait(20)
        return text

    with gr.Blocks() as demo:
        gr.api(wait, api_name="wait", concurrency_limit=1)
    monkeypatch.setattr(launch, "MAX_WAITING", 1)
    busy = Client(launch.start(demo, "127.0.0.1", free_port()), verbose=False)
    jobs = [busy.submit("first", api_name="/wait")]
    assert begun.wait(20)
    jobs.append(busy.submit("second", api_name="/wait"))
    wait_for(lambda: len(demo._queue) > 0, 20)
    with pytest.raises(QueueError, match="try again"):
        busy.predict("third", api_name="/wait")
    free.set()
    assert [job.result() for job in jobs] == ["first", "second"]
    demo.close()


LETTER = "a dog runs\n\nthe cat sleeps in the house and the dog runs\r\n  \na dog"


def test_a_file_is_translated_line_by_line(client: Client, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text(f"\ufeff{LETTER}", encoding="utf-8", newline="")
    found = Path(client.predict(handle_file(letter), source="auto", target="de", api_name="/translate_file"))
    assert found.name == "letter.de.txt"
    lines = found.read_bytes().decode("utf-8").split("\n")
    assert lines == ["ein Hund rennt", "", "the Katze schläft in the house and the Hund rennt", "  ", "ein Hund"]


@pytest.mark.parametrize(
    ("name", "content", "translated"),
    [
        (
            "film.srt",
            "\ufeff1\r\n00:00:01,000 --> 00:00:02,000\r\n<i>a dog\r\nruns</i>\r\n",
            "\ufeff1\r\n00:00:01,000 --> 00:00:02,000\r\n<i>ein Hund\r\nrennt</i>\r\n",
        ),
        (
            "film.VTT",
            "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Bob>a dog",
            "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Bob>ein Hund",
        ),
        (
            "page.md",
            "# a dog\n\n```\na dog\n```\n- [a dog](dog.md)",
            "# ein Hund\n\n```\na dog\n```\n- [ein Hund](dog.md)",
        ),
    ],
)
def test_a_document_keeps_its_form(client: Client, tmp_path: Path, name: str, content: str, translated: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8", newline="")
    result = Path(client.predict(handle_file(path), source="en", target="de", api_name="/translate_file"))
    assert result.name == f"{path.stem}.de{path.suffix}"
    assert result.read_bytes().decode("utf-8") == translated


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("page.md", b"```\na dog\n```\n", "page.md has no text in it"),
        ("letter.txt", b"a dog\r\na cat\ncaf\xe9\n", "Line 3 of letter.txt is no UTF-8 text"),
        ("letter.txt", b"", "letter.txt has no text in it"),
        ("letter.txt", b" \n\n", "letter.txt has no text in it"),
        ("letter.txt", b"a dog\n" * 400_000, "has 2.4 MB, and this page takes 2 MB"),
        ("letter.txt", b"a dog\n" + b"x" * 20_001, "Line 2 of letter.txt has more than 20,000 characters"),
        ("letter.pdf", b"a dog", "letter.pdf is no .txt file|file type"),
        ("letter.txt", b"broken", "Something went wrong"),
        ("letter.txt", b"Das ist ein Brief auf Deutsch.", "letter.txt is in German already"),
    ],
    ids=[
        "no text",
        "not UTF-8",
        "empty",
        "blank",
        "large",
        "long line",
        "another kind",
        "broken",
        "in the target language",
    ],
)
def test_a_file_that_cannot_be_translated_is_told(
    client: Client, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    source = "auto" if content.startswith(b"Das") else "en"
    with pytest.raises(AppError, match=message):
        client.predict(handle_file(path), source=source, target="de", api_name="/translate_file")


def test_a_file_is_never_held_whole_and_nothing_of_it_is_left(
    word_list_translator: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks: list[int] = []

    class Counting:
        config = word_list_translator.config

        def translate(self, texts: Any, *languages: str, **settings: Any) -> Any:
            chunks.append(sum(map(len, texts)))
            return word_list_translator.translate(texts, *languages, **settings)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "made"))
    (tmp_path / "made").mkdir()
    path = tmp_path / "letter.txt"
    path.write_text("a dog\n" * 100 + f"{'a ' * 4_000}\n" * 5, encoding="utf-8")
    steps = files.translate_file(Counting(), str(path), "en", "de", Settings())  # type: ignore[arg-type]
    told = [(step.done, step.total, step.files) for step in steps]
    assert [lines for lines, _, _ in told] == sorted({lines for lines, _, _ in told})
    assert told[0] == (0, 105, ())
    assert told[-1][:2] == (105, 105)
    assert max(chunks) < 3 * files.MAX_CHUNK_CHARS
    for whole in (True, False):  # stopped half-way
        steps = files.translate_file(Counting(), str(path), "en", "de", Settings())  # type: ignore[arg-type]
        last = [*steps][-1] if whole else next(steps)
        steps.close()  # type: ignore[attr-defined]
        assert last.total == 105
        assert list((tmp_path / "made").iterdir()) == []


def handlers_of(api: API) -> Handlers:
    return Handlers(api, head(), named(Languages), named(TextTab), named(FileTab))


def test_a_real_checkpoint_with_random_weights_answers(tmp_path: Path) -> None:
    texts = ["a dog runs through the snow", "ein Hund rennt durch den Schnee"] * 20
    config = TranslatorConfig(vocab_size=300, embedding_size=8, encoder_hidden_size=8, decoder_hidden_size=8)
    Translator.create(config, [{"source": text} for text in texts]).save_pretrained(tmp_path / "model")
    api = API(LazyTask(tmp_path / "model", "cpu"))
    handlers = handlers_of(api)
    page = handlers.on_load()
    assert page["source"]["choices"] == [("Detect language", "auto"), ("English", "en")]
    assert page["source"]["value"] == "en", "there is nothing to detect"
    assert page["swap"]["interactive"] is False, "there is no way back"
    *_, last = handlers.show_translation(gr.Request(), "a dog. A cat.\n\n\0 🐕", "en", "de", 3, 1.0, 2)
    assert last["translation"].count("\n") == 2
    assert last["status"].startswith("2 sentences in")
    assert [len(sentence.alternatives) for sentence in last["results"]] == [1, 1]
    assert len(last["sentence"]["choices"]) == 2
    assert "<svg role" in last["details"]
    text = "a dog runs"
    assert api.translate(text) == [*api.translate_stream(text)][-1] == api.explain_translation(text)["text"]
    draws = [
        [*handlers.show_translation(gr.Request(), text, "en", "de", 1, 1.0, 1, True, 2.0, 0, 1.0, seed)][-1][
            "translation"
        ]
        for seed in (7, 7, 8)
    ]
    assert draws[0] == draws[1] != draws[2]


def test_a_missing_checkpoint_is_told_and_found_later(tmp_path: Path, word_list_translator: Any) -> None:
    folder = tmp_path / "model"

    def open_checkpoint(path: str, device: str) -> Any:
        if not folder.is_dir():
            raise CheckpointError(f"there is no checkpoint folder {path}")
        return word_list_translator

    api = API(LazyTask(folder, open_checkpoint=open_checkpoint))
    assert "There is no checkpoint folder" in handlers_of(api).on_load()["load_error"]["value"]
    with pytest.raises(gr.Error, match="There is no checkpoint folder"):
        report_errors(api.translate)("dog")
    folder.mkdir()
    assert api.translate("dog") == "Hund"


def test_another_kind_of_checkpoint_is_told() -> None:
    api = API(LazyTask("captioner", open_checkpoint=Mock(return_value=object())))
    assert "Captioner holds no translator" in handlers_of(api).on_load()["load_error"]["value"]
