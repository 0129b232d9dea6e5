"""Make an environment and install seqcore in it: ``python tools/install.py --help``. The Makefile calls this.

What is installed already takes no time. An installation that was interrupted is taken up again by the same command:
packages of which a part is missing are installed anew, the others stay. What goes wrong is said in one line; all that
the installer wrote is then in ``install.log`` within the environment.
"""

import argparse
import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from complaints import REGISTRY, InstallError, explanation, free_space
from packages import CONSTRAINTS, incomplete_packages

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = {  # options of uv
    "tested": ["--constraint", str(CONSTRAINTS)],
    "newest": ["--upgrade"],
    "lowest": ["--upgrade", "--resolution", "lowest-direct"],
}
_CUDA_SIZE = "3.2 GB to download, 6.4 GB on disk"
_SHOWN = re.compile(r"Resolved|Downloading| Downloaded|Prepared|Installed| +Build")


class Environment:
    """A virtual environment in a folder, which need not be there yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "bin" / "python"
        self.uv = folder / "bin" / "uv"
        self._state = folder / "installed.json"

    @property
    def state(self) -> dict[str, str]:
        """What was installed: the project's digest, extras, versions and the index of torch; empty if nothing was."""
        try:
            return dict(json.loads(self._state.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return {}

    def works(self) -> bool:
        """Whether there is an environment whose Python answers."""
        return _answers(self.python, "-c", "import sys; sys.exit(sys.prefix == sys.base_prefix)")

    def make(self) -> None:
        """Make what is missing of the environment, up to uv, which installs the rest.

        Raises:
            InstallError: something is in the way.
        """
        if not self.works():
            self._create()
        if _answers(self.uv, "--version"):
            return
        if not self._has_pip() and not (_answers(self.python, "-m", "ensurepip") and self._has_pip()):
            self._create()
        # A program that was half written when it was killed looks complete to pip.
        self._run(self.python, "-m", "pip", "install", "--force-reinstall", "--constraint", CONSTRAINTS, "uv")

    def install(self, extras: str, versions: str, torch_index: str) -> None:
        """Install this clone, editable, and what it needs.

        Args:
            extras: of pyproject.toml, separated by commas.
            versions: ``tested`` together, the ``newest`` that the ranges allow, or the ``lowest``.
            torch_index: address of an index that torch and torchvision come from, or nothing.

        Raises:
            InstallError: something is in the way.
        """
        self._write_state({**self.state, "project": ""})  # from now on it is not whole
        site = self._site()
        for package in incomplete_packages(site):
            print(f"Incomplete, and installed anew: {package.stem}")
            shutil.rmtree(package)
        if next(site.glob("seqcore-[0-9]*.dist-info"), None):
            # Former versions were called so, and so is a stranger's package, which would be imported in our place.
            self._run(self.uv, "pip", "uninstall", "--python", self.python, "seqcore")
        install: list[str | Path] = [self.uv, "pip", "install", "--python", self.python, "--compile-bytecode"]
        options = VERSIONS[versions]
        if torch_index:
            if _has_cuda(site):
                raise InstallError(f"{self.folder} holds PyTorch with CUDA: `make clean` removes it; then try again")
            torch = ("--no-deps", "--default-index", torch_index, "torch", "torchvision")
            self._run(*install, *options, *torch, registry=f"TORCH_INDEX={torch_index}")
        elif platform.system() == "Linux" and not (site / "torch").exists():
            print(f"PyTorch comes with CUDA: {_CUDA_SIZE}; {free_space(self.folder)} are free.")
            print("Without a GPU, TORCH=cpu TORCH_INDEX=... spares most of that (README, What it needs).", flush=True)
        chosen = {"extras": extras, "versions": versions, "torch_index": torch_index}
        self._write_state(chosen)  # an interrupted run will go on with these
        if versions == "lowest":  # but not of what tests need beside it
            own = ",".join(extra for extra in extras.split(",") if extra != "dev")
            self._run(*install, *options, "--editable", f"{ROOT}[{own}]")
            options = []
        self._run(*install, *options, "--editable", f"{ROOT}[{extras}]")
        self._write_state({**chosen, "project": _digest()})

    def _write_state(self, state: dict[str, str]) -> None:
        self._state.write_text(json.dumps(state), encoding="utf-8")

    def _create(self) -> None:
        if not all(importlib.util.find_spec(name) for name in ("ensurepip", "venv")):
            package = "python{}.{}-venv".format(*sys.version_info)
            raise InstallError(
                f"{sys.executable} cannot make a virtual environment: install its venv module (Debian and Ubuntu: "
                f"apt-get install {package})"
            )
        if self.folder.exists() and not (self.folder / "pyvenv.cfg").exists():
            others = {path.name for path in self.folder.iterdir()} - {"bin", "include", "lib", "lib64"}
            if others:
                raise InstallError(f"{self.folder} is there and no virtual environment: move it away first")
        self._run(getattr(sys, "_base_executable", sys.executable), "-m", "venv", "--clear", self.folder)

    def _has_pip(self) -> bool:
        return _answers(self.python, "-m", "pip", "--version")

    def _site(self) -> Path:
        command: list[str | Path] = [self.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        return Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())

    def _run(self, *command: str | Path, registry: str = REGISTRY) -> None:
        """Run an installer, show how far it is, and make one line of what it complains about."""
        written = []
        settings = {**registry_of_pip(self.python), **os.environ}
        with subprocess.Popen(
            command,
            env=settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                written.append(line)
                if _SHOWN.match(line):
                    print(line, end="", flush=True)
        if process.returncode:
            with contextlib.suppress(OSError):
                (self.folder / "install.log").write_text("".join(written), encoding="utf-8")
            raise InstallError(explanation(written, self.folder, registry))


def registry_of_pip(python: Path) -> dict[str, str]:
    """Where the settings of pip name a registry, certificates or a proxy: what tells uv, which does not read them."""
    names = {"index-url": ("UV_DEFAULT_INDEX",), "cert": ("SSL_CERT_FILE",), "proxy": ("HTTPS_PROXY", "HTTP_PROXY")}
    for program in (python, sys.executable):
        with contextlib.suppress(OSError):
            done = subprocess.run([program, "-m", "pip", "config", "list"], capture_output=True, text=True)
            if done.returncode == 0:
                settings = re.findall(r"^[\w:]+\.(index-url|cert|proxy)='(.+)'$", done.stdout, re.MULTILINE)
                return {name: value for setting, value in settings for name in names[setting]}
    return {}


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other program installs into this folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Another installation into {folder} is running: waiting for its end", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def check_options(environment: Environment, python: str, torch: str, torch_index: str) -> None:
    """Refuse what would be ignored otherwise.

    Args:
        environment: what there is already.
        python: a Python that was asked for by name, or nothing.
        torch: ``cpu``, or nothing.
        torch_index: an address, or nothing.

    Raises:
        InstallError: options that contradict each other or what is installed.
    """
    if python and environment.works():
        version = "import sys; print(sys.version.split()[0])"
        there, wanted = (_output(program, "-c", version) for program in (environment.python, python))
        if there != wanted:
            raise InstallError(
                f"{environment.folder} was made with Python {there}, and {python} is {wanted or 'none that runs'}: "
                "`make clean` removes it, then run this again"
            )
    if torch not in ("", "cpu"):
        raise InstallError(f"TORCH={torch} is not known: cpu, or nothing for what the registry has")
    if torch_index and not torch:
        raise InstallError("TORCH_INDEX is for TORCH=cpu: give both or neither")
    if torch and not (torch_index or environment.state.get("torch_index")):
        raise InstallError(
            "TORCH=cpu needs TORCH_INDEX=..., the address of an index with CPU wheels of torch and torchvision: "
            "pytorch.org names its own (Get started, pip, CPU)"
        )


def is_installed(environment: Environment, options: argparse.Namespace) -> bool:
    """Whether all that is wanted was installed, of today's project, and the environment still answers."""
    state = environment.state
    wanted = {"project": _digest(), "versions": options.versions}
    if options.torch_index:
        wanted["torch_index"] = options.torch_index
    as_before = all(state.get(name) == value for name, value in wanted.items())
    return as_before and {*options.extras.split(",")} <= {*state["extras"].split(",")} and environment.works()


def _digest() -> str:
    """Of what decides what is installed."""
    files = (ROOT / "pyproject.toml", CONSTRAINTS, *sorted(Path(__file__).parent.glob("*.py")))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _answers(program: Path, *arguments: str) -> bool:
    try:
        return subprocess.run([program, *arguments], capture_output=True).returncode == 0
    except OSError:
        return False


def _output(program: str | Path, *arguments: str) -> str:
    try:
        return subprocess.run([program, *arguments], capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


def _has_cuda(site: Path) -> bool:
    version = site / "torch" / "version.py"
    text = version.read_text(encoding="utf-8") if version.exists() else ""
    return bool(re.search(r"^cuda\b.*=\s*['\"]", text, re.MULTILINE))


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the environment; one that is there is used")
    parser.add_argument("--extras", default="all", help="of pyproject.toml, such as all,ray,dev")
    parser.add_argument("--versions", choices=VERSIONS, default="tested", help="of what is installed")
    parser.add_argument("--python", default="", help="the Python that the environment is to be of")
    parser.add_argument("--torch", default="", help="cpu: without CUDA, from --torch-index")
    parser.add_argument("--torch-index", default="", metavar="ADDRESS", help="an index with torch and torchvision")
    options = parser.parse_args()
    environment = Environment(options.folder)
    try:
        check_options(environment, options.python, options.torch, options.torch_index)
        if not is_installed(environment, options):
            with alone(options.folder):
                if not is_installed(environment, options):
                    before = environment.state
                    extras = {*options.extras.split(","), *filter(None, before.get("extras", "").split(","))}
                    environment.make()
                    torch_index = options.torch_index or before.get("torch_index", "")
                    environment.install(",".join(sorted(extras)), options.versions, torch_index)
    except InstallError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {explanation([f'error: {error}'], options.folder)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
