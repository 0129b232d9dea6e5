"""The demos without a browser: endpoints, rude input, errors, options."""

import argparse
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from apps import __main__ as all_apps
from apps import launch
from apps.translator import app
from apps.translator.answers import LONGEST_TEXT, Answers
from seqcore.errors import CheckpointError
from seqcore.tasks.translation import TranslatorConfig, new_translator


@pytest.fixture(scope="module")
def client(word_list_server: str) -> Client:
    return Client(word_list_server, verbose=False)


def test_endpoints_have_names_that_say_what_they_take(client: Client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(endpoints) == {"/translate", "/explain_translation"}
    names = [parameter["parameter_name"] for parameter in endpoints["/translate"]["parameters"]]
    assert names == ["text", "source", "target", "beam_size", "length_penalty"]


def test_a_line_in_gives_a_line_out(client: Client) -> None:
    assert client.predict("a dog runs", api_name="/translate") == "ein Hund rennt"
    text = "a dog runs\n\n  a cat sleeps \r\n   \n"
    assert client.predict(text, api_name="/translate") == "ein Hund rennt\n\nein Katze schläft\n\n"


def test_explain_tells_how_it_came_about(client: Client) -> None:
    found = client.predict("a dog\nruns", beam_size=3, api_name="/explain_translation")
    assert found["text"] == "ein Hund rennt"
    assert found["tokens"] == ["▁ein", "▁Hund", "▁rennt", "</s>"]
    assert len(found["attention"]) == len(found["tokens"]) == len(found["token_probabilities"])
    assert {len(row) for row in found["attention"]} == {len(found["source_tokens"])}
    assert [other["text"] for other in found["alternatives"]] == ["ein Hund rennt 1", "ein Hund rennt 2"]
    assert client.predict("", api_name="/explain_translation")["attention"] == []


def test_two_clients_get_each_their_own_answer(word_list_server: str) -> None:
    clients = [Client(word_list_server, verbose=False) for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        texts = [f"a dog runs {number}" for number in range(24)]
        jobs = [pool.submit(clients[n % 2].predict, text, api_name="/translate") for n, text in enumerate(texts)]
        assert [job.result() for job in jobs] == [f"ein Hund rennt {number}" for number in range(24)]


@pytest.mark.parametrize("text", ["", "   \t ", "\n\n\n"])
def test_nothing_in_gives_nothing_out(client: Client, text: str) -> None:
    assert client.predict(text, api_name="/translate").strip(" ") == text.strip(" \t")


@pytest.mark.parametrize(
    "text",
    [
        "a\0dog",
        "كلب يركض",
        "🐕🦺👩‍👩‍👧",
        "<script>alert(1)</script>",
        "x" * LONGEST_TEXT,
        "${1+1}{{value}}",
        "\ud7ff\u2028",
    ],
)
def test_strange_text_is_taken(client: Client, text: str) -> None:
    assert client.predict(text, api_name="/translate").split() == text.split()


def test_too_long_a_text_is_refused_in_plain_words(client: Client) -> None:
    with pytest.raises(AppError, match=r"100,000 characters, and this page takes 5,000.*seqcore predict"):
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
        ({"target": 7}, "must be strings"),
        ({"text": None}, "must be strings"),
    ],
)
@pytest.mark.parametrize("endpoint", ["/translate", "/explain_translation"])
def test_wrong_settings_are_named(client: Client, endpoint: str, settings: dict[str, Any], message: str) -> None:
    text = settings.get("text", "dog")
    with pytest.raises(AppError, match=message):
        client.predict(text, **{key: settings[key] for key in settings if key != "text"}, api_name=endpoint)


def test_an_unexpected_error_is_not_shown(client: Client) -> None:
    with pytest.raises(AppError, match="Something went wrong inside the app") as caught:
        client.predict("broken", api_name="/translate")
    assert "secret" not in str(caught.value)


def test_the_server_asks_nothing_of_other_machines(client: Client, outside_calls: list[Any]) -> None:
    assert client.predict("a dog", api_name="/translate") == "ein Hund"
    assert outside_calls == []


def test_a_real_checkpoint_with_random_weights_answers(tmp_path: Path) -> None:
    texts = ["a dog runs through the snow", "ein Hund rennt durch den Schnee"] * 20
    config = TranslatorConfig(vocab_size=300, embedding_size=8, encoder_hidden_size=8, decoder_hidden_size=8)
    new_translator(config, texts).save_pretrained(tmp_path / "model")
    answers = Answers(launch.LazyTask(tmp_path / "model", "cpu"))
    assert answers.greet()[2]["choices"] == [("English → German", "en-de")]
    joined, status, found, _, _, details = answers.to_page("a dog\n\n\0 🐕", "en-de", 3, 1.0)
    assert joined.count("\n") == 2
    assert "sentence" in status
    assert len(found[0].alternatives) == 2
    assert "<svg role" in details


def test_a_task_is_loaded_once_whoever_asks_first() -> None:
    loads: list[str] = []
    ready = threading.Barrier(8)

    def ask(_: int) -> object:
        ready.wait()
        return task()

    task = launch.LazyTask("here", open_checkpoint=lambda path, device: loads.append(path) or object())
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    assert loads == ["here"]


def test_a_missing_checkpoint_is_told_and_found_later(tmp_path: Path, word_list_translator: Any) -> None:
    folder = tmp_path / "model"

    def open_checkpoint(path: str, device: str) -> Any:
        if not folder.is_dir():
            raise CheckpointError(f"there is no checkpoint folder {path}")
        return word_list_translator

    answers = Answers(launch.LazyTask(folder, open_checkpoint=open_checkpoint))
    assert "There is no checkpoint folder" in answers.greet()[1]["value"]
    with pytest.raises(gr.Error, match="There is no checkpoint folder"):
        launch.user_errors(answers.translate)("dog")
    folder.mkdir()
    assert answers.translate("dog") == "Hund"


def test_another_kind_of_checkpoint_is_told() -> None:
    answers = Answers(launch.LazyTask("captioner", open_checkpoint=lambda path, device: object()))
    assert "Captioner holds no translator" in answers.greet()[1]["value"]


@pytest.mark.parametrize(
    ("card", "about"),
    [
        (
            "---\nlicense: mit\n---\n# Name\n\nTrained on [this](http://x) **data**.\nMore.\n\nEnd.",
            "Trained on this data. More.",
        ),
        ("# Only a title", ""),
        (None, ""),
    ],
)
def test_a_page_says_what_the_model_card_says(tmp_path: Path, card: str | None, about: str) -> None:
    if card is not None:
        (tmp_path / "README.md").write_text(card, encoding="utf-8")
    assert launch.LazyTask(tmp_path).about() == about


def test_a_port_in_use_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as stopped:
            launch.serve(gr.Blocks(), argparse.Namespace(host="127.0.0.1", port=port, share=False))
    assert stopped.value.code == 1
    assert capsys.readouterr().err.splitlines() == [
        f"Port {port} on 127.0.0.1 is in use: stop what uses it, or choose another with --port {port + 1}."
    ]


@pytest.mark.parametrize(
    ("host", "port", "message"), [("no.such.host.invalid", 7860, "--host"), ("127.0.0.1", 0, "--port 0")]
)
def test_an_impossible_address_is_told(host: str, port: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        launch.serve(gr.Blocks(), argparse.Namespace(host=host, port=port, share=False))
    assert message in capsys.readouterr().err


def test_only_a_hub_id_brings_the_hub_on_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    for path in ("runs/mine", "../runs/mine", str(tmp_path / "mine"), "mine"):
        launch.lazy_task(path, "auto")
        assert constants.HF_HUB_OFFLINE is True
    launch.lazy_task("someone/translator", "auto")
    assert constants.HF_HUB_OFFLINE is False


def test_several_apps_get_a_front_page_and_a_page_each() -> None:
    names = ("Translator", "Another <one>")
    apps = [all_apps.App("translator", title, "What it does.") for title in names]
    site = all_apps.build({"translator": launch.LazyTask("nowhere")}, apps)
    assert [name for _, name, _ in site.pages] == ["Home", *names]
    assert "Another &lt;one&gt;" in str(site.get_config_file()["components"])


def test_options_of_all_apps_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        all_apps.main(["--checkpoint", "nobody=here"])
    assert "APP=PATH with an app of translator, not 'nobody=here'" in capsys.readouterr().err


@pytest.mark.parametrize("run", [all_apps.main, partial(launch.run_app, "translator", app.build, "About it.")])
def test_every_app_tells_its_options(run: Callable[[list[str]], None], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(["--help"])
    told = capsys.readouterr().out
    assert all(option in told for option in ("--host", "--port", "--checkpoint", "--device", "--share"))
