"""The house: a room of the library imports from the floors below its own, never from above and never in a circle."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# From the cellar to the roof. ``seqcore`` itself is the front door, whose public names are those of the tasks.
FLOORS = (
    {"deprecation", "errors", "lazy"},
    {"validation"},
    {"weights"},
    {"batching", "checkpoint", "nn"},
    {"data", "decoding", "explain", "media", "metrics", "text"},
    {"tasks"},
    {"runtime", "training"},
    {"seqcore"},
    {"recipes"},
    {"cli"},
)


def imported(source: str) -> Iterator[str]:
    """The modules of this repository that a source imports, wherever in it, and the packages it takes names from."""
    for node in ast.walk(ast.parse(source)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports name their module in full"
            names = [f"{node.module}", *(f"{node.module}.{name}" for name in names)]
        yield from (name for name in names if name in MODULES or name.split(".")[0] in {"apps", "benchmarks", "tests"})


def room(module: str) -> str:
    return module.removeprefix("seqcore.").split(".")[0]


MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in (ROOT / "seqcore").rglob("*.py")
}
IMPORTS = {module: {*imported(path.read_text(encoding="utf-8"))} for module, path in MODULES.items()}
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}


def test_every_room_has_a_floor() -> None:
    assert {room(module) for module in MODULES} == FLOOR.keys()


def test_rooms_import_from_below() -> None:
    between = {(one, other) for one, others in IMPORTS.items() for other in others if room(one) != room(other)}
    assert not {(one, other) for one, other in between if FLOOR.get(room(other), len(FLOORS)) >= FLOOR[room(one)]}


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert {*TopologicalSorter(IMPORTS).static_order()} >= MODULES.keys()  # a circle raises CycleError, and names it


def test_names_taken_from_the_package_are_imports_of_it() -> None:
    assert [*imported("def read():\n    from seqcore import metrics")] == ["seqcore", "seqcore.metrics"]


# Beside the library, an app is built on the page's skeleton, that on the server, and that on what pages are made of.
APPS = {"captioner", "inside", "sentiment", "translator", "video"}
WINGS = ({"ui"}, {"server"}, {"endpoints", "page"}, APPS, {"__main__"})


def test_wings_of_the_apps_import_from_below_and_no_app_from_another() -> None:
    floor = {name: number for number, names in enumerate(WINGS) for name in names}
    for path in (ROOT / "apps").rglob("*.py"):
        wing = path.relative_to(ROOT / "apps").with_suffix("").parts[0]
        others = {name.split(".")[1] for name in imported(path.read_text(encoding="utf-8")) if name.startswith("apps.")}
        assert all(other == wing or floor[other] < floor[wing] for other in others), path
