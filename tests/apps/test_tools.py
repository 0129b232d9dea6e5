"""The endpoints as tools of a language model, called through MCP as such a model's program does."""

import asyncio
import base64
import json
import os
import re
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from promised_endpoints import ENDPOINTS
from tiny_captioner import picture
from tiny_videos import colours, write_video

from apps.server.security import MAX_REQUEST_BYTES

Call = tuple[str, dict[str, Any]]


class Answer(NamedTuple):
    """What a tool answers."""

    is_error: bool
    text: str


@pytest.fixture(scope="module")
def session(tiny_site: str) -> Callable[..., Any]:
    """Do something with a session of its own."""

    async def connect(work: Callable[[ClientSession], Any]) -> Any:
        async with (
            streamable_http_client(f"{tiny_site}/gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as opened,
        ):
            await opened.initialize()
            return await work(opened)

    def run(work: Callable[[ClientSession], Any]) -> Any:
        with ThreadPoolExecutor(1) as pool:  # Playwright, once it was used, keeps an event loop in this thread.
            return pool.submit(asyncio.run, connect(work)).result()

    return run


@pytest.fixture(scope="module")
def tools(session: Callable[..., Any]) -> dict[str, Any]:
    """All tools by their names."""
    return {tool.name: tool for tool in session(ClientSession.list_tools).tools}


@pytest.fixture(scope="module")
def ask(session: Callable[..., Any]) -> Callable[..., Answer]:
    """Call a tool."""

    def call(name: str, **arguments: Any) -> Answer:
        answer = session(lambda opened: opened.call_tool(name, arguments))
        (content,) = answer.content
        return Answer(answer.isError, content.text)

    return call


def data_address(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "red.png"
    picture("red").save(path)
    return path


@pytest.fixture(scope="module")
def uploaded(tiny_site: str, photo: Path) -> str:
    """The path that the server answers with when it is sent a photo."""
    head = b'--X\r\nContent-Disposition: form-data; name="files"; filename="red.png"\r\n\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=X"}
    body = head + photo.read_bytes() + b"\r\n--X--\r\n"
    with urllib.request.urlopen(urllib.request.Request(f"{tiny_site}/gradio_api/upload", body, kind)) as answer:
        (path,) = json.load(answer)
    return str(path)


def test_every_endpoint_is_a_tool_that_says_what_it_does_takes_and_gives(tools: dict[str, Any]) -> None:
    assert {f"/{name}" for name in tools} == ENDPOINTS.keys()
    for name, tool in tools.items():
        endpoint = ENDPOINTS[f"/{name}"]
        (given,) = endpoint["returns"]
        assert tool.description.startswith(endpoint["description"])
        assert f"Gives {given['label']}: {given['type']['description']}" in tool.description
        assert [*tool.inputSchema["properties"]] == [one["name"] for one in endpoint["parameters"]]
        needed = [one["name"] for one in endpoint["parameters"] if "default" not in one]
        assert tool.inputSchema.get("required", []) == needed
        for one in endpoint["parameters"]:
            schema = tool.inputSchema["properties"][one["name"]]
            assert schema["description"].startswith(one["type"]["description"])
            assert schema["type"] == one["type"]["type"].replace("filepath", "string")
            assert schema.get("default") == one.get("default")
            assert schema.get("maximum") == one["type"].get("maximum")


def test_no_tool_speaks_of_what_is_not_there(tools: dict[str, Any]) -> None:
    texts = json.dumps([tool.model_dump() for tool in tools.values()])
    for untrue in ("upload_file_to_gradio", "http or https", "Gradio", "gradio app", "1st", "FileData"):
        assert untrue not in texts
    for tool in tools.values():
        for name, schema in tool.inputSchema["properties"].items():
            is_file = name in {"image", "video", "file"}
            assert ("data:image/jpeg;base64,/9j/" in schema["description"]) is is_file
            assert (f"{MAX_REQUEST_BYTES * 3 // 4_000_000} MB at most" in schema["description"]) is is_file


def test_a_file_is_given_as_it_is_said(
    ask: Callable[..., Answer], tiny_site: str, photo: Path, uploaded: str, tmp_path: Path
) -> None:
    inside = data_address(photo.read_bytes(), "image/png")
    other = Path(uploaded).with_name("100%20 red.png")
    other.write_bytes(photo.read_bytes())
    ways = [
        inside, inside.replace("data:image/png", "DATA:image/png;name=.."), uploaded, f" {uploaded}\n", str(other),
        f"{tiny_site}/gradio_api/file={uploaded}", f"{tiny_site}/gradio_api/file={quote(str(other))}",
    ]  # fmt: skip
    for way in ways:
        assert ask("caption", image=way) == (False, "A red square.")
    film = write_video(tmp_path / "film.mp4", colours(["red"] * 6))
    labels = json.loads(ask("label_frames", video=data_address(film.read_bytes(), "video/mp4")).text)
    assert len(labels["labels"]) == 6
    address = ask("translate_file", file="data:text/plain,a%20dog%0A", source="en").text
    with urllib.request.urlopen(address) as answer:
        assert answer.read().decode() == "ein Hund\n"
    named = data_address(b"text;stars\nIt was good.;5\n", "text/csv;name=my%20reviews.csv")
    assert ask("classify_file", file=named).text.endswith("/my%20reviews.classified.csv")
    message = ask("classify_file", file=data_address(b"a,b\n1,2,3\n", "text/csv;name=../my%20reviews.csv")).text
    assert message.startswith("my reviews.csv, line 2")


def test_a_file_that_did_not_come_to_this_server_is_not_opened(
    ask: Callable[..., Answer], tiny_site: str, photo: Path, outside_calls: list[Any], uploaded: str
) -> None:
    link = Path(os.environ["GRADIO_TEMP_DIR"]) / "link.png"
    link.symlink_to(photo)
    before = len(outside_calls)
    paths = [
        str(photo), "/etc/passwd", "pyproject.toml", f"{uploaded}/../../../../../../etc/passwd", str(link), "", ".",
        "a\0b", "x" * 5_000, f"{tiny_site}/gradio_api/file=/etc/passwd", f"file://{photo}", "http://192.0.2.1/a.png",
        "https://example.org/red.png", str(Path(uploaded).parent), f"{tiny_site}/gradio_api/info",
    ]  # fmt: skip
    for path in paths:
        answer = ask("caption", image=path)
        assert answer.is_error
        assert answer.text.startswith("image is no file of this server: ")
        assert "Give the file itself as data:TYPE;base64,…" in answer.text
        assert "root:" not in answer.text
    link.unlink()
    assert outside_calls[before:] == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (("translate", {}), "translate needs the argument text."),
        (("translate", {"text": None}), "translate needs the argument text."),
        (("translate", {"words": "a dog"}), "translate takes no argument 'words'; it takes text, source, target, .*"),
        (("translate", {"text": 5}), "Text must be a text, not 5."),
        (("translate", {"text": "a dog", "beam_size": "5"}), "Beam size must be a whole number from 1 to 10, not '5'."),
        (("translate", {"text": "a dog", "target": "<b>"}), "This model does not translate from 'en' to '<b>'."),
        (("explain_translation", {"text": "a dog", "n_best": 2.5}), "N best must be a whole number .* not 2.5."),
        (("translator", {}), "There is no tool 'translator': there are caption, .*"),
        (("caption", {"image": 5}), "image must be a file. Give .*"),
        (("caption", {"image": ["a.png"]}), "image must be a file. Give .*"),
        (("caption", {"image": "data:image/png;base64,A"}), "image is no data address that can be read. Give .*"),
        (("caption", {"image": "data:image/png"}), "image is no data address that can be read. Give .*"),
        (("caption", {"image": "data:image/png;base64,"}), r"file\.png is .*"),
        (("trace_gates", {"model": "sentiment", "text": "good", "unit": 10**30}), "Unit must be a whole number .*"),
        (("label_frames", {"video": "data:,x", "model": "video-shots"}), r"file\.txt is .*"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_a_line(ask: Callable[..., Answer], call: Call, message: str) -> None:
    name, arguments = call
    answer = ask(name, **arguments)
    assert answer.is_error
    assert re.fullmatch(message, answer.text), answer.text


def test_an_error_is_the_same_where_progress_is_watched(session: Callable[..., Any]) -> None:
    heard: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(progress)

    arguments = {"text": "a dog", "target": "xx"}
    answer = session(lambda opened: opened.call_tool("translate", arguments, progress_callback=hear))
    assert (answer.isError, answer.content[0].text) == (True, "This model does not translate from 'en' to 'xx'.")
    assert heard


def test_null_is_as_if_an_argument_was_left_out_and_five_may_have_a_point(ask: Callable[..., Answer]) -> None:
    assert ask("translate", text="a dog", source=None, beam_size=5.0) == (False, "ein Hund")
    assert json.loads(ask("trace_gates", model="sentiment", text="good", unit=None, file=None).text)["layer"]


def test_what_has_names_is_json(ask: Callable[..., Answer]) -> None:
    for name, arguments in (("classify", {"text": "good"}), ("labels", {}), ("video_models", {}), ("write", {})):
        (promised,) = ENDPOINTS[f"/{name}"]["returns"]
        answer = json.loads(ask(name, **arguments).text)
        assert isinstance(answer, {"array": list, "object": dict}[promised["type"]["type"]])
        assert [*promised["type"].get("properties", answer)] == [*answer]
