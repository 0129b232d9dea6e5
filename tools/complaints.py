"""What installers complain about, in one line that says what to do."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

REGISTRY = "the package registry"
_COMPLAINT = re.compile(r"\s*(error|×|warning: retrying)", re.IGNORECASE)
# What installers complain about, and what there is to do. The first that fits is said.
_CAUSES = {
    r"no space left|os error 28\b|errno 28\b|disk quota": (
        "the disk is full ({free} are free at {folder}): make room, then run the same command again"
    ),
    r"permission denied|read-only file system|os error (13|30)\b|errno (13|30)\b": (
        "a file may not be written ({line}): run this as the user who owns the place"
    ),
    r"dns error|name resolution|\bconnect|timed? ?out|sending request|failed to (fetch|download)|response body|"
    r"\btunnel|\bproxy|unexpected eof|retrying|certificate|http status|broken pipe|network (is|was)": (
        "{registry} cannot be reached, or the connection was cut off: check the network and the proxy (HTTPS_PROXY), "
        "then run the same command again; what has come stays"
    ),
    r"no solution found|no matching distribution|could not find a version|conflicting dependencies": (
        "{registry} cannot be reached, or lacks a package in a version that fits: check the network, and that this "
        "Python is one of 3.10 to 3.13"
    ),
}


class InstallError(Exception):
    """Why not everything was installed: one line that says what to do."""


def explanation(written: Sequence[str], folder: Path, registry: str = REGISTRY) -> str:
    """What the lines of an installer that failed mean for whoever waits for a folder."""
    first = next((number for number, line in enumerate(written) if _COMPLAINT.match(line)), 0)
    for pattern, advice in _CAUSES.items():
        for line in written[first:]:
            if re.search(pattern, line, re.IGNORECASE):
                return advice.format(folder=folder, free=free_space(folder), line=line.strip(), registry=registry)
    line = "".join(written[first : first + 1]).strip() or "it said nothing"
    return f"the installer failed: {line} ({folder / 'install.log'} has it all)"


def free_space(folder: Path) -> str:
    """What is free where a folder is or will be."""
    here = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    return f"{shutil.disk_usage(here).free / 1e9:.1f} GB"
