"""Processes of one thread each that work on chunks, whose answers come in the order of the chunks.

Each has a pipe of its own and is given one chunk at a time, so neither side ever waits for the other to read. They are
spawned, never forked: who forks beside threads copies locks that nobody opens again.
"""

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

from seqcore.errors import InputError, SeqcoreError, first_line, warn

MAX_WORKERS = 256
Work = Callable[[list[Any]], list[Any]]
_ALONE = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "MKL_NUM_THREADS": "1"}
_CHUNKS_EACH = 4  # A slow chunk may keep so many for each process waiting that are done; more would fill the memory.
_PROTOCOL = pickle.HIGHEST_PROTOCOL


class WorkerError(SeqcoreError):
    """A process that should work cannot start."""


def in_order(
    prepare: Callable[[], Work], chunks: Iterable[list[Any]], count: int
) -> Generator[tuple[list[Any], list[Any]], None, None]:
    """Work on chunks in processes and give each chunk with its answers, one for each item, in order.

    Chunks are taken as they are needed, some ahead. A process that ends is replaced: its chunk is tried again, then
    item by item, and one that ends its process again has an `InputError` for an answer. When this generator is closed,
    or this process ends in whatever way, all of them end at once.

    Args:
        prepare: gives, in the process, what works on a chunk; it is pickled, and so are chunks and answers.
        count: processes; no more are started than there are chunks.

    Raises:
        WorkerError: a process ends before it is ready.
        Exception: what the work raises for a chunk, and what taking the next chunk raises, after all before it.
    """
    crew = _Crew(pickle.dumps(prepare, _PROTOCOL), count)
    order: deque[_Chunk] = deque()
    waiting, error = iter(chunks), None
    is_exhausted = False
    try:
        while True:
            crew.assign()
            while not is_exhausted and len(order) < _CHUNKS_EACH * count and len(crew.queue) < count:
                try:
                    order.append(_Chunk(next(waiting)))
                except StopIteration:
                    is_exhausted = True
                except Exception as raised:  # What is before it is answered first.
                    error, is_exhausted = raised, True
                else:
                    crew.queue.append(_Part(order[-1], 0, len(order[-1].items)))
            crew.assign()
            while order and not order[0].missing:
                chunk = order.popleft()
                yield chunk.items, chunk.answers
            if order and order[0].missing:
                crew.hear()
            elif is_exhausted and not order:
                break
        if error is not None:
            raise error
    finally:
        crew.end()


class _Chunk:
    """Items, and as many answers as there are yet."""

    def __init__(self, items: list[Any]) -> None:
        self.items, self.missing = items, len(items)
        self.answers: list[Any] = [None] * len(items)


@dataclass
class _Part:
    """Items of a chunk that a process is given together, and how often that ended it."""

    chunk: _Chunk
    begin: int
    end: int
    ends: int = 0

    @property
    def items(self) -> list[Any]:
        return self.chunk.items[self.begin : self.end]

    def answer(self, answers: list[Any]) -> None:
        self.chunk.answers[self.begin : self.end] = answers
        self.chunk.missing -= self.end - self.begin

    def again(self, how: str) -> "list[_Part]":
        """What is to be tried after it ended its process: the same, then each item; then it has an error."""
        self.ends += 1
        if self.ends == 1:
            return [self]
        if self.end - self.begin > 1:
            return [_Part(self.chunk, place, place + 1, 1) for place in range(self.begin, self.end)]
        self.answer([InputError(f"the process that worked on it {how}, again and again")])
        return []


@dataclass
class _Worker:
    process: multiprocessing.process.BaseProcess
    connection: Connection
    is_ready: bool = False
    part: _Part | None = None


@dataclass
class _Crew:
    """All processes, and what waits for one that is idle."""

    prepare: bytes
    count: int
    queue: deque[_Part] = field(default_factory=deque)
    workers: list[_Worker] = field(default_factory=list)

    def assign(self) -> None:
        """Give each idle process a part, and start some where more parts wait."""
        for worker in self.workers:
            if self.queue and worker.is_ready and worker.part is None:
                part = self.queue.popleft()
                worker.part = part
                try:
                    worker.connection.send_bytes(pickle.dumps(part.items, _PROTOCOL))
                except OSError:  # It has just ended, which `hear` will find.
                    continue
        starting = sum(not worker.is_ready for worker in self.workers)
        for _ in range(min(len(self.queue) - starting, self.count - len(self.workers))):
            self.workers.append(_started(self.prepare))

    def hear(self) -> None:
        """Wait until a process says something or ends."""
        busy = {worker.connection: worker for worker in self.workers if worker.part or not worker.is_ready}
        for connection in wait([*busy]):
            worker = busy[connection]  # type: ignore[index]
            try:
                error, trace, answers = pickle.loads(worker.connection.recv_bytes())
            except (EOFError, OSError):
                self._replace(worker)
                continue
            if error is not None:
                raise error from (RuntimeError(trace) if trace else None)
            if worker.part is not None:
                worker.part.answer(answers)
            worker.is_ready, worker.part = True, None

    def _replace(self, worker: _Worker) -> None:
        self.workers.remove(worker)
        worker.process.join()
        worker.connection.close()
        how = _how_it_ended(worker.process.exitcode or 0)
        if worker.part is None:
            raise WorkerError(
                f"a worker {how} before it was ready: try fewer workers; a script that starts them does so under "
                "if __name__ == '__main__'"
            )
        warn(f"a worker {how}; what it worked on is tried again. Where memory is short, use fewer workers")
        self.queue.extendleft(reversed(worker.part.again(how)))

    def end(self) -> None:
        for worker in self.workers:
            worker.process.kill()
        for worker in self.workers:
            worker.process.join()
            worker.connection.close()


def _started(prepare: bytes) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, prepare), daemon=True, name="worker")
    with _environment(), _without_interrupts():
        process.start()
    theirs.close()
    return _Worker(process, ours)


def _serve(connection: Connection, prepare: bytes) -> None:
    """What a process does: it says that it is ready, and then answers chunk after chunk."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        work = pickle.loads(prepare)()
    except Exception as error:
        connection.send_bytes(_reply(error))
        return
    connection.send_bytes(_reply())
    while True:
        try:
            items = pickle.loads(connection.recv_bytes())
        except EOFError:
            return
        try:
            reply = _reply(answers=work(items))
        except Exception as error:
            reply = _reply(error)
        connection.send_bytes(reply)


def _reply(error: Exception | None = None, answers: Any = None) -> bytes:
    """What is sent back: an error, where it arose if it is none of ours, and answers."""
    if error is None or isinstance(error, SeqcoreError | OSError):
        return pickle.dumps((error, "", answers), _PROTOCOL)
    trace = "".join(traceback.format_exception(error))
    try:
        return pickle.dumps((error, trace, None), _PROTOCOL)
    except Exception:  # Not every error can be sent.
        return pickle.dumps((RuntimeError(first_line(error)), trace, None), _PROTOCOL)


def _end_with_parent() -> None:
    """End when whoever started this process ends, which nothing else would tell it while it works."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _how_it_ended(status: int) -> str:
    with_name = {one.value: one.name for one in signal.Signals}
    return f"was ended by {with_name.get(-status, -status)}" if status < 0 else f"ended with status {status}"


@contextmanager
def _environment() -> Iterator[None]:
    """A process reads these when torch is imported, which may be before any of our code runs in it."""
    before = {name: os.environ.get(name) for name in _ALONE}
    os.environ.update(_ALONE)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """A process that is started inside never hears Ctrl-C: whoever started it does, and ends it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # Else the first process starts it, which lets interrupts in again.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
