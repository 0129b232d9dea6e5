"""What the README says to type works."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ADDRESS = "http://127.0.0.1:7860"
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands(start: str) -> list[str]:
    lines = "\n".join(blocks("sh")).replace("\\\n", " ").splitlines()
    return [line.split("#")[0].strip() for line in lines if start in line]


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    scripts = Path(sys.executable).parent
    return {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "HF_HUB_OFFLINE": "1"}


@pytest.fixture(scope="module")
def server(free_port: Callable[[], int]) -> Iterator[str]:
    """The translator's app with the shipped model."""
    from apps.launch import lazy_task, start
    from apps.translator.app import build

    app = build(lazy_task(str(ROOT / "checkpoints" / "translator"), "cpu"))
    yield str(start(app, "127.0.0.1", free_port()))
    app.close()


def test_the_client_example_runs(server: str, environment: dict[str, str]) -> None:
    (code,) = (code for code in blocks("python") if ADDRESS in code)
    code = code.replace(ADDRESS, server)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.search(r"Hund .*Schnee", done.stdout)
    assert re.search(r"\nDeux hommes\n.*\nDeux hommes [^\n]*guitare\.\n$", done.stdout, re.DOTALL)


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_plain_http_works(server: str, environment: dict[str, str]) -> None:
    (command,) = commands("curl")
    done = subprocess.run(command.replace(ADDRESS, server), shell=True, env=environment, capture_output=True, text=True)
    assert json.loads(done.stdout)["data"] == ["Ein Hund rennt."], done.stderr


@pytest.mark.parametrize(
    "code",
    [code for code in blocks("python") if ADDRESS not in code],
    ids=["translate", "classify", "caption", "video", "bricks"],
)
def test_python_examples_run(code: str, environment: dict[str, str]) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    if "translate(" in code:
        assert "Hund" in done.stdout
    if "classify(" in code:
        assert done.stdout.startswith("positive {'negative': ")
        assert done.stdout.endswith("\nTrue\n")
    if "caption(" in code:
        assert re.match(r"A man in a .*\.\n", done.stdout)
        assert "(7, 7)" in done.stdout
    if "label(" in code:
        assert done.stdout.endswith("150 torch.Size([150, 11])\n")


@pytest.mark.parametrize("command", commands("seqcore "))
def test_command_lines_run(command: str, environment: dict[str, str], tmp_path: Path) -> None:
    command = command.replace("/tmp/", f"{tmp_path}/")
    done = subprocess.run(command, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    if "video" in command:
        assert [len(json.loads(line)["labels"]) for line in done.stdout.splitlines()] == [150, 150]
    if "captioner" in command:
        assert [json.loads(line)["file"] for line in done.stdout.splitlines()] == [
            str(path) for path in sorted((Path("apps") / "captioner" / "examples").glob("*.jpg"))
        ]
    if "echo" in command:
        wanted = r"^positive\t0\.\d+$" if "sentiment" in command else r"Zwei Männer spielen.*Gitarre"
        assert re.search(wanted, done.stdout.strip())
    if "--output" in command:
        written = (tmp_path / "translated.jsonl").read_text(encoding="utf-8").splitlines()
        assert len(written) == len(README.splitlines())


@pytest.mark.parametrize(
    ("app", "said"),
    [
        ("translator", "source: en"),
        ("sentiment", "text: review"),
        ("captioner", "train: photos"),
        ("video", "train: films"),
    ],
    ids=["translator", "sentiment", "captioner", "video"],
)
def test_the_training_commands_take_their_options(app: str, said: str, environment: dict[str, str]) -> None:
    (command,) = commands(f"apps.{app}.finetune")
    script = command.replace("python ", f"{sys.executable} ", 1) + " --print_config"
    done = subprocess.run(script, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert f"init: checkpoints/{app.replace('video', 'video-shots')}" in done.stdout


def test_links_lead_to_files() -> None:
    targets = re.findall(r"]\(([^)#]+)\)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_the_first_two_commands_are_make_targets() -> None:
    first = [line.split("#")[0].split() for line in blocks("sh")[0].splitlines()]
    assert first == [["make", "demo"], ["make", "test"]]
    for _, target in first:
        done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
