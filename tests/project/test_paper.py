"""What is written about the house is so: links lead somewhere, files that are named are there, versions agree."""

import re
from pathlib import Path

import pytest
from check_container import commands

import seqcore

ROOT = Path(__file__).resolve().parents[2]
PAPERS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/architecture.md")


@pytest.mark.parametrize("name", PAPERS)
def test_links_lead_to_files(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    targets = {target for target in re.findall(r"\]\(([^)#]+)", text) if "://" not in target}
    assert not {target for target in targets if not (ROOT / name).parent.joinpath(target).exists()}


def test_the_plan_of_the_house_names_rooms_and_files_that_are_there() -> None:
    """A name of a file alone is one of the room that the sentence has last named."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    files = [
        str(path.relative_to(ROOT))
        for folder in ("seqcore", "apps", "tests", "examples")
        for path in (ROOT / folder).rglob("*.py")
    ]
    named = set(re.findall(r"`([\w/]+\.py)`", text))
    assert len(named) > 20
    assert not {name for name in named if not any(file == name or file.endswith(f"/{name}") for file in files)}
    rooms = {path.name for path in (ROOT / "seqcore").iterdir() if path.is_dir() and not path.name.startswith("_")}
    table = text.partition("## Rooms and floors")[2].partition("\n## ")[0]
    assert not {room for room in rooms if f"`{room}/`" not in table and f"`{room}.py`" not in table}


def test_a_container_serves_as_a_user_without_rights_what_it_was_given() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    install, serve = commands(dockerfile)
    assert "tools/install.py .venv" in install
    assert serve[1:3] == ["-m", "apps"]
    assert re.search(r"^USER (?!root)\w+$", dockerfile[: dockerfile.index(install)], re.MULTILINE)
    given = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {"!apps", "!checkpoints", "!seqcore", "!tools", "!pyproject.toml", "!constraints.txt"} <= set(given)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("[!_]*.py")), ids=lambda path: path.name)
def test_examples_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 100


def test_versions_agree() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {seqcore.__version__}\n" in citation
    assert f"\n## {seqcore.__version__}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
