"""What `make` installs, and what it says where it cannot. `make check-install` does the same with a real registry."""

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from check_environments import find_python
from complaints import InstallError, explanation
from install import ROOT, Environment, registry_of_pip
from packages import CONSTRAINTS, incomplete_packages
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from seqcore.errors import DISTRIBUTION, install_command

PYTHONS = ("3.10.0", "3.11.0", "3.12.0", "3.13.0")
LINES = [line for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def declared() -> list[Requirement]:
    """What pyproject.toml asks for, extras included, but for the package itself."""
    lists = re.findall(r"^\w+ = \[(.*?)\]$", PROJECT.partition("[tool.")[0], re.DOTALL | re.MULTILINE)
    texts = re.findall(r'"([\w.\-]+(?:\[[\w,]+\])?(?:[<>=~!][^"]*))"', "\n".join(lists))
    return [Requirement(text) for text in texts if not text.startswith("setuptools")]


def pinned(python: str) -> dict[str, str]:
    """The versions for a Python, on Linux."""
    here = {"python_full_version": python, "python_version": python[:4], "sys_platform": "linux"}
    pins = [Requirement(line) for line in LINES]
    chosen = [pin for pin in pins if pin.marker is None or pin.marker.evaluate(here | {"platform_system": "Linux"})]
    assert len({pin.name for pin in chosen}) == len(chosen)
    return {pin.name: str(pin.specifier).removeprefix("==") for pin in chosen}


def test_constraints_are_names_and_versions() -> None:
    pattern = r"[a-z0-9][a-z0-9.\-]*==[0-9][0-9a-z.!]*( ; [a-z_(].*)?"
    assert [line for line in LINES if not re.fullmatch(pattern, line) or "/" in line or "@" in line] == []


@pytest.mark.parametrize("python", PYTHONS)
def test_what_was_tested_together_is_allowed_and_complete(python: str) -> None:
    pins = pinned(python)
    wanted = declared()
    assert {"torch", "av", "gradio", "datasets", "pytest", "ruff"} <= {requirement.name for requirement in wanted}
    for requirement in wanted:
        name = requirement.name.lower().replace("_", "-")
        assert pins[name] in requirement.specifier, requirement
    assert "uv" in pins  # which installs the rest


@pytest.mark.parametrize(("name", "next_version"), [("gradio", "6.32.0"), ("av", "20.0.0"), ("lightning", "3.0.0"),
                                                    ("datasets", "6.0.0"), ("timm", "2.0.0"),
                                                    ("ray", "3.0.0")])  # fmt: skip
def test_what_breaks_between_versions_has_an_upper_bound(name: str, next_version: str) -> None:
    bounds = [requirement.specifier for requirement in declared() if requirement.name == name]
    assert bounds
    assert not any(next_version in bound for bound in bounds)


def test_no_message_and_no_page_names_the_package_of_a_stranger() -> None:
    assert f'name = "{DISTRIBUTION}"' in PROJECT
    texts = [ROOT / "README.md", *(ROOT / "seqcore").rglob("*.py"), *(ROOT / "apps").rglob("*.py")]
    stranger = re.compile(r"(install|add) (-\S+ )*['\"]?seqcore\b(?!-lstm)")
    assert [path for path in texts if stranger.search(path.read_text(encoding="utf-8"))] == []


def test_the_hint_installs_what_is_missing() -> None:
    """Asked of pip itself: the name means what is installed, so nothing of that name is looked for anywhere."""
    command = install_command("all")
    assert command == "pip install 'seqcore-lstm[all]'"
    arguments = [sys.executable, "-m", *command.replace("'", "").split(), "--dry-run", "--no-index"]
    settings = {**os.environ, "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run(arguments, env=settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Would install" not in done.stdout


def test_the_hint_of_a_clone_that_is_not_installed_names_the_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqcore.errors.DISTRIBUTION", "seqcore-that-is-not-installed")
    assert install_command("train") == f"pip install --editable '{ROOT}[train]'"


# What is in the way before anything is installed


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What `make` needs of a clone."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def refused(clone: Path, *arguments: str, **environment: str) -> str:
    """The one line in which `make` says why it does not begin."""
    told = r"MAKE.*|MFLAGS|PYTHON|WANTED_PYTHON|RUNNER|TORCH|TORCH_INDEX|APP|ARGS"
    own = {name: value for name, value in os.environ.items() if not re.fullmatch(told, name)}
    command = ["make", "environment", *arguments]
    done = subprocess.run(command, cwd=clone, env=own | environment, capture_output=True, text=True)
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if line and not re.match(r"make(\[\d+\])?: ", line)]
    assert len(lines) == 1, done.stderr
    return lines[0]


def program(path: Path, code: str) -> str:
    path.write_text(f"#!/bin/sh\n{code}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_a_python_that_is_missing_or_too_old_is_told(clone: Path) -> None:
    assert refused(clone, "PYTHON=no-python") == (
        "error: no-python was not found: install Python 3.10 or newer, or name one with PYTHON=..."
    )
    old = program(clone / "an old one", "exit 1")
    assert refused(clone, f"PYTHON={old}").startswith(f"error: {old} is older than Python 3.10")
    assert not (clone / ".venv").exists()


def test_another_python_than_that_of_the_environment_is_told(clone: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", clone / ".venv"], check=True)
    other = program(clone / "other", "echo 3.99.1")
    for arguments, environment in (((f"PYTHON={other}",), {}), ((), {"PYTHON": other})):
        message = refused(clone, *arguments, **environment)
        assert f"and {other} is 3.99.1: `make clean` removes it" in message
    assert "and no-python is none that runs" in refused(clone, "PYTHON=no-python")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["TORCH=cpu"], "TORCH=cpu needs TORCH_INDEX=..."),
        (["TORCH=rocm"], "TORCH=rocm is not known: cpu, or nothing"),
        (["TORCH_INDEX=https://index.example/cpu"], "TORCH_INDEX is for TORCH=cpu"),
    ],
)
def test_torch_is_told_where_it_comes_from(clone: Path, options: list[str], message: str) -> None:
    assert message in refused(clone, *options, f"PYTHON={sys.executable}")


def test_an_app_that_is_none_is_told_before_anything_is_installed(clone: Path) -> None:
    for name in ("environment", "it's", "translator video"):
        done = subprocess.run(["make", "demo", f"APP={name}"], cwd=clone, capture_output=True, text=True)
        told = f"error: there is no app {name}: captioner sentiment translator video inside, or nothing for all"
        assert done.stderr.splitlines()[0] == told
    assert not (clone / ".venv").exists()


def test_apps_are_those_of_the_makefile() -> None:
    named = re.search(r"^APPS := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {*named[1].split()} == {path.parent.name for path in (ROOT / "apps").glob("*/__main__.py")}  # type: ignore[index]


def test_a_folder_that_is_no_environment_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(InstallError, match=r"mine is there and no virtual environment: move it away first"):
        Environment(tmp_path / "mine").make()
    assert (tmp_path / "mine" / "letter.txt").exists()


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_without_the_venv_module_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not there
    with pytest.raises(InstallError, match=r"install its venv module .*python3\.\d+-venv"):
        Environment(tmp_path / "new").make()


# What happens on the way


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """An environment with uv and nothing else."""
    folder = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (folder / "bin" / "uv").symlink_to(Path(sys.executable).parent / "uv")
    return folder


def hang_up(server: socket.socket) -> None:
    """Say yes to every call, as a proxy does, and end it."""
    while True:
        try:
            caller, _ = server.accept()
        except OSError:
            return
        with caller:
            caller.recv(65536)
            caller.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")


@pytest.mark.parametrize("cut", [False, True], ids=["no network", "a proxy that cuts off"])
def test_without_a_network_one_line_says_so(
    environment: Path, cut: bool, free_port: Callable[[], int], tmp_path: Path
) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as server:
        if cut:
            threading.Thread(target=hang_up, args=(server,), daemon=True).start()
        else:
            server.close()
        proxies = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), f"http://127.0.0.1:{port}")
        settings = {**os.environ, **proxies, "NO_PROXY": "", "no_proxy": "", "UV_HTTP_RETRIES": "0"}
        settings |= {"UV_DEFAULT_INDEX": "https://index.example/simple", "UV_CACHE_DIR": str(tmp_path / "cache")}
        done = subprocess.run(
            [sys.executable, ROOT / "tools" / "install.py", environment], env=settings, capture_output=True, text=True
        )
        if cut:
            server.shutdown(socket.SHUT_RDWR)  # ends the thread, too
    assert done.returncode == 1
    assert re.fullmatch(r"error: the package registry cannot be reached, or .* check the network .*\n", done.stderr)
    assert (environment / "install.log").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("error: Failed to install: torch\n  Caused by: No space left on device (os error 28)", "the disk is full"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "the disk is full"),
        (
            "error: failed to open file `/x/.lock`: Read-only file system (os error 30)",
            "a file may not be written (e",
        ),
        ("  × No solution found when resolving dependencies:\n  ╰─▶ Because av was not found", "this Python is one of"),
        ("  × Failed to fetch: `https://x`\n  ├─▶ error sending request\n  ╰─▶ dns error", "check the network"),
        ("WARNING: Retrying after connection broken by 'ProxyError'\nERROR: No matching", "check the network and the"),
        ("error: Failed to build\n  Caused by: `networkx` is not to be built", "failed: error: Failed to build (/"),
        ("Downloading networkx (2.0MiB)\nerror: command 'gcc' failed", "failed: error: command 'gcc' failed (/"),
        ("", "failed: it said nothing"),
    ],
)
def test_installers_are_understood(output: str, message: str, tmp_path: Path) -> None:
    told = explanation(output.splitlines(keepends=True), tmp_path / "env")
    assert message in told
    assert "\n" not in told


def test_registries_of_pip_are_those_of_uv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://registry.example/simple")
    monkeypatch.setenv("PIP_PROXY", "http://proxy.example:3128")
    for python in (Path(sys.executable), tmp_path / "no-python"):
        settings = registry_of_pip(python)
        assert settings["UV_DEFAULT_INDEX"] == "https://registry.example/simple"
        assert settings["HTTPS_PROXY"] == settings["HTTP_PROXY"] == "http://proxy.example:3128"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The metadata of a package that was installed to its end."""
    files = {"timm/__init__.py": "1\n", "timm/large.bin": "x" * 5000, "timm-1.0.dist-info/INSTALLER": "uv"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    rows = [f"{name},sha256=a,{len(text)}" for name, text in files.items()]
    rows += ["timm/__pycache__/a.pyc,sha256=a,77", "timm-1.0.dist-info/RECORD,,"]
    (tmp_path / "timm-1.0.dist-info" / "RECORD").write_text("\n".join(rows) + "\n")
    return tmp_path / "timm-1.0.dist-info"


def test_a_package_that_was_cut_off_is_incomplete(package: Path) -> None:
    assert incomplete_packages(package.parent) == []
    large = package.parent / "timm" / "large.bin"
    large.write_text("x" * 4000)  # killed while it was written
    assert incomplete_packages(package.parent) == [package]
    large.unlink()
    assert incomplete_packages(package.parent) == [package]
    large.write_text("x" * 6000)  # edited by hand
    assert incomplete_packages(package.parent) == []
    record = package / "RECORD"
    whole = record.read_text()
    for cut in ("", re.sub(r".*INSTALLER.*\n", "", whole), whole.replace(",5000", ",many"), "\0"):
        record.write_text(cut)
        assert incomplete_packages(package.parent) == [package]
    record.unlink()
    assert incomplete_packages(package.parent) == [package]
    package.rename(package.parent / "theirs-1.0.dist-info")  # of no package that is installed here
    assert incomplete_packages(package.parent) == []


def test_what_is_installed_here_is_complete() -> None:
    assert incomplete_packages(Path(pytest.__file__).parent.parent) == []


def test_an_environment_that_works_is_left_alone(environment: Path) -> None:
    (environment / "mine.txt").write_text("mine", encoding="utf-8")
    Environment(environment).make()
    assert (environment / "mine.txt").exists()


def test_pythons_are_found_by_pyenv_or_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("3.12.9", "3.12.10", "3.1.2"):
        folder = tmp_path / "pyenv" / version / "bin"
        folder.mkdir(parents=True)
        program(folder / "python", f"echo {version.rpartition('.')[0]}")
    pyenv = f"test $1 = prefix && echo {tmp_path}/pyenv/$2 || printf '3.1.2\\n3.12.10\\n3.12.9\\n'"
    (tmp_path / "bin").mkdir()
    program(tmp_path / "bin" / "pyenv", pyenv)
    program(tmp_path / "bin" / "python3.13", "echo 3.13")
    program(tmp_path / "bin" / "python3.11", "echo pyenv: not found >&2; exit 127")  # a shim with nothing behind it
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/bin")
    assert find_python("3.12") == f"{tmp_path}/pyenv/3.12.10/bin/python"
    assert find_python("3.13") == "python3.13"
    assert find_python("3.11") is None


def test_pythons_that_are_tested_are_those_that_are_allowed() -> None:
    bound = SpecifierSet(re.search(r'requires-python = "(.*)"', PROJECT)[1])  # type: ignore[index]
    assert all(python in bound for python in PYTHONS)
    assert "3.9.18" not in bound
