"""Where a server keeps what it is given and what it makes: a folder of its own, which nobody else can read.

A file goes a minute or two after the page that had it was closed, else half an hour after it was last used, and the
folder with its server. Should that have been killed, the next server to start removes it.
"""

import atexit
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path

FILE_TTL, CLOSED_SESSION_TTL = 1800.0, 60.0  # Seconds.
# The folders in it. Gradio keeps what it was given and gives out in the first. It takes no copy of a file that is there
# already, so what is made, and removed once it is given out, is made in the second.
CACHE, WORKING = "cache", "working"
_SWEEP_INTERVAL = 60.0
PREFIX, _LOCK, _NEW = "seqcore-server-", ".lock", ".new"


def make_server_dir() -> Path:
    """Make the folder of this server, and remove those of servers that were killed."""
    _remove_orphans()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
    for name in (CACHE, WORKING):
        (folder / name).mkdir(mode=0o700)
    lock = _locked(folder / _NEW)
    if lock is not None:  # Only a folder that is locked looks like one whose server can be gone.
        (folder / _NEW).rename(folder / _LOCK)
    maker = os.getpid()

    def remove() -> None:
        if os.getpid() == maker:  # A process that was forked from it leaves the folder alone.
            shutil.rmtree(folder, ignore_errors=True)
            if lock is not None:
                os.close(lock)

    atexit.register(remove)
    return folder


class FileReaper:
    """Removes files that have not been used for a while.

    Time is counted from when a file was seen first, or seen changed, by a clock that nobody sets.

    Args:
        pinned: gives the files that stay, such as examples of a page.
        closed: gives the files of closed sessions. They stay for a while, too: a file has its name from what is in
            it, and somebody may just have brought the same.
    """

    def __init__(
        self, folder: Path, pinned: Callable[[], Collection[str]], closed: Callable[[], Collection[str]]
    ) -> None:
        self._folder, self._pinned, self._closed = folder, pinned, closed
        self._seen: dict[tuple[Path, int], float] = {}

    def start(self) -> None:
        """Sweep the folder every minute from now on."""
        threading.Thread(target=self._watch, name="file-reaper", daemon=True).start()

    def sweep(self, now: float) -> None:
        """Remove what is too old at a time of the monotonic clock."""
        seen: dict[tuple[Path, int], float] = {}
        pinned, closed = set(self._pinned()), set(self._closed())
        for path in self._folder.rglob("*"):
            with suppress(OSError):
                if path.is_dir() or path.name == _LOCK or str(path) in pinned:
                    continue
                version = (path, path.lstat().st_mtime_ns)
                seen[version] = self._seen.get(version, now)
                if now - seen[version] >= (CLOSED_SESSION_TTL if str(path) in closed else FILE_TTL):
                    path.unlink()
        self._seen = seen

    def _watch(self) -> None:
        while True:
            time.sleep(_SWEEP_INTERVAL)
            try:
                self.sweep(time.monotonic())
            except Exception:  # The next sweep may do better.
                logging.getLogger(__name__).exception("files could not be looked through")


def touch(values: Iterable[object], folder: Path) -> None:
    """Note that files of the folder are used now: those that are a value, or in a list that is one."""
    for value in values:
        for path in value if isinstance(value, list) else [value]:
            if isinstance(path, str) and path.startswith(str(folder)):
                with suppress(OSError, ValueError):
                    os.utime(path)


def _locked(path: Path) -> int | None:
    """Lock a file as long as this process lives. None where that is not possible: another process has it."""
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows has none, and nothing there tells that a process is gone.
        return None
    number = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(number)
        return None
    return number


def _remove_orphans() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            if not (folder / _LOCK).exists() or folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            if (lock := _locked(folder / _LOCK)) is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)
