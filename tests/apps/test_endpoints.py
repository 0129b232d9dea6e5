"""What programs call stays as it is: names, arguments in their order, what they default to, and what comes back.

`endpoints.json` is what was promised; a change of it is a change for whoever calls. Whatever an endpoint is given, it
answers, or says in one line what is wrong.
"""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file
from promised_endpoints import ENDPOINTS, PROMISED
from tiny_captioner import picture
from tiny_videos import colours, write_video

from seqcore.media.video import read_frames

TEXTS = {"text": "a dog", "model": "sentiment"}
WRONG: dict[str, tuple[Any, ...]] = {
    "integer": ("5", "", 2.5, True, [5], {"a": 5}, -(10**400), 10**400, float("nan")),
    "number": ("0.5", "", True, [0.5], {"a": 0.5}, -1e9, 10**400, float("inf")),
    "string": (5, 0.5, True, ["a dog"], {"a": "a dog"}, []),
    "filepath": (5, True, "photo.jpg", ["photo.jpg"], {"a": 5}, {"path": "/etc/passwd"}, {"path": 5, "meta": 5}),
}


def described(app: str) -> dict[str, Any]:
    endpoints = importlib.import_module(f"apps.{app}.app").demo.get_api_info()["named_endpoints"]
    return {
        name: {
            "description": endpoint["description"],
            "parameters": [
                {
                    "name": one["parameter_name"],
                    **_type(one),
                    **({"default": one["parameter_default"]} if one["parameter_has_default"] else {}),
                }
                for one in endpoint["parameters"]
            ],
            "returns": [{"label": one["label"], **_type(one)} for one in endpoint["returns"]],
        }
        for name, endpoint in endpoints.items()
    }


def _type(one: dict[str, Any]) -> dict[str, Any]:
    """As programs see it; how gradio describes a file is its own affair."""
    schema = {key: value for key, value in one["type"].items() if key not in {"additional_description", "default"}}
    if one["component"] == "File":
        schema = {"type": "filepath", "description": schema["description"]}
    return {"type": schema, "python_type": one["python_type"]["type"]}


@pytest.mark.parametrize("app", PROMISED)
def test_endpoints_are_as_promised(app: str) -> None:
    assert described(app) == PROMISED[app]


@pytest.mark.parametrize("name", ENDPOINTS)
def test_whatever_is_taken_and_given_has_a_name_a_type_and_a_meaning(name: str) -> None:
    endpoint = ENDPOINTS[name]
    assert endpoint["description"].endswith(".")
    (given,) = endpoint["returns"]
    for one in (*endpoint["parameters"], given):
        assert one["python_type"] not in {"Any", "str | float | bool | list | dict"}
        assert one["type"]["description"].endswith((".", ").")), one
    assert not given["label"][0].isdigit()
    for one in endpoint["parameters"]:
        whole = one["name"] in {"beam_size", "n_best", "top_k", "length", "seed", "unit"}
        assert (one["type"]["type"] == "integer") is whole


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file for each argument that takes one."""
    folder = tmp_path_factory.mktemp("files")
    picture("red").save(folder / "red.png")
    (folder / "letter.txt").write_text("a dog\n", encoding="utf-8")
    film = write_video(folder / "film.mp4", colours(["red"] * 6))
    return {"image": folder / "red.png", "video": film, "file": folder / "letter.txt"}


def required(name: str, files: dict[str, Path]) -> dict[str, Any]:
    """What an endpoint must be given."""
    values = {**TEXTS, **{argument: handle_file(path) for argument, path in files.items()}}
    taken = ENDPOINTS[name]["parameters"]
    needed = [one["name"] for one in taken if "default" not in one or (name, one["name"]) == ("/trace_gates", "text")]
    return {argument: values[argument] for argument in needed}


@pytest.fixture(scope="module")
def client(tiny_site: str) -> Client:
    return Client(tiny_site, verbose=False)


@pytest.mark.parametrize("name", ENDPOINTS)
def test_what_has_a_default_may_be_left_out_or_null(client: Client, name: str, files: dict[str, Path]) -> None:
    given = required(name, files)
    alone = client.predict(**given, api_name=name)
    names = {one["name"] for one in ENDPOINTS[name]["parameters"]}
    spelled_out = client.predict(**dict.fromkeys(names - given.keys()), **given, api_name=name)
    if name == "/label_video":  # A film's file need not be the same to the byte.
        alone, spelled_out = ([time for time, _ in read_frames(path)] for path in (alone, spelled_out))
    assert alone == spelled_out or "file" in name
    (promised,) = ENDPOINTS[name]["returns"]
    if "properties" in promised["type"]:
        assert [*alone] == promised["type"].get("required", [*promised["type"]["properties"]])


@pytest.fixture(scope="module")
def http(tiny_site: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{tiny_site}/gradio_api", timeout=60) as client:
        yield client


def refusal(http: httpx.Client, name: str, values: list[Any]) -> str:
    """What is said of values that an endpoint does not take."""
    # By the standard library, which writes numbers without an end, too.
    kind = {"Content-Type": "application/json"}
    answer = http.post(f"/run{name}", content=json.dumps({"data": values}), headers=kind)
    assert answer.status_code == 500, answer.text
    return str(answer.json()["error"])


@pytest.mark.parametrize("name", [name for name, endpoint in ENDPOINTS.items() if endpoint["parameters"]])
def test_a_value_of_a_wrong_kind_is_told_in_a_line(
    http: httpx.Client, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    taken = ENDPOINTS[name]["parameters"]
    defaults = [TEXTS.get(one["name"], one.get("default")) for one in taken]
    for place, one in enumerate(taken):
        for wrong in WRONG[one["type"]["type"]]:
            message = refusal(http, name, [*defaults[:place], wrong, *defaults[place + 1 :]])
            assert "\n" not in message
            assert len(message) < 400
            named = one["name"].replace("_", " ") if one["type"]["type"] != "filepath" else f"{name} was given"
            assert named in message.lower(), (one["name"], wrong, message)
    assert all("Traceback" not in line and "failed" not in line for line in caplog.messages)


@pytest.mark.parametrize("name", [name for name, endpoint in ENDPOINTS.items() if endpoint["parameters"]])
def test_what_is_missing_or_too_much_is_told(http: httpx.Client, name: str) -> None:
    taken = ENDPOINTS[name]["parameters"]
    assert f"{name} takes {len(taken)} values at most" in refusal(http, name, [None] * (len(taken) + 1))
    needed = [one["name"] for one in taken if "default" not in one]
    if needed:
        message = refusal(http, name, [])
        assert message == f"{needed[0].capitalize()} is missing." or message.startswith("Choose a")
        answer = http.post(f"/call/v2{name}", json={})
        assert (answer.status_code, answer.json()["error"].split()[-1]) == (422, needed[0])
    answer = http.post(f"/call/v2{name}", json={**dict.fromkeys(needed, ""), "colour": "red"})
    assert (answer.status_code, "colour" in answer.json()["error"]) == (422, True)


def test_a_whole_number_may_be_written_with_a_point(client: Client, http: httpx.Client) -> None:
    one = client.predict("a dog", beam_size=5.0, n_best=2.0, api_name="/explain_translation")
    assert one == client.predict("a dog", beam_size=5, n_best=2, api_name="/explain_translation")
    message = refusal(http, "/explain_translation", ["a dog", "auto", "de", 5, 1.0, 2.5])
    assert message == "N best must be a whole number from 1 to 10, not 2.5."


@pytest.mark.parametrize("way", ["run", "call", "call/v2"])
def test_an_endpoint_that_is_not_there_is_told(http: httpx.Client, way: str) -> None:
    answer = http.post(f"/{way}/translator", json={"data": []})
    assert answer.status_code == 404
    assert answer.json()["error"] == "There is no endpoint /translator: see /gradio_api/info."


@pytest.mark.parametrize("name", ["heic.heic", "eps-as.jpg", "my photo.jpg", "photo", "Été.png", "größe (2).gif"])
def test_a_message_keeps_the_name_of_a_file(client: Client, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"a letter")
    with pytest.raises(Exception, match=r".") as refused:
        client.predict(handle_file(tmp_path / name), api_name="/caption")
    assert str(refused.value).startswith(f"{name} is no image")


def test_a_message_has_the_name_that_a_page_sent(http: httpx.Client) -> None:
    name = "what? <b>$5!.jpg"
    (path,) = http.post("/upload", files={"files": (name, b"a letter")}).json()
    assert Path(path).name == "what b5.jpg", "nothing to mend any more"
    file = {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}
    assert refusal(http, "/caption", [file]).startswith("what? &lt;b&gt;$5!.jpg is no image")
    for odd in (5, ["a"], "x" * 100_000):
        assert refusal(http, "/caption", [{**file, "orig_name": odd}]).startswith(
            ("what b5.jpg is", "/caption was given")
        )


if __name__ == "__main__":
    print(json.dumps({app: described(app) for app in PROMISED}, indent=1, ensure_ascii=False))
