"""What takes long to make of many files, made once and kept on disk."""

import json
import math
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqcore.errors import DataError

NOTED_EVERY = 16  # Pieces between two notes of how far it is.

# Given how many items are there already, it makes the others: pieces of rows, and of each piece, what to note of its
# items, as JSON can hold it.
Producer = Callable[[int], Iterable[tuple[Tensor, Sequence[Any]]]]


class ArrayCache:
    """An array on disk that is filled once, from where an earlier try was interrupted, and then mapped into memory.

    It is made of items, such as videos, each of one row or more, such as frames. What was made of something else is
    noticed by the key, and made anew.

    Args:
        folder: where `array.bin` is, and `array.json`, which says what it holds.
        key: says of what it is made, such as `file_key` of its files, and how.
        shape: of a row.
        dtype: of its numbers.
        rows: how many rows there will be, where that is known: the disk then says at once whether it has room.
        content: what messages call it, such as "the frames of 3 videos".
    """

    def __init__(
        self,
        folder: str | Path,
        key: str,
        shape: Sequence[int],
        dtype: torch.dtype,
        rows: int | None = None,
        content: str = "the array",
    ) -> None:
        self.folder = Path(folder).expanduser()
        self._key, self._shape, self._dtype = f"{key} {tuple(shape)} {dtype}", tuple(shape), dtype
        self._rows, self._content = rows, content
        self._row_bytes = math.prod(shape) * dtype.itemsize
        self._note, self._store = self.folder / "array.json", self.folder / "array.bin"

    def fill(self, produce: Producer) -> tuple[Tensor, list[Any]]:
        """Have what is missing made, and give the whole.

        Args:
            produce: told how many items are there, it gives the others, in order and piece by piece.

        Returns:
            The rows, mapped from disk, so that only what is used is in memory, and what was noted of each item.

        Raises:
            DataError: the folder cannot be written, or the disk is full.
        """
        with _alone(self.folder):
            return self._fill(produce)

    def _fill(self, produce: Producer) -> tuple[Tensor, list[Any]]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            rows, items = self._read_note()
            with self._store.open("r+b" if self._store.exists() else "w+b") as file:
                if self._rows is not None and hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, max(1, self._rows * self._row_bytes))
                file.seek(rows * self._row_bytes)
                noted = len(items)
                try:
                    for number, (piece, notes) in enumerate(produce(len(items)), 1):
                        if piece.shape[1:] != self._shape:
                            raise ValueError(f"rows are {tuple(piece.shape[1:])}, not {self._shape}")
                        file.write(piece.to(self._dtype).contiguous().numpy().data)
                        rows += len(piece)
                        items += notes
                        if number % NOTED_EVERY == 0:
                            file.flush()
                            self._write_note(rows, items)
                            noted = len(items)
                finally:
                    file.flush()
                    if noted < len(items):
                        self._write_note(rows, items)
            return self._mapped(rows), items
        except OSError as error:
            size = f", which takes {self._rows * self._row_bytes / 1e6:,.0f} MB" if self._rows is not None else ""
            raise DataError(f"{self.folder} cannot keep {self._content}{size}: {error.strerror or error}") from error

    def _mapped(self, rows: int) -> Tensor:
        if not rows:
            return torch.empty(0, *self._shape, dtype=self._dtype)
        # What is written to it stays in memory, and never reaches the file.
        content = np.memmap(self._store, np.uint8, "c", shape=(rows * self._row_bytes,))
        return torch.from_numpy(content).view(self._dtype).view(rows, *self._shape)

    def _read_note(self) -> tuple[int, list[Any]]:
        """How many rows there are, and what is noted of each item; nothing of what was made of something else."""
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            rows, items = int(note["rows"]), list(note["items"])
            if note["key"] == self._key and self._store.stat().st_size >= rows * self._row_bytes:
                return rows, items
        except FileNotFoundError:
            return 0, []
        except (ValueError, KeyError, TypeError):
            pass
        print(f"{self.folder} was made of other files, or in another way: it is made anew", file=sys.stderr)
        self._note.unlink(missing_ok=True)
        self._store.unlink(missing_ok=True)  # Whoever has it mapped still goes on with the old one.
        return 0, []

    def _write_note(self, rows: int, items: Sequence[Any]) -> None:
        partial = self._note.with_suffix(".partial")
        partial.write_text(json.dumps({"key": self._key, "rows": rows, "items": items}), encoding="utf-8")
        partial.replace(self._note)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time makes an array: of several that train together, the others find what the first has made."""
    with ExitStack() as stack:
        with suppress(ImportError, OSError):  # Windows, and some disks, have no such locks.
            import fcntl

            folder.mkdir(parents=True, exist_ok=True)
            fcntl.flock(stack.enter_context((folder / "array.lock").open("w")), fcntl.LOCK_EX)
        yield


def file_key(sources: Sequence[Any]) -> str:
    """Tell files apart: by name, size and time of change, or what is in memory by its bytes.

    Raises:
        TypeError: something is neither a path nor bytes.
    """
    checksum = 0
    for source in sources:
        checksum = zlib.crc32(_describe(source).encode(), checksum)
    return f"{checksum:08x} {len(sources)}"


def weight_key(weights: Iterable[tuple[str, Tensor]]) -> str:
    """Tell the weights of networks apart, given by name."""
    checksum = 0
    for name, tensor in sorted(weights, key=lambda pair: pair[0]):
        content = tensor.detach().cpu().contiguous().numpy().tobytes()
        checksum = zlib.crc32(content, zlib.crc32(name.encode(), checksum))
    return f"{checksum:08x}"


def _describe(source: Any) -> str:
    if isinstance(source, bytes):
        return f"{len(source)} {zlib.crc32(source)}"
    if isinstance(source, str | Path):
        try:
            status = Path(source).stat()
            return f"{Path(source).name} {status.st_size} {status.st_mtime_ns}"
        except OSError:
            return str(source)
    raise TypeError(f"only paths and bytes are cached, not {type(source).__name__}")
