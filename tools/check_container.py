"""Run what the Dockerfile says in a fresh folder, as a user without rights: ``make check-container`` calls this.

No image is built: what is checked is that the commands of RUN and CMD install and serve where nothing else is there. It
needs a package registry, 7 GB of disk and some minutes; started by root, everything runs as the user nobody.
"""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from check_install import copy_clone, report
from install import ROOT

PATIENCE = 180.0  # seconds until the first page


def commands(dockerfile: str) -> tuple[str, list[str]]:
    """The command that installs, which is the last RUN, and the one that serves, CMD."""
    runs = re.findall(r"^RUN (.+)$", dockerfile, re.MULTILINE)
    (serve,) = re.findall(r"^CMD (\[.+\])$", dockerfile, re.MULTILINE)
    return runs[-1], [str(part) for part in json.loads(serve)]


def check(folder: Path, home: Path) -> None:
    """Install and serve from a folder, as a user whose home is the other one."""
    copy_clone(folder)
    install, serve = commands((folder / "Dockerfile").read_text(encoding="utf-8"))
    options: dict[str, Any] = {"cwd": folder, "env": {"PATH": os.environ["PATH"], "HOME": str(home)}}
    options["env"] |= {"TORCH": "", "TORCH_INDEX": ""}
    if os.geteuid() == 0:
        options |= {"user": "nobody", "group": "nogroup", "extra_groups": []}
        for path in (folder, *folder.rglob("*"), home):
            shutil.chown(path, "nobody", "nogroup")
    done = subprocess.run(["sh", "-c", install], capture_output=True, text=True, **options)
    report("what RUN says installs everything", done.returncode == 0, done)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([*serve, "--port", str(port)], **options)
    try:
        report("what CMD says serves the pages", "seqcore" in first_page(f"http://127.0.0.1:{port}/", server))
    finally:
        server.terminate()
        server.wait(60)


def first_page(address: str, server: "subprocess.Popen[bytes]") -> str:
    """What a server answers, once it does; nothing where it ends or takes too long."""
    end = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=10) as answer:
            return str(answer.read().decode())
        time.sleep(0.5)
    return ""


def main() -> None:
    """The command line, which has no options."""
    # Beside this clone, so that packages are links to the installer's cache where there is one.
    with (
        tempfile.TemporaryDirectory(prefix=".check-", dir=ROOT.parent) as folder,
        tempfile.TemporaryDirectory() as home,
    ):
        check(Path(folder), Path(home))


if __name__ == "__main__":
    main()
