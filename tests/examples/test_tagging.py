"""The example of a task of one's own: it is trained, loaded, streamed and served as its first lines say."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

import seqcore
from examples.tagging import Tagger, sentences

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "tagging.py"
TEXTS = ["the fish can swim", "they can fish", "", "they can fish an old dog", "they unheard-of the dog"]


def command(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """As in the folder of the example."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = [sys.executable, *arguments]
    return subprocess.run(run, input=text, capture_output=True, text=True, cwd=EXAMPLE.parent, env=environment)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tagger that the example has trained."""
    folder = tmp_path_factory.mktemp("example") / "tagger"
    done = command("tagging.py", str(folder))
    assert done.returncode == 0, done.stderr
    assert "the/DET fish/NOUN can/AUX swim/VERB\nthey/PRON can/AUX fish/VERB" in done.stdout
    return folder


def test_it_is_short() -> None:
    assert len(EXAMPLE.read_text(encoding="utf-8").splitlines()) < 100


def test_it_is_loaded_and_streams_as_it_reads_whole_sentences(folder: Path) -> None:
    task = seqcore.load(folder)
    assert isinstance(task, Tagger)
    assert seqcore.load(folder, Tagger).config == task.config
    assert task.evaluate(sentences(100, random.Random(3)))["exact_match"] > 90
    for text, whole in zip(TEXTS, task.predict(TEXTS), strict=True):
        state, streamed = None, []
        for word in text.split():
            tag, state = task.step(word, state)
            streamed.append((word, tag))
        assert streamed == whole


@pytest.mark.slow
def test_it_is_served_by_the_command_line(folder: Path, tmp_path: Path) -> None:
    seqcore_ = ("-m", "seqcore.cli", "--import", "tagging")
    done = command(*seqcore_, "predict", str(folder), text="\n".join(TEXTS))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:3] == ["the/DET fish/NOUN can/AUX swim/VERB", "they/PRON can/AUX fish/VERB", ""]
    done = command(*seqcore_, "predict", str(folder), "--format", "jsonl", text=TEXTS[1])
    wanted = {"text": TEXTS[1], "words": ["they", "can", "fish"], "tags": ["PRON", "AUX", "VERB"]}
    assert json.loads(done.stdout) == wanted
    data = tmp_path / "rows.csv"
    data.write_text("text,pos\nthey can fish,PRON AUX VERB\n", encoding="utf-8")
    done = command(*seqcore_, "evaluate", str(folder), str(data), "--columns.tags", "pos")
    assert json.loads(done.stdout)["exact_match"] == 100, done.stderr
    assert json.loads(command(*seqcore_, "info", str(folder)).stdout)["task"] == "tagging"
