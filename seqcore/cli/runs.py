"""A run of `seqcore predict` from inputs to answers: which of them, from where on, by how many processes."""

import hashlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple, TextIO

from seqcore.checkpoint import Checkpoint
from seqcore.cli.outputs import Output, SomeFailedError
from seqcore.errors import InputError, SettingsError
from seqcore.runtime.bulk import Answer, answer_chunks, chunk_sizes, planned
from seqcore.tasks.base import Task


class Shard(NamedTuple):
    """One of so many parts of the inputs, which lie one after the other and are of like size.

    Example:
        >>> [Shard(number, 3).bounds(10) for number in (1, 2, 3)]
        [(0, 3), (3, 6), (6, 10)]
    """

    number: int
    parts: int

    def bounds(self, total: int) -> tuple[int, int]:
        """Where it begins and ends among so many inputs."""
        return total * (self.number - 1) // self.parts, total * self.number // self.parts


def read_shard(text: str) -> Shard:
    """`3/100` → the third of a hundred. Raises `SettingsError` for what is none."""
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise SettingsError(f"--shard is such as 1/100, the first of a hundred, to 100/100, the last; not {text!r}")
    return Shard(int(match[1]), int(match[2]))


class Errors:
    """What could not be answered: a line on standard error for each.

    Args:
        has_failed: whether there was one in what an earlier run has done.
    """

    def __init__(self, has_failed: bool = False) -> None:
        self.has_failed = has_failed

    def add(self, place: str | None, error: InputError) -> None:
        """Say what was wrong where; nothing where the place is None, for then the output says it."""
        self.has_failed = True
        if place is not None:
            print(f"error: {place}{': ' * bool(place)}{error.message}", file=sys.stderr)

    def end(self) -> None:
        """Raises `SomeFailedError` if there was any."""
        if self.has_failed:
            raise SomeFailedError


@dataclass
class Run:
    """What answers inputs, and where the answers go.

    Attributes:
        options: of `predict`.
        checkpoint: what each of several processes loads.
        at_once: inputs that are answered together; by default as many as the task does.
    """

    task: Task
    output: Output
    options: Mapping[str, Any] = field(default_factory=dict)
    checkpoint: Checkpoint | None = None
    workers: int = 1
    shard: Shard | None = None
    at_once: int | None = None

    def __post_init__(self) -> None:
        journal = self.output.journal
        self.errors = Errors(journal is not None and journal.has_failed)

    @property
    def out(self) -> TextIO:
        """What answers are written to."""
        return self.output.text

    def answered(
        self, answer: Answer, items: Iterable[Any], total: Callable[[], int], content: Callable[[Any], str] = repr
    ) -> Iterator[tuple[Any, Any]]:
        """The items of this run that are not answered yet, each with its answer or its error, in order.

        When the next is taken, those before are taken to be written.

        Args:
            answer: what gives the answers of some items.
            total: counts all items, for a part of them.
            content: what of an item says whether it is the same as in an earlier run.

        Raises:
            SettingsError: what is answered already belongs to other inputs.
        """
        if self.shard is not None:
            items = islice(items, *self.shard.bounds(total()))
        items, journal = iter(items), self.output.journal
        digest, done = hashlib.blake2b(digest_size=16), 0 if journal is None else journal.done
        size, batch = (self.at_once, 1) if self.at_once else chunk_sizes(self.task, self.options)
        skipped = 0
        for item in islice(items, done):
            digest.update(content(item).encode("utf-8", "surrogatepass"))
            skipped += 1
        if journal is not None:
            journal.check(skipped, digest.hexdigest())
        chunks = planned(items, size, batch, self.workers)
        with closing(answer_chunks(self.task, self.checkpoint, answer, chunks, self.workers)) as answered:
            for chunk, answers in answered:
                yield from zip(chunk, answers, strict=True)
                done += len(chunk)
                if journal is not None:
                    for item in chunk:
                        digest.update(content(item).encode("utf-8", "surrogatepass"))
                self.output.commit(done, self.errors.has_failed, digest.hexdigest())
