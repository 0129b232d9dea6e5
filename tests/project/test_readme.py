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

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "http://127.0.0.1:7860"
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCED = re.findall(r"^ *```(\w*)\n(.*?)^ *```", README, re.DOTALL | re.MULTILINE)
# Every line to type in a shell is of one of these kinds; the tests below run all of a kind.
KINDS = {
    "make": r"make ",
    "curl": r"curl ",
    "seqcore": r"(echo .* \| )?seqcore (?!train )",
    "train": r"seqcore train ",
    "network": r".*# needs the network$",
}


def blocks(language: str) -> list[str]:
    return [code for named, code in FENCED if named == language]


def lines() -> list[str]:
    """What is to be typed in a shell, comments included."""
    return [line.strip() for line in "\n".join(blocks("sh")).replace("\\\n", " ").splitlines() if line.strip()]


def commands(kind: str) -> list[str]:
    return [re.sub(r"\s+# .*", "", line) for line in lines() if re.match(KINDS[kind], line)]


def test_nothing_stands_here_that_no_test_runs() -> None:
    assert README.count("```") == 2 * len(FENCED)
    assert {language for language, _ in FENCED} == {"sh", "python"}
    for line in lines():
        assert len([kind for kind, pattern in KINDS.items() if re.match(pattern, line)]) == 1, line


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    scripts = Path(sys.executable).parent
    # Without what `make test ARGS=...` tells a make that it starts itself.
    told = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "ARGS", "APP")
    own = {name: value for name, value in os.environ.items() if name not in told}
    return {**own, "PATH": f"{scripts}{os.pathsep}{own['PATH']}", "HF_HUB_OFFLINE": "1"}


@pytest.fixture(scope="module")
def server(free_port: Callable[[], int]) -> Iterator[str]:
    """The translator's app with the shipped model."""
    from apps.server.launch import start
    from apps.server.models import LazyTask
    from apps.translator.app import build

    app = build(LazyTask(str(ROOT / "checkpoints" / "translator"), "cpu"))
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
    ids=["translate", "classify", "caption", "video", "bricks", "gates"],
)
def test_python_examples_run(code: str, environment: dict[str, str]) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    if "translate(" in code:
        assert "Hund" in done.stdout
    if "recorded_gates(" in code:
        size = "torch.Size([1, 6, 512])"
        assert done.stdout == f"{size} {size} {size} {size}\n" * 2
    elif "classify(" in code:
        assert done.stdout.startswith("positive {'negative': ")
        assert done.stdout.endswith("\nTrue\n")
    if "caption(" in code:
        assert re.match(r"A man in a .*\.\n", done.stdout)
        assert "(7, 7)" in done.stdout
    if "label(" in code:
        assert done.stdout.endswith("150 torch.Size([150, 11])\n")


@pytest.mark.parametrize("command", commands("seqcore"))
def test_command_lines_run(command: str, environment: dict[str, str], tmp_path: Path) -> None:
    command = command.replace("/tmp/", f"{tmp_path}/")
    done = subprocess.run(command, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    if "video-shots" in command:
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
        assert len(written) == len((ROOT / command.split()[3]).read_text(encoding="utf-8").splitlines())


@pytest.mark.slow
@pytest.mark.parametrize("command", commands("train"))
def test_the_training_commands_take_their_options(command: str, environment: dict[str, str]) -> None:
    settings = {
        "translation": ("source: en", "translator"),
        "sentiment": ("text: review", "sentiment"),
        "captioning": ("train: photos", "captioner"),
        "video": ("train: films", "video-shots"),
    }
    script = command.replace("seqcore ", f"{sys.executable} -m seqcore.cli ", 1) + " --print-config"
    done = subprocess.run(script, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    line, checkpoint = settings[command.split()[2]]
    assert line in done.stdout
    assert f"init: checkpoints/{checkpoint}\n" in done.stdout


def test_links_lead_to_files() -> None:
    targets = re.findall(r"]\(([^)#]+)\)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_the_first_two_commands_install_and_start() -> None:
    assert commands("make")[:2] == ["make demo", "make test"]


def planned(command: str, environment: dict[str, str]) -> str:
    """The last thing that `make` would do."""
    done = subprocess.run(f"{command} --dry-run", shell=True, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *_, last = done.stdout.strip().splitlines()
    return last


@pytest.mark.parametrize("command", commands("make"))
def test_make_installs_and_does_what_it_says(command: str, environment: dict[str, str]) -> None:
    wanted = ".venv/bin/python -m pytest" if "test" in command else "exec .venv/bin/python -m apps"
    assert planned(command, environment).startswith(wanted)


@pytest.mark.slow
@pytest.mark.parametrize("command", [command for command in commands("make") if "demo" in command])
def test_make_demo_serves(command: str, environment: dict[str, str], free_port: Callable[[], int]) -> None:
    port = free_port()
    start = planned(command, environment).replace(".venv/bin/python", sys.executable).replace(" --port 8000", "")
    server = subprocess.Popen(
        f"{start} --port {port} --device cpu", shell=True, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        told = next(line for line in server.stdout if " is at " in line)
        assert f"http://127.0.0.1:{port}" in told
    finally:
        server.terminate()
        server.communicate(timeout=30)
