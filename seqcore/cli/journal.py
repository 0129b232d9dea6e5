"""How far a run came, beside what it has written, so that one that was killed is gone on with."""

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import seqcore
from seqcore.data.text_files import is_file
from seqcore.errors import DataError, SettingsError

SECONDS_BETWEEN = 1.0  # What is done anew after a kill is so much, and the chunks that were worked on.


class Journal:
    """A file beside the output that says how many inputs are answered in how many bytes of it.

    It is written after what it speaks of is on the disk, and whole or not at all, so it is true at every moment.

    Attributes:
        done: how many inputs the answers are there of.
        digest: of these inputs, so that others are not taken for them.
        has_failed: whether one of them could not be answered.
    """

    def __init__(self, target: Path, partial: Path, job: Mapping[str, Any]) -> None:
        self._path, self._partial = target.with_name(f"{target.name}.journal"), partial
        self._job = {**json.loads(json.dumps(job)), "version": seqcore.__version__}
        self.done, self.digest, self.has_failed = 0, "", False
        self._last = time.monotonic()

    def begin(self, resume: bool) -> int:
        """How many bytes of what is there are gone on with; where it is 0, all begins anew.

        Raises:
            SettingsError: it is another run's, or this one's, and not to be gone on with.
            DataError: it is not what it was.
        """
        entry = self._read()
        size = self._partial.stat().st_size if self._partial.exists() else 0
        if entry is None or not size:
            return self._new()
        job: dict[str, Any] = entry["job"]
        changed = [what for what, value in self._job.items() if job.get(what) != value]
        if not resume:
            if not changed:
                raise SettingsError(
                    f"{self._partial} holds the first {entry['done']} answers of this very command: add --resume to go "
                    "on with it, or remove it"
                )
            return self._new()
        if changed:
            raise SettingsError(
                f"{self._partial} cannot be gone on with, for this is not what it was before: {', '.join(changed)}; "
                "remove it to begin anew"
            )
        if size < entry["bytes"]:
            raise DataError(f"{self._partial} was cut short: remove it to begin anew")
        self.done, self.digest, self.has_failed = entry["done"], entry["digest"], entry["has_failed"]
        return int(entry["bytes"])

    def check(self, done: int, digest: str) -> None:
        """Raises `SettingsError` where the inputs that are answered already are others than they were."""
        if self.done and (done, digest) != (self.done, self.digest):
            raise SettingsError(
                f"the input is not what it was before the run was stopped: remove {self._partial} to begin anew"
            )

    def is_due(self) -> bool:
        """Whether it is time to write down how far it is."""
        return time.monotonic() - self._last >= SECONDS_BETWEEN

    def commit(self, file: IO[bytes], done: int, has_failed: bool, digest: str) -> None:
        """Write down that a file, as far as it is with the system, holds the answers to so many inputs."""
        os.fsync(file.fileno())
        self.done, self.digest, self.has_failed = done, digest, has_failed
        entry = {"job": self._job, "done": done, "bytes": file.tell(), "has_failed": has_failed, "digest": digest}
        new = self._path.with_name(f"{self._path.name}.new")
        with new.open("w", encoding="utf-8") as journal:
            json.dump(entry, journal, ensure_ascii=False)
            journal.flush()
            os.fsync(journal.fileno())
        new.replace(self._path)
        self._last = time.monotonic()

    def remove(self) -> None:
        """It is no longer needed."""
        self._path.unlink(missing_ok=True)

    def _new(self) -> int:
        self.remove()
        return 0

    def _read(self) -> dict[str, Any] | None:
        try:
            entry = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise DataError(f"{self._path} cannot be read: remove it to begin anew") from error
        return entry if isinstance(entry, dict) and {"job", "done", "bytes", "digest"} <= entry.keys() else None


def described(folder: Path, files: Sequence[str], **more: Any) -> dict[str, Any]:
    """A job: a checkpoint, the files that are read and what else it depends on, each by what a message calls it."""
    model, sizes = hashlib.blake2b(digest_size=16), hashlib.blake2b(digest_size=16)
    for path in sorted(path for path in folder.iterdir() if path.is_file() and path.suffix != ".md"):
        model.update(path.name.encode())
        with path.open("rb") as file:
            while block := file.read(2**20):
                model.update(block)
    for name in files:
        size = Path(name).stat().st_size if is_file(name) else 0
        sizes.update(f"{Path(name).absolute()}\0{size}\0".encode("utf-8", "surrogatepass"))
    return {"the checkpoint": model.hexdigest(), "the input": sizes.hexdigest(), **more}
