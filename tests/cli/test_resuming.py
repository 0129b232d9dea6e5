"""`seqcore predict` in parts: by several processes, stopped and gone on with, a shard at a time."""

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from counting_task import Counting, counting_checkpoint
from PIL import Image

from seqcore.cli import journal, main

ROWS = 60
# How a file is called, and how its answers.
KINDS = [
    ("a.txt", "out.txt"), ("a.txt", "out.jsonl"), ("a.txt.gz", "out.txt.gz"), ("a.csv", "out.csv"),
    ("a.csv", "out.tsv"), ("a.csv.gz", "out.csv.gz"), ("a.jsonl", "out.jsonl"), ("a.csv", "out.jsonl"),
    ("a.csv", "out.json"), ("a.csv", "out.parquet"),
]  # fmt: skip


@pytest.fixture
def shouting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(journal, "SECONDS_BETWEEN", 0.0)
    return str(counting_checkpoint(tmp_path / "it", shout=True))


def written(path: Path, rows: int = ROWS) -> Path:
    """A file of so many texts, one of which is refused, and the last of which no line break ends."""
    texts = ["bad" if number == 6 else f"line {number}" for number in range(rows)]
    suffix = path.name.removesuffix(".gz").rpartition(".")[2]
    lines = {
        "txt": texts,
        "csv": ["\ufeffn,text", *(f'{number},"{text},\n"' for number, text in enumerate(texts))],
        "jsonl": [json.dumps({"text": text, "n": number}) for number, text in enumerate(texts)],
    }[suffix]
    data = "\n".join(lines).encode().replace(b"bad,\n", b"bad")
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def predict(it: str, source: Path | str, output: Path, *more: str) -> int:
    format_ = ["--format", "jsonl"] if output.suffix == ".jsonl" and ".txt" in str(source) else []
    return main(["predict", it, str(source), "--output", str(output), *format_, *more])


def contents(path: Path) -> Any:
    """What is in a file; how it is compressed may differ."""
    if path.suffix == ".parquet":
        from pyarrow import parquet

        return parquet.read_table(path).to_pylist()
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def stop_at(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Stop, as by Ctrl-C, when this text is to be answered for the first time."""
    answer, is_stopped = Counting.predict, False

    def predict(self: Counting, inputs: Sequence[str], *, n_best: int | None = None) -> list[Any]:
        nonlocal is_stopped
        if not is_stopped and any(text in one for one in inputs):
            is_stopped = True
            raise KeyboardInterrupt
        return answer(self, inputs, n_best=n_best)

    monkeypatch.setattr(Counting, "predict", predict)


@pytest.mark.parametrize(("name", "out"), KINDS)
def test_a_run_that_was_stopped_is_gone_on_with(
    name: str,
    out: str,
    shouting: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source, whole, output = written(tmp_path / name), tmp_path / f"whole-{out}", tmp_path / out
    partial, beside = tmp_path / f"{out}.partial", tmp_path / f"{out}.journal"
    assert predict(shouting, source, whole) == 1  # one is refused
    stop_at(monkeypatch, "line 50")
    assert predict(shouting, source, output, "--resume") == 130
    assert json.loads(beside.read_text())["done"] == 48
    assert "--resume goes on with it" in capsys.readouterr().err
    with partial.open("ab") as file:
        file.write(b"half a li")  # What was written after the journal counts for nothing.
    assert predict(shouting, source, output) == 1
    assert "holds the first 48 answers of this very command: add --resume" in capsys.readouterr().err
    assert predict(shouting, source, output, "--resume") == 1  # one was refused before
    assert contents(output) == contents(whole)
    assert not partial.exists()
    assert not beside.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, out, whole.name, "it"])


def test_what_is_not_the_same_run_is_not_gone_on_with(
    shouting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = written(tmp_path / "a.txt"), tmp_path / "out.jsonl"
    stop_at(monkeypatch, "line 50")
    assert predict(shouting, source, output) == 130
    text = source.read_text()
    for more, changed, message in (
        (["--n-best", "2"], text, "before: the options"),
        (["--shard", "1/2"], text, "before: --shard"),
        ([], text + "more", "before: the input"),
        ([], text.replace("line 1\n", "lime 1\n"), "the input is not what it was"),
    ):
        source.write_text(changed)
        assert predict(shouting, source, output, "--resume", *more) == 1
        assert message in capsys.readouterr().err
    source.write_text(text)
    config, partial = tmp_path / "it" / "config.json", tmp_path / "out.jsonl.partial"
    settings = config.read_text()
    config.write_text(settings.replace("true", "false"))
    assert predict(shouting, source, output, "--resume") == 1
    assert "before: the checkpoint" in capsys.readouterr().err
    config.write_text(settings)
    partial.write_bytes(partial.read_bytes()[:-1])
    assert predict(shouting, source, output, "--resume") == 1
    assert "was cut short" in capsys.readouterr().err
    assert main(["predict", shouting, str(source), "--resume"]) == 1
    assert "name it with --output" in capsys.readouterr().err


def test_standard_input_is_gone_on_with_where_it_was(
    shouting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = written(tmp_path / "a.txt").read_bytes()
    stop_at(monkeypatch, "line 50")
    for status in (130, 1):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        assert predict(shouting, "-", tmp_path / "out.txt", "--resume") == status
    lines = (tmp_path / "out.txt").read_text().split("\n")
    assert lines == ["" if number == 6 else f"LINE {number}" for number in range(ROWS)] + [""]


@pytest.mark.parametrize(("name", "out"), [kind for kind in KINDS if kind[1] != "out.json"])
def test_shards_joined_in_order_are_the_whole(name: str, out: str, shouting: str, tmp_path: Path) -> None:
    source, whole = written(tmp_path / name, 8), tmp_path / f"whole-{out}"
    assert predict(shouting, source, whole) == 1
    for count in (2, 9):
        parts = [tmp_path / f"{number}-{out}" for number in range(1, count + 1)]
        statuses = [predict(shouting, source, part, "--shard", f"{n}/{count}") for n, part in enumerate(parts, 1)]
        assert sum(statuses) == 1  # that which holds the one that is refused
        if out.endswith(".parquet"):
            assert [row for part in parts for row in contents(part)] == contents(whole)
        else:
            joined = tmp_path / f"joined-{out}"
            joined.write_bytes(b"".join(part.read_bytes() for part in parts))
            assert contents(joined) == contents(whole)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{txt}", "--shard", "0/3"], "not '0/3'"),
        (["{txt}", "--shard", "4/3"], "not '4/3'"),
        (["{txt}", "--shard", "half"], "not 'half'"),
        (["-", "--shard", "1/3"], "standard input cannot tell"),
        (["{csv}", "--shard", "1/3", "--output", "{csv}.json"], "parts of a JSON array cannot be joined"),
        (["{txt}", "--workers", "-1"], "workers must be a whole number from 0 to 256, not -1"),
        (["{txt}", "--workers", "2", "--device", "cuda"], "--workers are processes on the CPU"),
        (["{txt}", "--resume", "--output", "/dev/null"], "is no file that a run could go on with"),
    ],
)
def test_parts_that_cannot_be_are_told(
    shouting: str, tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"txt": written(tmp_path / "a.txt", 9), "csv": written(tmp_path / "a.csv", 9)}
    assert main(["predict", shouting, *(part.format(**files) for part in arguments)]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_two_workers_write_what_one_writes(shouting: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = written(tmp_path / "a.txt", 200)
    assert predict(shouting, source, tmp_path / "1.txt") == 1
    one = capsys.readouterr()
    assert predict(shouting, source, tmp_path / "2.txt", "--workers", "2") == 1
    assert capsys.readouterr() == one
    assert (tmp_path / "1.txt").read_bytes() == (tmp_path / "2.txt").read_bytes()


def patient_command(folder: Path, source: Path, output: Path, *more: str) -> list[str]:
    """A command whose every answer takes a while."""
    command = [sys.executable, "-m", "seqcore.cli", "--import", "patient_task", "predict", str(folder), str(source)]
    return [*command, "--output", str(output), *more]


@pytest.mark.slow
def test_a_run_of_two_workers_is_killed_three_times(tmp_path: Path) -> None:
    from patient_task import patient_checkpoint

    it, source, output = patient_checkpoint(tmp_path / "it"), tmp_path / "a.txt", tmp_path / "out.txt"
    lines = [f"line {number}" for number in range(3000)]
    source.write_text("\n".join(lines))
    beside = tmp_path / "out.txt.journal"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = patient_command(it, source, output, "--workers", "2", "--resume")
    done = 0
    for kill in range(3):
        with subprocess.Popen(command, env=environment, start_new_session=True) as process:
            while done == (done := json.loads(beside.read_text())["done"] if beside.exists() else 0):
                assert process.poll() is None
                time.sleep(0.02)
            if kill % 2:
                process.kill()  # The workers end by themselves.
            else:
                os.killpg(process.pid, signal.SIGKILL)
    assert not output.exists()
    assert subprocess.run(command, env=environment).returncode == 0
    assert output.read_text().splitlines() == [line.upper() for line in lines]


@pytest.mark.slow
def test_two_workers_answer_tables_documents_and_files_alike(
    shouting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from seqcore.tasks.captioning import Captioner, CaptionerConfig

    config = CaptionerConfig("mobilenetv3_small_050", 32, vocab_size=300, embedding_size=8, hidden_size=8, num_layers=1)
    captioner = str(tmp_path / "captioner")
    Captioner.create(config, [{"captions": ["a red square", "a blue square"] * 20}]).save_pretrained(captioner)
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(50):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(photos / f"{number:03}.png")
    (photos / "030.png").write_bytes(b"no image")
    monkeypatch.setattr(Counting, "rewrites", True)
    page = tmp_path / "page.md"
    page.write_text("# a dog\n\n`code`\n\nbad\n\n" + "a cat\n\n" * 40, encoding="utf-8")
    table = written(tmp_path / "a.csv", 100)
    for name, it, source in (
        ("page.md", shouting, page),
        ("out.csv", shouting, table),
        ("out.parquet", shouting, table),
        ("out.jsonl", captioner, photos),
    ):
        told = []
        for workers in ("1", "2"):
            arguments = [it, str(source), "--output", str(tmp_path / f"{workers}-{name}"), "--workers", workers]
            more = ["--format", "jsonl"] if it == captioner else []
            assert main(["predict", *arguments, *more]) == 1
            told.append(capsys.readouterr())
        assert told[0] == told[1]
        assert contents(tmp_path / f"1-{name}") == contents(tmp_path / f"2-{name}")
