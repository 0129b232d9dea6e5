"""Make an environment and install seqcore in it: ``python tools/install.py --help``. The Makefile calls this.

An installation that was interrupted is taken up again by the same command: packages of which a part is missing are
installed anew, the others stay. What goes wrong is said in one line; all that the installer wrote is then in
``install.log`` within the environment.
"""

import argparse
import contextlib
import csv
import functools
import importlib.util
import io
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
OPTIONS = {  # of uv, by the versions that are wanted
    "tested": ["--constraint", str(CONSTRAINTS)],
    "newest": ["--upgrade"],
    "lowest": ["--resolution", "lowest-direct"],
}
_CUDA_SIZE = "about 3 GB to download, 6.4 GB on disk"
_SHOWN = re.compile(r"Resolved|Downloading| Downloaded|Prepared|Installed| +Build")
# What installers write when something is in the way, and what there is to do. The first that fits is said.
_CAUSES = {
    r"no space left|os error 28|errno 28|disk quota": (
        "the disk is full ({free} are free at {folder}): make room, then run the same command again"
    ),
    r"permission denied|read-only file system|os error (13|30)\b|errno (13|30)\b": (
        "{folder}, or the cache of the installer, may not be written to: run this as the user who owns them"
    ),
    r"dns error|name resolution|connect|timed? ?out|sending request|failed to (fetch|download)|response body|tunnel|"
    r"proxy|unexpected eof|retries|certificate|http status|broken pipe|network": (
        "the package registry cannot be reached, or the connection was cut off: check the network and the proxy "
        "(HTTPS_PROXY), then run the same command again; what has come stays"
    ),
    r"no solution found|no matching distribution|could not find a version|conflicting dependencies": (
        "the package registry cannot be reached, or lacks a package in a version that fits: check the network, and "
        "that this Python is one of 3.10 to 3.13"
    ),
}


class InstallError(Exception):
    """Why not everything was installed: one line that says what to do."""


class Environment:
    """A virtual environment in a folder, which need not be there yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "bin" / "python"
        self.uv = folder / "bin" / "uv"

    def make(self) -> None:
        """Make what is missing of the environment, up to uv, which installs the rest.

        Raises:
            InstallError: something is in the way.
        """
        if not _answers(self.python, "-c", "import sys; sys.exit(sys.prefix == sys.base_prefix)"):
            self._create()
        if _answers(self.uv, "--version"):
            return
        if not self._has_pip() and not (_answers(self.python, "-m", "ensurepip") and self._has_pip()):
            self._create()
        # A program that was half written when it was killed looks complete to pip.
        self._run(self.python, "-m", "pip", "install", "--force-reinstall", "--constraint", CONSTRAINTS, "uv")

    def install(self, extras: str, versions: str = "tested", torch_index: str | None = None) -> None:
        """Install this clone, editable, and what it needs.

        Args:
            extras: of pyproject.toml, separated by commas.
            versions: ``tested`` together, the ``newest`` that the ranges allow, or the ``lowest``.
            torch_index: address of an index that torch and torchvision come from. It is remembered.

        Raises:
            InstallError: something is in the way.
        """
        site = self._site()
        for package in incomplete_packages(site):
            shutil.rmtree(package)
        if next(site.glob("seqcore-[0-9]*.dist-info"), None):
            # Former versions were called so, and so is a stranger's package, which would be imported in our place.
            self._run(self.uv, "pip", "uninstall", "--python", self.python, "seqcore")
        install: list[str | Path] = [self.uv, "pip", "install", "--python", self.python, "--compile-bytecode"]
        install += OPTIONS[versions]
        remembered = self.folder / "torch-index"
        if torch_index is None and remembered.exists():
            torch_index = remembered.read_text(encoding="utf-8")
        if torch_index is not None:
            if _has_cuda(site):
                raise InstallError(f"{self.folder} holds PyTorch with CUDA: `make clean` removes it; then try again")
            self._run(*install, "--no-deps", "--default-index", torch_index, "torch", "torchvision")
            remembered.write_text(torch_index, encoding="utf-8")
        elif platform.system() == "Linux" and not (site / "torch").exists():
            free = _free(self.folder)
            print(f"PyTorch comes with CUDA: {_CUDA_SIZE}; {free} are free. Without a GPU, TORCH=cpu spares most of it")
        self._run(*install, "--editable", f"{ROOT}[{extras}]")

    def _create(self) -> None:
        if not all(importlib.util.find_spec(name) for name in ("ensurepip", "venv")):
            raise InstallError(
                f"{sys.executable} cannot make a virtual environment: install its venv module (Debian and Ubuntu: "
                "apt-get install python3-venv)"
            )
        self._run(getattr(sys, "_base_executable", sys.executable), "-m", "venv", "--clear", self.folder)

    def _has_pip(self) -> bool:
        return _answers(self.python, "-m", "pip", "--version")

    def _site(self) -> Path:
        command: list[str | Path] = [self.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        return Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())

    def _run(self, *command: str | Path) -> None:
        """Run an installer, show how far it is, and make one line of what it complains about."""
        written = []
        settings = {**registry_of_pip(), **os.environ}
        with subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            assert process.stdout is not None
            for line in io.TextIOWrapper(process.stdout, encoding="utf-8", errors="replace"):
                written.append(line)
                if _SHOWN.match(line):
                    print(line, end="", flush=True)
        if process.returncode:
            log = self.folder / "install.log"
            with contextlib.suppress(OSError):
                log.write_text("".join(written), encoding="utf-8")
            raise InstallError(explanation("".join(written), self.folder) or f"installing failed, as {log} says")


def explanation(output: str, folder: Path) -> str | None:
    """What an installer's output means for whoever waits for a folder; None if that is not known."""
    for pattern, advice in _CAUSES.items():
        if re.search(pattern, output, re.IGNORECASE):
            return advice.format(folder=folder, free=_free(folder))
    return None


def incomplete_packages(site: Path) -> list[Path]:
    """Metadata folders, within a folder of packages, of those that were being installed when something ended it."""
    return [folder for folder in sorted(site.glob("*.dist-info")) if not _is_complete(folder)]


def _is_complete(package: Path) -> bool:
    try:
        with open(package / "RECORD", encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
        # What is compiled here may take the place of what came compiled.
        sizes = {package.parent / name: int(size) for name, _, size in rows if size and not name.endswith(".pyc")}
        whole = all(path.stat().st_size == size for path, size in sizes.items())
    except (OSError, ValueError, csv.Error):
        return False
    return whole and package / "INSTALLER" in sizes  # this file is written last


@functools.cache
def registry_of_pip() -> dict[str, str]:
    """Where pip's settings name a registry or certificates, what tells uv, which does not read them."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True).stdout
    settings = dict(re.findall(r"^[\w:]+\.(index-url|cert)='(.+)'$", listed, re.MULTILINE))
    names = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}
    return {names[setting]: value for setting, value in settings.items()}


def _answers(program: Path, *arguments: str) -> bool:
    try:
        return subprocess.run([program, *arguments], capture_output=True).returncode == 0
    except OSError:
        return False


def _has_cuda(site: Path) -> bool:
    version = site / "torch" / "version.py"
    return version.exists() and bool(
        re.search(r"^cuda\b.*=\s*['\"]", version.read_text(encoding="utf-8"), re.MULTILINE)
    )


def _free(folder: Path) -> str:
    here = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    return f"{shutil.disk_usage(here).free / 1e9:.1f} GB"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the environment; one that is there is used")
    parser.add_argument("--extras", default="all", help="of pyproject.toml, such as all,dev")
    parser.add_argument("--versions", choices=OPTIONS, default="tested", help="of what is installed")
    parser.add_argument("--torch-index", metavar="ADDRESS", help="an index that torch and torchvision come from")
    options = parser.parse_args(arguments)
    environment = Environment(options.folder)
    try:
        environment.make()
        environment.install(options.extras, options.versions, options.torch_index)
    except InstallError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {explanation(str(error), options.folder) or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
