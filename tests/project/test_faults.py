"""What a machine does to a server and a run: full disk, no memory, no network, no home, killed, and the clock set."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import torch
from training_runs import command_line, elsewhere, finish, made_up_rows, wait_for, write_csv

from apps.server.batching import Batcher
from apps.server.errors import report_errors
from seqcore.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
FIRST = ROOT / "tests" / "fixtures" / "translator-v1"


class SmallFiles:
    """Let this process write no file of more bytes: to it, that is a full disk.

    It writes no compiled modules, either: Python takes a cut one for whole, and would import it ever after.
    """

    def __init__(self, most: int) -> None:
        self.most = most

    def __call__(self) -> None:
        sys.dont_write_bytecode = True
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.most, resource.RLIM_INFINITY))


def predict_onto_a_full_disk(folder: Path) -> tuple[int, str]:
    """The status, and what the command line says."""
    from seqcore import cli

    said = (folder / "said").open("w+")
    sys.stderr = said
    SmallFiles(4000)()
    arguments = ["predict", str(FIRST), str(folder / "in"), "--output", str(folder / "out"), "--format", "jsonl"]
    status = cli.main([*arguments, "--device", "cpu"])
    said.seek(0)
    return status, said.read()


def test_a_full_disk_leaves_the_old_output_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("a dog runs\n" * 200)
    (tmp_path / "out").write_text("the old one")
    status, said = elsewhere(predict_onto_a_full_disk, tmp_path)
    assert status == 1
    assert "error: File too large" in said
    assert f"what was done before it stopped is in {tmp_path / 'out.partial'}" in said
    assert (tmp_path / "out").read_text() == "the old one"


def save_twice(path: Path) -> str:
    """The second time on a full disk."""
    from seqcore.training.resuming import AtomicCheckpointIO

    AtomicCheckpointIO().save_checkpoint({"weights": torch.zeros(9)}, path)
    SmallFiles(10_000)()
    try:
        AtomicCheckpointIO().save_checkpoint({"weights": torch.zeros(100_000)}, path)
    except OSError as error:
        return str(error)
    return "nothing was wrong"


def test_a_full_disk_leaves_the_old_state_of_training_and_nothing_half_written(tmp_path: Path) -> None:
    assert "too large" in elsewhere(save_twice, tmp_path / "last.ckpt")
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]
    assert len(torch.load(tmp_path / "last.ckpt", weights_only=True)["weights"]) == 9


def test_training_on_a_full_disk_says_so_and_leaves_no_checkpoint(tmp_path: Path) -> None:
    rows = write_csv(tmp_path / "rows.csv", made_up_rows(60))
    run = finish(command_line(rows, tmp_path / "run"), SmallFiles(50_000), timeout=180)
    assert run.status == 1
    assert "Traceback" not in run.said
    assert re.search(r"error: .*training cannot be written: .*File too large", run.last_line())
    assert not (tmp_path / "run" / "config.json").exists()
    assert not list((tmp_path / "run" / "training").glob("*.ckpt*"))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(28, "No space left on device", "/tmp/secret"), "The disk of the server is full: try again later."),
        (MemoryError(), "too much for the memory of the server"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "too much for the memory"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3 GiB"), "too much for the memory"),
        (FileNotFoundError(2, "No such file", f"{os.environ['GRADIO_TEMP_DIR']}/a/b.txt"), "choose it again"),
        (FileNotFoundError(2, "No such file", "/tmp/secret"), "Something went wrong inside the app"),
    ],
)
def test_what_the_machine_lacks_is_told_without_its_secrets(error: Exception, told: str) -> None:
    def work() -> None:
        raise error

    with pytest.raises(gr.Error, match=told) as caught:
        report_errors(work)()
    assert "/tmp" not in str(caught.value)


def greedy_worker() -> list[str]:
    """What callers hear of a worker that has little memory, one after the other."""
    torch.set_num_threads(1)
    size = 4096 * int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (size + 500_000_000, resource.RLIM_INFINITY))

    def work(items: list[int]) -> list[int]:
        if max(items) > 10**9:
            return [len(bytearray(item)) for item in items]
        return [torch.zeros(item).numel() for item in items]

    together: Batcher[int, int] = Batcher(work)
    answer = report_errors(lambda item: together(item))
    told = []
    for item in (10, 10**9, 11, 10**11, 12):
        try:
            told.append(str(answer(item)))
        except gr.Error as error:
            told.append(str(error.message))
    return told


def test_a_worker_that_runs_out_of_memory_says_so_and_works_on() -> None:
    told = elsewhere(greedy_worker)
    assert told[::2] == ["10", "11", "12"]
    assert all("too much for the memory" in one for one in told[1::2])


def test_one_bad_item_of_64_fails_alone() -> None:
    def work(items: list[int]) -> list[int]:
        if 37 in items:
            raise InputError("this one is bad")
        return [item * item for item in items]

    together: Batcher[int, int] = Batcher(work)
    answers = [together.submit(item) for item in range(64)]
    errors = [place for place, answer in enumerate(answers) if answer.exception(30)]
    assert errors == [37]
    assert [answer.result() for answer in answers if not answer.exception()] == [n * n for n in range(64) if n != 37]


OFF_LINE = """
import sys
from seqcore import cli
for command in (["predict", "nobody/nothing", "-"], ["info", "nobody/nothing"]):
    assert cli.main(command) == 1
from apps.server.models import LazyTask
from seqcore.errors import SeqcoreError
load = LazyTask("nobody/nothing", "cpu")
try:
    load()
except SeqcoreError as error:
    print("app:", error, file=sys.stderr)
"""


@pytest.mark.slow
def test_a_hub_id_without_a_network_fails_at_once_with_advice(tmp_path: Path) -> None:
    closed = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)}
    environment = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"} | closed
    done = subprocess.run(
        [sys.executable, "-c", OFF_LINE, "--checkpoint", "nobody/nothing"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    advice = "nobody/nothing is no folder here, and the hub cannot be reached: connect to it, or name a folder"
    assert done.stderr.splitlines() == [f"error: {advice}", f"error: {advice}", f"app: {advice}"]


def test_no_duration_is_taken_from_a_clock_that_can_be_set() -> None:
    for room in ("seqcore", "apps"):
        for path in (ROOT / room).rglob("*.py"):
            assert not re.search(r"\btime\.time\(|datetime\.(now|utcnow)\(", path.read_text(encoding="utf-8")), path


@contextmanager
def homeless_server(port: int, work: Path) -> Iterator[subprocess.Popen[str]]:
    """The translator's app, of a user who has no home and cannot make one."""
    mine = {"HOME": "/proc/nowhere", "TMPDIR": str(work), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    mine |= {"PYTHONDONTWRITEBYTECODE": "1"}  # see SmallFiles
    command = [sys.executable, "-m", "apps.translator", "--port", str(port), "--device", "cpu"]
    server = subprocess.Popen(
        [*command, "--checkpoint", str(FIRST)], cwd="/", env=mine | {"PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        wait_for(lambda: answers(port) or server.poll() is not None, 180)
        assert server.poll() is None, server.communicate()[0]
        yield server
    finally:
        server.kill()
        server.communicate()


def answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
    except (urllib.error.URLError, OSError):
        return False
    return True


def posted(address: str, body: bytes, kind: str = "application/json") -> Any:
    request = urllib.request.Request(address, body, {"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=60) as found:
        return json.load(found)


def translated(port: int) -> Any:
    body = json.dumps({"data": ["a dog runs", "en", "de", 5, 1.0]}).encode()
    return posted(f"http://127.0.0.1:{port}/gradio_api/run/translate", body)["data"][0]


def translated_file(port: int, lines: int) -> str:
    """A file of equal lines that goes up and comes down translated; or what was said instead."""
    api = f"http://127.0.0.1:{port}/gradio_api"
    head = b'--XX\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n'
    body = head + b"a dog runs\n" * lines + b"\r\n--XX--\r\n"
    path = posted(f"{api}/upload", body, "multipart/form-data; boundary=XX")[0]
    data = [{"path": path, "meta": {"_type": "gradio.FileData"}}, "en", "de", 5, 1.0]
    number = posted(f"{api}/call/translate_file", json.dumps({"data": data}).encode())["event_id"]
    with urllib.request.urlopen(f"{api}/call/translate_file/{number}", timeout=60) as events:
        kind, told = events.read().decode().splitlines()[-3:-1]
    answer = json.loads(told.removeprefix("data: "))
    if kind == "event: error":
        return str(answer["error"])
    with urllib.request.urlopen(f"{api}/file={answer[0]['path']}", timeout=60) as found:
        return str(found.read().decode())


def folders(work: Path) -> list[str]:
    return [path.name for path in work.glob("seqcore-server-*")]


@pytest.mark.slow
def test_a_server_without_a_home_is_killed_and_started_again(free_port: Callable[[], int], tmp_path: Path) -> None:
    port = free_port()
    with homeless_server(port, tmp_path) as server:
        said = translated(port)
        assert said
        left = folders(tmp_path)
        assert len(left) == 1
        server.kill()
    assert folders(tmp_path) == left, "nobody could remove it"
    with homeless_server(port, tmp_path) as server:
        assert translated(port) == said
        assert translated_file(port, 2) == f"{said}\n" * 2
        example = next((ROOT / "apps" / "captioner" / "examples").glob("*.jpg"))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/gradio_api/file={example}") as found:
            assert found.read() == example.read_bytes(), "examples are found from any working directory"
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))
        assert translated_file(port, 300) == "The disk of the server is full: try again later."
        assert not [path for path in tmp_path.rglob("*.de.txt*") if path.stat().st_size > 2 * len(f"{said}\n")]
        assert translated_file(port, 3) == f"{said}\n" * 3
        now = folders(tmp_path)
        assert len(now) == 1
        assert now != left, "what was left is gone"
        server.send_signal(signal.SIGTERM)
        told, _ = server.communicate(timeout=60)
    assert server.returncode == 0, told
    before, *logged = told.split("translate_file failed")
    assert "Traceback" not in before
    assert len(logged) == 1, "that the disk is full is for whoever keeps the server"
    assert folders(tmp_path) == [], "uploads do not outlive their server"
