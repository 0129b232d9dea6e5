"""What docs/api.md says to type works."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "http://127.0.0.1:7860"
TEXT = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
FENCED = re.findall(r"^```(\w*)\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


def run(language: str, number: int, server: str) -> str:
    """What comes of a block of code."""
    code = [code for named, code in FENCED if named == language][number].replace(ADDRESS, server)
    command = [sys.executable, "-c", code] if language == "python" else ["sh", "-ec", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_examples_in_python_run(tiny_site: str) -> None:
    described, translation, caption, explained = run("python", 0, tiny_site).rstrip().rsplit("\n", 3)
    assert "Named API endpoints: 16" in described
    assert translation.endswith("runs.")
    assert caption.endswith("square.")
    assert re.search(r"runs\. \[\{'text': '.*', 'score': -\d", explained)
    tools = run("python", 1, tiny_site).splitlines()
    assert len(tools) == 17
    assert tools[0].startswith("caption Describe an image")
    assert tools[-1].endswith("square.")


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_the_commands_run(tiny_site: str) -> None:
    assert '"data":["' in run("sh", 0, tiny_site)
    assert run("sh", 1, tiny_site).startswith("event: complete\ndata: [")
    assert "square." in run("sh", 2, tiny_site)
    assert {language for language, _ in FENCED} == {"python", "sh"}
    assert len(FENCED) == 5
