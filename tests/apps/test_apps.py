"""Starting the demos: models that are loaded once, addresses, options, several apps in one server."""

import argparse
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

from apps.server.environment import names_hub_checkpoint

import gradio as gr
import pytest

from apps import __main__ as all_apps
from apps.server import launch
from apps.server.models import MODELS, LazyTask
from apps.translator import app
from apps.ui.home import UnrolledDiagram


def test_a_task_is_loaded_once_whoever_asks_first() -> None:
    open_checkpoint = Mock()
    ready = threading.Barrier(8)

    def ask(_: int) -> object:
        ready.wait()
        return task()

    task = LazyTask[Any]("here", open_checkpoint=open_checkpoint)
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    open_checkpoint.assert_called_once_with("here", device=task.device)


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
    assert LazyTask(tmp_path).about() == about


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


@pytest.mark.parametrize(
    ("arguments", "is_online"),
    [
        (["--checkpoint", "someone/translator"], True),
        (["--checkpoint=translator=someone/translator", "--port", "7861"], True),
        (["--checkpoint", "runs/mine"], False),
        (["--checkpoint", "translator=../runs/mine"], False),
        (["--checkpoint", "mine"], False),
        (["--checkpoint"], False),
        ([], False),
    ],
)
def test_only_a_hub_id_brings_the_hub_on_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], is_online: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    assert names_hub_checkpoint(arguments) is is_online


@pytest.mark.slow
def test_the_hub_is_on_or_off_line_before_its_client_is_imported() -> None:
    code = "import apps.server.environment, huggingface_hub.constants; print(huggingface_hub.constants.HF_HUB_OFFLINE)"
    environment = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    for arguments, offline in (((), "True"), (("--checkpoint", "someone/translator"), "False")):
        command = [sys.executable, "-c", code, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
        assert done.stdout.strip() == offline


def test_several_apps_get_a_front_page_and_a_page_each() -> None:
    names = ("Translator", "Another <one>")
    bricks = UnrolledDiagram(("in", ""), ("", "<out>"))
    apps = [all_apps.App("translator", title, "Many", "What it does.", bricks, ("translator",)) for title in names]
    site = all_apps.build({"translator": LazyTask("nowhere")}, apps)
    assert [name for _, name, _ in site.pages] == ["Home", *names]
    shown = str(site.get_config_file()["components"])
    assert "Another &lt;one&gt;" in shown
    assert 'aria-label="Many: in into 2 steps of an LSTM, and out comes &lt;out&gt;"' in shown


def test_pages_share_their_models(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    def build(*loads: Any) -> gr.Blocks:
        given.append(loads)
        return gr.Blocks()

    monkeypatch.setitem(sys.modules, "apps.some.app", SimpleNamespace(build=build))
    bricks = UnrolledDiagram(("in",), ("out",))
    every = all_apps.App("some", "Every", "Kind", "All models.", bricks)
    two = all_apps.App("some", "Two", "Kind", "Two models.", bricks, ("translator", "sentiment"))
    opening = Mock(side_effect=lambda path, device: path)
    loads = {name: LazyTask[Any](name, open_checkpoint=opening) for name in MODELS}
    all_apps.build(loads, [every, two])
    (everything,), pair = given
    assert everything is loads
    assert pair == (loads["translator"], loads["sentiment"])
    assert not opening.called, "models are loaded on first use"
    assert [everything["translator"](), pair[0](), pair[0]()] == ["translator"] * 3
    assert opening.call_count == 1, "and once"


def test_options_of_all_apps_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        all_apps.main(["--checkpoint", "nobody=here"])
    told = capsys.readouterr().err
    assert "MODEL=PATH with a model of captioner, sentiment, translator, video-shots, " in told
    assert "not 'nobody=here'" in told


@pytest.mark.parametrize("run", [all_apps.main, partial(launch.run_app, "translator", app.build, "About it.")])
def test_every_app_tells_its_options(run: Callable[[list[str]], None], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(["--help"])
    told = capsys.readouterr().out
    assert all(option in told for option in ("--host", "--port", "--checkpoint", "--device", "--share"))


@pytest.mark.parametrize("module", ["apps", "apps.translator"])
def test_without_gradio_one_line_says_what_to_install(module: str) -> None:
    program = f"import sys, runpy; sys.modules['gradio'] = None; runpy.run_module({module!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: the demos need gradio, which is not installed: pip install 'seqcore-lstm[apps]'\n"


def test_every_start_sets_the_environment_before_gradio_and_torch_read_it() -> None:
    folder = Path(all_apps.__file__).parent
    starts = [folder / "__main__.py", *folder.glob("*/__main__.py")]
    assert len(starts) == 6
    for start in starts:
        imports = re.findall(r"^(?:import|from) (\S+)", start.read_text(encoding="utf-8"), flags=re.MULTILINE)
        ours = imports.index("apps.server.environment")
        assert all(name.split(".")[0] in sys.stdlib_module_names for name in imports[:ours]), start
