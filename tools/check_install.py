"""Install into a fresh copy of this clone, as a newcomer does, and be rude to it: ``make check-install`` calls this.

The installation is killed at five moments and taken up again each time; two run at once; the network is taken away and
cut off; the disk is full (where this user may make a small one) or not to be written to; torch comes from an index of
its own. It
needs a package registry, 7 GB of disk and some minutes.
"""

import argparse
import base64
import contextlib
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from install import ROOT
from packages import CONSTRAINTS, incomplete_packages

PATIENCE = 1800.0  # seconds for an installation
DEAD = "http://127.0.0.1:9/simple"  # where nobody answers
# Kills the installation when this was written, or when this file is there.
MOMENTS: dict[str, str | Path] = {
    "while the environment is made": Path("lib"),
    "while uv is installed": Path("bin/uv"),
    "while packages are downloaded": r"Resolved",
    "while packages are put in place": r"Prepared",
    "when all are in place": r"Installed",
}


def copy_clone(folder: Path) -> Path:
    """A copy of what git knows of, as it is now."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


class Installation:
    """`make` of one clone, with an environment of its own and no settings that this program was started with."""

    def __init__(self, clone: Path, **environment: str) -> None:
        self.clone = clone
        settings = r"MAKE.*|MFLAGS|PYTHON|WANTED_PYTHON|RUNNER|TORCH|TORCH_INDEX|APP|ARGS"
        self.environment = {name: value for name, value in os.environ.items() if not re.fullmatch(settings, name)}
        self.environment |= environment

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        command = ["make", *(arguments or ("demo", "ARGS=--help"))]
        options = {"capture_output": True, "text": True, "timeout": PATIENCE}
        return subprocess.run(command, cwd=self.clone, env=self.environment, **options)  # type: ignore[call-overload]

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start it, in a group of its own."""
        return subprocess.Popen(
            ["make", *arguments],
            cwd=self.clone,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def kill(self, moment: str | Path) -> bool:
        """Start it, and kill all of it at a moment; whether that came."""
        process = self.start("demo", "ARGS=--help")
        written: list[str] = []
        reader = threading.Thread(target=lambda: written.extend(process.stdout or ()), daemon=True)
        reader.start()
        while process.poll() is None:
            if isinstance(moment, Path) and (self.clone / ".venv" / moment).exists():
                break
            if isinstance(moment, str) and re.search(moment, "".join(written)):
                break
            time.sleep(0.01)
        time.sleep(0.2)
        came = process.poll() is None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return came

    def incomplete(self) -> list[Path]:
        """Packages of which something is missing."""
        sites = (self.clone / ".venv" / "lib").glob("python*/site-packages")
        return [package for site in sites for package in incomplete_packages(site)]

    def packages(self) -> dict[str, str]:
        """What is installed, and its versions."""
        folders = (self.clone / ".venv" / "lib").glob("python*/site-packages/*.dist-info")
        return dict(folder.name.removesuffix(".dist-info").split("-") for folder in folders)


def check_kills(folder: Path) -> None:
    """Kill an installation at every moment, then let it end: nothing is missing, and the apps start."""
    installation = Installation(copy_clone(folder))
    for name, moment in MOMENTS.items():
        came = installation.kill(moment)
        report(f"killed {name} ({len(installation.incomplete())} packages are incomplete)", came)
    done = installation.run()
    report("then it ends, and the apps tell their options", "--port" in done.stdout, done)
    report("no package is incomplete", installation.incomplete() == [])
    start = time.monotonic()
    report("and is done already when asked again", "Resolved" not in installation.run().stdout)
    print(f"    (again, up to the end of --help: {time.monotonic() - start:.1f} s)")
    code = "import torch, torchvision, av, gradio, lightning, datasets, timm, captum, torchtext, sentencepiece"
    python = folder / ".venv" / "bin" / "python"
    imported = subprocess.run([python, "-W", "ignore", "-c", code], cwd=folder, capture_output=True, text=True)
    report("every package is imported", imported.returncode == 0, imported)
    cpu = ("TORCH=cpu", f"TORCH_INDEX={DEAD}")
    check_refusal("TORCH=cpu where CUDA is", installation, "holds PyTorch with CUDA", *cpu)
    (folder / ".venv" / "bin" / "python").unlink()
    done = installation.run()
    report("an environment whose Python is gone is made anew", "--port" in done.stdout, done)


def check_two_at_once(folder: Path) -> None:
    """Two installations into one clone wait for each other."""
    installation = Installation(copy_clone(folder))
    both = [installation.start("environment"), installation.start("environment-dev")]
    written = [process.communicate(timeout=PATIENCE)[0] for process in both]
    report("two at once", all(process.returncode == 0 for process in both))
    report("one waits for the other", any("Another installation" in text for text in written))
    report("no package is incomplete", installation.incomplete() == [])


def check_bad_networks(folder: Path) -> None:
    """Without a network, and with proxies that cut off, one line says so."""
    clone = copy_clone(folder)
    for when in ("before there is an environment", "when uv is there"):
        with nothing_listens() as nowhere, cutting_proxy() as cutting:
            for name, proxy in (("no network", nowhere), ("a proxy that cuts off", cutting)):
                quick = {"PIP_RETRIES": "1", "UV_HTTP_RETRIES": "1", "UV_CACHE_DIR": str(folder / "cache")}
                proxies = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), proxy)
                check_refusal(f"{name}, {when}", Installation(clone, **quick, **proxies), "check the network")
        if when.startswith("before"):
            report("uv is there", Installation(clone).kill(r"Resolved"))


def check_bad_disks(folder: Path) -> None:
    """With a full disk, and where nothing may be written, one line says so."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        print("  left out: a full disk (this user cannot mount one)")
        return
    try:
        clone = Installation(copy_clone(folder), UV_CACHE_DIR=str(folder / "cache"))
        check_refusal("a full disk", clone, "the disk is full")
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        check_refusal("a disk that may not be written to", clone, "a file may not be written")
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def check_torch_index(folder: Path) -> None:
    """Torch and torchvision come from the index that is given, and CUDA's libraries do not come."""
    index = folder / "index"
    for name, version in re.findall(r"^(torch|torchvision)==([\d.]+)", CONSTRAINTS.read_text("utf-8"), re.MULTILINE):
        write_wheel(index / name, name, f"{version}+cpu")
    installation = Installation(copy_clone(folder / "clone"))
    check_refusal("TORCH=cpu alone", installation, "TORCH_INDEX", "TORCH=cpu")
    check_refusal("TORCH_INDEX alone", installation, "TORCH=cpu", f"TORCH_INDEX={DEAD}")
    check_refusal("an index that is not there", installation, DEAD, "TORCH=cpu", f"TORCH_INDEX={DEAD}")
    with served(index) as address:
        for options in (["TORCH=cpu", f"TORCH_INDEX={address}"], ["TORCH=cpu"], []):
            with (folder / "clone" / "pyproject.toml").open("a", encoding="utf-8") as project:
                project.write("\n")  # so that it is installed again
            done = installation.run("environment", *options)
            packages = installation.packages()
            right = all(packages[name].endswith("+cpu") for name in ("torch", "torchvision"))
            report(f"torch of an index, {' '.join(options) or 'without options'}", right and done.returncode == 0, done)
            report("without CUDA's libraries", not any(package.startswith("nvidia") for package in packages))


def check_refusal(name: str, installation: Installation, wanted: str, *arguments: str) -> None:
    """It fails with one line of ours that holds what is wanted."""
    done = installation.run("environment", *arguments)
    lines = [line for line in done.stderr.splitlines() if line and not re.match(r"make(\[\d+\])?: ", line)]
    good = done.returncode != 0 and len(lines) == 1 and lines[0].startswith("error: ") and wanted in lines[0]
    report(f"{name}: {lines[0] if lines else ''}", good, done)


def write_wheel(folder: Path, name: str, version: str) -> None:
    """A wheel with nothing in it but its name."""
    folder.mkdir(parents=True, exist_ok=True)
    metadata = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": "",
        f"{metadata}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{metadata}/WHEEL": "Wheel-Version: 1.0\nGenerator: check\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        record = ""
        for path, text in files.items():
            wheel.writestr(path, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
            record += f"{path},sha256={digest},{len(text)}\n"
        wheel.writestr(f"{metadata}/RECORD", f"{record}{metadata}/RECORD,,\n")


@contextlib.contextmanager
def nothing_listens() -> Iterator[str]:
    """An address at which nobody answers."""
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{port.getsockname()[1]}"


@contextlib.contextmanager
def cutting_proxy() -> Iterator[str]:
    """A proxy that says yes to every call and then hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    caller, _ = server.accept()
                    with caller:
                        caller.recv(65536)
                        caller.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which the files of a folder are served."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        urllib.request.urlopen(address).close()
        yield address
        server.shutdown()


def report(what: str, good: bool, done: subprocess.CompletedProcess[str] | None = None) -> None:
    """Say what was seen; end at what should not be."""
    print(f"  {'ok' if good else 'WRONG'}: {what}", flush=True)
    if not good:
        sys.exit(done.stdout + done.stderr if done else 1)


def main() -> None:
    """The command line: all checks, or those that are named."""
    checks: dict[str, Callable[[Path], None]] = {
        "kills": check_kills,
        "two": check_two_at_once,
        "networks": check_bad_networks,
        "disks": check_bad_disks,
        "torch": check_torch_index,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = f"{', '.join(checks)}; all of them, where none is named"
    parser.add_argument("checks", nargs="*", choices=[*checks, []], metavar="CHECK", help=names)
    for name in parser.parse_args().checks or checks:
        print(f"{name}:", flush=True)
        # Where this clone lies: packages are then links to the installer's cache, rather than copies.
        with tempfile.TemporaryDirectory(prefix=".check-", dir=ROOT.parent) as folder:
            checks[name](Path(folder))


if __name__ == "__main__":
    main()
