"""Run the tests in environments of their own: ``python tools/check_environments.py --help``.

`make check-pythons`, `make check-newest` and `make check-lowest` call this. The environments lie in ``.environments``.
"""

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from install import ROOT, Environment

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
_FAST = ("-m", "not slow")


class Check(NamedTuple):
    """One environment, and what is run in it."""

    name: str
    python: str  # of PYTHONS
    versions: str  # of install.OPTIONS
    tests: tuple[str, ...]  # arguments of pytest


_EACH = {version: [Check(f"python{version}", version, "tested", ())] for version in PYTHONS}
CHECKS = {
    **_EACH,
    "pythons": [check for checks in _EACH.values() for check in checks],
    "newest": [Check("newest", PYTHONS[-1], "newest", _FAST)],
    # Pages are tied to one gradio, so a browser would see nothing new.
    "lowest": [Check("lowest", PYTHONS[0], "lowest", ("-m", "not slow and not browser"))],
}


def find_python(version: str) -> str | None:
    """A Python of a version such as 3.12: the latest that pyenv has, else the one on the path; None without either."""
    listed = _output("pyenv", "versions", "--bare").split()
    ours = sorted((name for name in listed if re.fullmatch(rf"{re.escape(version)}\.\d+", name)), key=_patch)
    candidates = [f"{_output('pyenv', 'prefix', name)}/bin/python" for name in reversed(ours)]
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return next((one for one in (*candidates, f"python{version}") if _output(one, "-c", code) == version), None)


def run(check: Check, arguments: Sequence[str]) -> str:
    """Install and test; one line that says what came out, which begins with the check's name and "passed" or not."""
    python = find_python(check.python)
    if python is None:
        return f"{check.name}: failed, there is no Python {check.python} (pyenv install {check.python})"
    folder = ROOT / ".environments" / check.name
    print(f"\n{check.name}: {_output(python, '--version')}, {check.versions} versions", flush=True)
    install: list[str | Path] = [python, ROOT / "tools" / "install.py", folder]
    install += ["--extras", "all,ray,dev", "--versions", check.versions]
    if subprocess.run(install).returncode:
        return f"{check.name}: failed, it could not be installed"
    start = time.monotonic()
    command: list[str | Path] = [Environment(folder).python, "-m", "pytest", "--numprocesses", "logical"]
    command += ["--maxprocesses", "4", "--dist", "worksteal", *check.tests, *arguments]
    last = ""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, errors="replace") as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            last = line.strip(" =\n") or last
    outcome = f"failed ({process.returncode})" if process.returncode else "passed"
    return f"{check.name}: {outcome}, {last} ({(time.monotonic() - start) / 60:.1f} minutes)"


def _output(program: str, *arguments: str) -> str:
    try:
        return subprocess.run([program, *arguments], capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


def _patch(version: str) -> int:
    return int(version.rpartition(".")[2])


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("check", choices=CHECKS, help="a Python, all Pythons, or the newest or lowest versions")
    parser.add_argument("tests", nargs=argparse.REMAINDER, help="further arguments of pytest")
    options = parser.parse_args()
    try:
        outcomes = [run(check, options.tests) for check in CHECKS[options.check]]
    except KeyboardInterrupt:
        return 130
    print("", *outcomes, sep="\n")
    return int(any(": passed" not in outcome for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
