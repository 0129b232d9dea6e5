"""Packages that were being installed when something ended it."""

import csv
import re
from pathlib import Path

CONSTRAINTS = Path(__file__).resolve().parent.parent / "constraints.txt"


def incomplete_packages(site: Path) -> list[Path]:
    """Metadata folders of our packages, in a folder of packages, that were being installed when something ended it."""
    ours = {*re.findall(r"^([\w.-]+)==", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE), "seqcore-lstm"}
    folders = [folder for folder in site.glob("*.dist-info") if _name(folder) in ours]
    return [folder for folder in sorted(folders) if not _is_complete(folder)]


def _name(package: Path) -> str:
    return re.sub(r"[-_.]+", "-", package.name.partition("-")[0]).lower()


def _is_complete(package: Path) -> bool:
    try:
        with open(package / "RECORD", encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
        # What is compiled here may take the place of what came compiled.
        sizes = {package.parent / name: int(size) for name, _, size in rows if size and not name.endswith(".pyc")}
        whole = all(path.stat().st_size >= size for path, size in sizes.items())
    except (OSError, ValueError, csv.Error):
        return False
    return whole and package / "INSTALLER" in sizes  # this file is written last
