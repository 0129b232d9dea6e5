"""Answers to input of any size, by several processes of one thread each, in order and in constant memory.

Two processes of one thread do twice the work of one, for nothing is shared; two threads of one process wait for each
other in every small product of matrices.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from seqcore.checkpoint import Checkpoint, read_checkpoint
from seqcore.errors import InputError, SettingsError
from seqcore.runtime.workers import MAX_WORKERS, Work, in_order
from seqcore.tasks.base import Task
from seqcore.tasks.loading import task_of
from seqcore.validation import shown

Answer = Callable[[Task, list[Any]], list[Any]]


def predict(
    checkpoint: str | Path | Checkpoint, inputs: Iterable[Any], workers: int = 2, **options: Any
) -> Iterator[Any]:
    """Answer any number of inputs on the CPU: a result each, or its `InputError`, in order.

    Inputs are read as they are needed, some chunks ahead, and results wait for no more than a few chunks. Answers are
    those of `Task.predict_each`, but for ties and the last digits where batches are cut in other places. A script calls
    it under `if __name__ == "__main__":`, as all that starts processes.

    Args:
        checkpoint: a folder or a hub id, which each process loads.
        workers: processes; with 1 it is this one.
        options: those of the task's `predict`; a list holds a value for each input.

    Raises:
        SettingsError: so many processes cannot be.
        InputError: an option is wrong, which no input can help.
        WorkerError: a process ends before it is ready. One that ends later is replaced; an input that ends its process
            again and again has an `InputError`.

    Example:
        >>> for answer in predict("checkpoints/sentiment", open("reviews.txt"), workers=8):  # doctest: +SKIP
        ...     print(answer.label)
    """
    if isinstance(inputs, str | bytes):
        raise InputError("inputs are several, such as a list or the lines of a file; Task.predict answers one")
    checked = read_checkpoint(checkpoint)
    kind, count = task_of(checked), checked_workers(workers)
    task = kind.from_pretrained(checked, device="cpu") if count < 2 else None
    of_each = {name: value for name, value in options.items() if isinstance(value, list)}
    items = zip(inputs, *of_each.values(), strict=False) if of_each else ((one,) for one in inputs)
    answer = partial(_results, options=options, of_each=tuple(of_each))
    chunks = planned(items, *chunk_sizes(kind, options), count)
    answered = answer_chunks(task or kind, checked, answer, chunks, count)
    return chain.from_iterable(answers for _, answers in answered)


def answer_chunks(
    task: Task | type[Task], checkpoint: Checkpoint | None, answer: Answer, chunks: Iterable[list[Any]], workers: int
) -> Generator[tuple[list[Any], list[Any]], None, None]:
    """Give each chunk with its answers, in order.

    Args:
        task: with fewer than two workers, the very one that answers; else its class will do.
        checkpoint: what each of several processes loads.
        answer: what gives an answer, or an `InputError`, for each item of a chunk; it, items and answers are pickled.
    """
    if workers < 2:
        assert isinstance(task, Task)
        yield from ((chunk, answer(task, chunk)) for chunk in chunks)
        return
    assert checkpoint is not None
    kind = type(task) if isinstance(task, Task) else task
    yield from in_order(_Loading(kind, checkpoint, answer), chunks, workers)


def planned(items: Iterable[Any], size: int, batch: int, workers: int) -> Iterator[list[Any]]:
    """Cut items into chunks: of `size`, and smaller ones towards the end, so that all processes end together.

    What is left is dealt out as in guided self-scheduling (Polychronopoulos & Kuck 1987), two thirds of an even share
    at a time, in whole batches. Where it is cut depends on the number of items and of processes alone, not on how fast
    they are.

    Raises:
        Exception: what reading an item raises, after the chunks of all that were before it.

    Example:
        >>> [len(chunk) for chunk in planned(range(100), 32, 4, 2)]
        [32, 24, 16, 12, 8, 4, 4]
        >>> [len(chunk) for chunk in planned(range(100), 32, 4, 1)]
        [32, 32, 32, 4]
    """
    waiting, ahead = iter(items), deque[Any]()
    window = size if workers < 2 else 3 * workers * size // 2
    error, is_exhausted = None, False
    while True:
        try:
            while not is_exhausted and len(ahead) < window:
                ahead.append(next(waiting))
        except StopIteration:
            is_exhausted = True
        except Exception as raised:  # What is before it is answered first.
            error, is_exhausted = raised, True
        if not ahead:
            break
        share = -(-len(ahead) * size // window)
        length = min(size, -(-share // batch) * batch) if is_exhausted and workers > 1 else size
        yield [ahead.popleft() for _ in range(min(length, len(ahead)))]
    if error is not None:
        raise error


def chunk_sizes(task: type[Task] | Task, options: Mapping[str, Any]) -> tuple[int, int]:
    """How many inputs a task answers at a time, and how many of them are one batch."""
    size = task.chunk_size(**options)
    return size, max(1, size // task.batches_at_once)


def checked_workers(workers: Any) -> int:
    """A number of processes. Raises `SettingsError` for what is none."""
    if not isinstance(workers, int) or isinstance(workers, bool) or not 0 <= workers <= MAX_WORKERS:
        raise SettingsError(f"workers must be a whole number from 0 to {MAX_WORKERS}, not {shown(workers)}")
    return workers


@dataclass(frozen=True)
class _Loading:
    """What each process does first."""

    task: type[Task]
    checkpoint: Checkpoint
    answer: Answer

    def __call__(self) -> Work:
        import torch

        from seqcore.media import containers

        torch.set_num_threads(1)
        containers.max_decoder_threads = 1  # More of them take as long again for the same films.
        return partial(self.answer, self.task.from_pretrained(self.checkpoint, device="cpu"))


def _results(task: Task, items: list[Any], options: Mapping[str, Any], of_each: tuple[str, ...]) -> list[Any]:
    inputs, *values = map(list, zip(*items, strict=True))
    return [*task.predict_each(inputs, **{**options, **dict(zip(of_each, values, strict=True))})]
