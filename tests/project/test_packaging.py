"""The wheel: what it holds, and that the core alone imports from it anywhere."""

import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from training_runs import command_line, made_up_rows, write_csv

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE_THE_WHEEL = ("apps", "benchmarks", "checkpoints", "tests")
NOT_AT_IMPORT = (
    "av", "captum", "datasets", "gradio", "huggingface_hub", "jsonargparse", "lightning", "matplotlib", "PIL",
    "pycocoevalcap", "sacrebleu", "safetensors", "sentencepiece", "tensorboard", "timm", "torchtext", "torchvision",
)  # fmt: skip


def commands_of_cards() -> list[str]:
    """What model cards say to type for a training, or for its data."""
    cards = "\n".join(card.read_text(encoding="utf-8") for card in sorted(ROOT.glob("checkpoints/*/README.md")))
    return sorted({*re.findall("^seqcore (?:train|corpus) .*", cards.replace("\\\n", " "), re.MULTILINE)})


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources with what is installed: no network, nothing left in the clone."""
    folder = tmp_path_factory.mktemp("packaging")
    sources = folder / "sources"
    sources.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, sources)
    for name in ("seqcore", *OUTSIDE_THE_WHEEL):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"))
    run("-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder, sources, cwd=folder)
    (built,) = folder.glob("seqcore_lstm-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the wheel is installed, without what it depends on."""
    target = tmp_path_factory.mktemp("installed")
    run("-m", "pip", "install", "--no-deps", "--no-index", "--target", target, wheel, cwd=target)
    return target


def test_the_wheel_holds_the_library_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"seqcore", f"seqcore_lstm-{version(wheel)}.dist-info"}
    assert "seqcore/py.typed" in names
    in_clone = {str(path.relative_to(ROOT)) for path in (ROOT / "seqcore").rglob("*.py")}
    assert "seqcore/recipes/configs/multi30k.yaml" in names
    assert {name for name in names if name.endswith(".py")} == in_clone


def test_the_wheel_says_what_it_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        folder = f"seqcore_lstm-{version(wheel)}.dist-info"
        metadata = archive.read(f"{folder}/METADATA").decode()
        assert "seqcore = seqcore.cli:main" in archive.read(f"{folder}/entry_points.txt").decode()
        assert f"{folder}/licenses/LICENSE" in archive.namelist()
    assert "License-Expression: Apache-2.0" in metadata
    assert {"vision", "train", "apps", "all", "ray", "dev"} == {
        line.removeprefix("Provides-Extra: ") for line in metadata.splitlines() if line.startswith("Provides-Extra: ")
    }


def test_the_core_imports_from_elsewhere_and_loads_torch_alone(installed: Path, tmp_path: Path) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(installed)!r})\n"
        "import torch; before = set(sys.modules)\n"
        "import seqcore; print(seqcore.__file__)\n"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    where, added, loaded = run("-P" if sys.version_info >= (3, 11) else "-E", "-c", program, cwd=tmp_path).splitlines()
    assert Path(where) == installed / "seqcore" / "__init__.py"
    assert {name for name in added.split() if name not in sys.stdlib_module_names} == {"seqcore"}
    assert not set(NOT_AT_IMPORT).intersection(loaded.split())


def test_public_names_come_from_the_wheel_without_the_extras(installed: Path, tmp_path: Path) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(installed)!r})\n"
        "import seqcore; names = [getattr(seqcore, name) for name in seqcore.__all__ if name != 'fit']\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))\n"
        "sys.modules['lightning'] = None\n"
        "try: seqcore.fit\n"
        "except seqcore.SettingsError as error: print(error)\n"
    )
    loaded, message = run("-c", program, cwd=tmp_path).splitlines()
    extras = {"av", "captum", "datasets", "gradio", "lightning", "matplotlib", "timm", "torchvision"}
    assert not extras.intersection(loaded.split())
    assert message == "training needs lightning: pip install 'seqcore-lstm[train]'"


@pytest.mark.slow
def test_the_wheel_trains_without_the_clone(installed: Path, tmp_path: Path) -> None:
    """What depends on nothing but the wheel: a CSV file in a fresh folder becomes a model that answers."""
    write_csv(tmp_path / "my.csv", made_up_rows(60))
    arguments = command_line(Path("my.csv"), Path("mine"), training__epochs=1, training__average=1)
    said = seqcore(installed, "train", "translation", *arguments, cwd=tmp_path)
    assert said.splitlines()[-1] == "To try it: seqcore predict mine"
    (tmp_path / "lines.txt").write_text("a dog sleeps\n", encoding="utf-8")
    assert len(seqcore(installed, "predict", "mine", "lines.txt", cwd=tmp_path).splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("command", commands_of_cards())
def test_commands_of_model_cards_take_their_options(command: str, installed: Path, tmp_path: Path) -> None:
    program, *arguments = shlex.split(command)
    assert program == "seqcore"
    assert "output: runs/" in seqcore(installed, *arguments, "--print-config", cwd=tmp_path)


def seqcore(installed: Path, *arguments: str, cwd: Path) -> str:
    """Run the command line from the installed wheel alone, wherever else Python looks for packages."""
    program = (
        "import sys; from pathlib import Path\n"
        "sys.path[:] = [place for place in sys.path if place and not (Path(place) / 'seqcore').exists()]\n"
        "sys.meta_path[:] = [finder for finder in sys.meta_path if 'editable' not in repr(finder).lower()]\n"
        f"sys.path.insert(0, {str(installed)!r})\n"
        f"import seqcore; assert seqcore.__file__.startswith({str(installed)!r}), seqcore.__file__\n"
        "from seqcore.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    return run("-c", program, *arguments, cwd=cwd)


def version(wheel: Path) -> str:
    return wheel.name.split("-")[1]


def run(*arguments: str | Path, cwd: Path) -> str:
    """Run this Python in another folder; its output. A failure shows what it wrote."""
    done = subprocess.run([sys.executable, *map(str, arguments)], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
