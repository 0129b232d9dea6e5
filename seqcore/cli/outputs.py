"""What the command line writes: a file that is whole or not there, which a run that was killed goes on with."""

import gzip
import io
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TextIO

from seqcore.cli.journal import Journal
from seqcore.errors import DataError, SettingsError


class SomeFailedError(Exception):
    """Some answers could not be given, and what was wrong with each was printed."""


class Output:
    """Where answers are written.

    Attributes:
        text: what is written to; line breaks are written as they are given.
        journal: what a later run goes on by; None where there is nothing to go on with, as on standard output.
    """

    def __init__(
        self, text: TextIO, journal: Journal | None = None, file: IO[bytes] | None = None, partial: Path | None = None
    ) -> None:
        self.text, self.journal, self._file, self._partial = text, journal, file, partial
        self.made: Path | None = None  # What was made of the lines, and takes their place in the end.

    def commit(self, done: int, has_failed: bool, digest: str) -> None:
        """Show what was written, the answers to so many inputs, and now and then see to it that no end can take it.

        Args:
            has_failed: whether one of them could not be given.
            digest: of these inputs.
        """
        if self.journal is None or self._file is None:
            self.text.flush()
        elif self.journal.is_due():
            self.settle()
            self.journal.commit(self._file, done, has_failed, digest)

    def settle(self) -> None:
        """Write everything down: to the system, and so that a compressed file can end here."""
        self.text.flush()
        if isinstance(self.text, io.TextIOWrapper) and isinstance(self.text.buffer, _Members):
            self.text.buffer.end_member()
        if self._file is not None:
            self._file.flush()

    def keep(self) -> None:
        """See to it that all is on the disk: else a machine that stops might keep the name, and not what is in it."""
        self.settle()
        if self.journal is not None and self._file is not None:
            os.fsync(self._file.fileno())

    def make(self, write: Callable[[TextIO, IO[bytes]], None]) -> None:
        """Make of all lines that were written what stands in their place.

        Args:
            write: is given the lines, and the file that it writes.
        """
        assert self._partial is not None
        self.text.flush()
        self.made = self._partial.with_name(f"{self._partial.name}.made")
        with self._partial.open(encoding="utf-8") as lines, self.made.open("wb") as file:
            write(lines, file)
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def open_output(
    name: str | None,
    inputs: Collection[str] = (),
    job: Mapping[str, Any] | None = None,
    resume: bool = False,
) -> Iterator[Output]:
    """Standard output, or a text file that appears under its name when it is whole; `.gz` is compressed.

    What was read is overwritten by nothing that lacks an answer.

    Args:
        inputs: files that are read.
        job: what is answered, and how: a run that is killed can be gone on with by the very same alone.
        resume: go on with such a run.

    Raises:
        DataError: it cannot be written.
        SettingsError: there is no going on with it, or there is, and nobody has asked for it.
    """
    if name is None:
        if resume:
            raise SettingsError("--resume goes on with a file: name it with --output")
        sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
        yield Output(sys.stdout)
        return
    target = Path(name).resolve()
    special = target.exists() and not target.is_file()  # A pipe or a device is never replaced.
    if special and resume:
        raise SettingsError(f"{name} is no file that a run could go on with: leave --resume out")
    partial = target if special else target.with_name(f"{target.name}.partial")
    journal = None if special or job is None else Journal(target, partial, job)
    try:
        begin = 0 if journal is None else journal.begin(resume)
        out = partial.open("r+b" if begin else "wb")
        if begin:
            out.truncate(begin)
            out.seek(begin)
    except OSError as error:
        raise DataError(f"{name} cannot be written: {error.strerror}") from error
    is_compressed = name.lower().endswith(".gz") and not name.lower().endswith(".parquet.gz")
    raw: Any = _Members(out, not begin) if is_compressed else out
    output = Output(io.TextIOWrapper(raw, encoding="utf-8", newline=""), journal, out, partial)
    is_input = any(Path(file).exists() and target.exists() and target.samefile(file) for file in inputs)
    with _kept(name, target, partial, special, is_input, output), out:
        try:
            yield output
            output.keep()
        except SomeFailedError:
            output.keep()
            raise
        finally:
            output.text.close()


@contextmanager
def _kept(name: str, target: Path, partial: Path, special: bool, is_input: bool, output: Output) -> Iterator[None]:
    """Give what was written its name, or say where it is."""
    journal = output.journal
    try:
        yield
    except SomeFailedError:
        if is_input:
            if journal is not None:
                journal.remove()
            if output.made is not None:
                output.made.replace(partial)
            print(f"{name} stays as it was, for answers are missing: they are in {partial}", file=sys.stderr)
        elif not special:
            _replace(target, partial, output)
        raise
    except BaseException:
        if not special:
            how = ": --resume goes on with it" if journal is not None and journal.done else ""
            print(f"what was done before it stopped is in {partial}{how}", file=sys.stderr)
        raise
    if not special:
        _replace(target, partial, output)


def _replace(target: Path, partial: Path, output: Output) -> None:
    (output.made or partial).replace(target)
    if output.made is not None:
        partial.unlink()
    if output.journal is not None:
        output.journal.remove()


class _Members(io.BufferedIOBase):
    """Compresses into members of a gzip file, each of which is whole: a run that is killed goes on with the next one.

    Args:
        is_first: whether one is written in any case, for without any it is no such file.
    """

    def __init__(self, file: IO[bytes], is_first: bool) -> None:
        self._file = file
        self._member: gzip.GzipFile | None = None
        self._is_first = is_first

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._opened().write(data)

    def end_member(self) -> None:
        if self._member is not None:
            self._member.close()
            self._member = None

    def close(self) -> None:
        if not self.closed:
            if self._is_first:
                self._opened()
            self.end_member()
        super().close()

    def _opened(self) -> gzip.GzipFile:
        if self._member is None:
            self._member = gzip.GzipFile(fileobj=self._file, mode="wb", mtime=0)
            self._is_first = False
        return self._member
