"""A program lets its threads wait briefly for one another, before torch is imported; a library does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seqcore.runtime.threads import BRIEF_WAITS, wait_briefly

ROOT = Path(__file__).parents[2]
# Says what the environment is when torch is looked for.
CODE = """
import importlib, os, sys

class Finder:
    def find_spec(self, name, *others):
        if name == "torch":
            print(os.environ.get("OMP_WAIT_POLICY"), os.environ.get("GOMP_SPINCOUNT"), flush=True)
            os._exit(0)

sys.meta_path.insert(0, Finder())
importlib.import_module(sys.argv[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="OpenMP's threads are told so on Linux alone")
@pytest.mark.parametrize(
    ("module", "told"),
    [("seqcore.cli", "PASSIVE 1000"), ("apps.translator.finetune", "PASSIVE 1000"), ("seqcore.tasks", "None None")],
)
def test_programs_set_it_before_torch_is_imported_and_libraries_do_not(module: str, told: str) -> None:
    command = [sys.executable, "-c", CODE, module]
    done = subprocess.run(command, env={"PYTHONPATH": str(ROOT)}, cwd="/", capture_output=True, text=True, check=True)
    assert done.stdout.strip() == told


@pytest.mark.parametrize("name", BRIEF_WAITS)
def test_what_the_environment_says_already_stays(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for other in BRIEF_WAITS:
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "7")
    environment = {name: "7"}
    wait_briefly()
    assert {other: os.environ[other] for other in BRIEF_WAITS if other in os.environ} == environment
