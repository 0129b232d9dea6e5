"""Rows in numbers: made once, and of many texts by several processes."""

import gc
import multiprocessing
import pickle
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

from seqcore.data import row_number
from seqcore.errors import DataError, InputError, SettingsError
from seqcore.media.ahead import usable_cores
from seqcore.tasks.base import Example, Task
from seqcore.tasks.text_task import TextTask

MIN_ROWS_A_PROCESS = 10_000  # A process costs as much as some hundred rows, and not all of it is seen.
PART_ROWS = 4096

Rows = Sequence[Mapping[str, Any]]


def make_examples(task: Task, rows: Rows, what: str, processes: int = 1) -> list[Example]:
    """The examples of rows, in their order.

    Those of a `TextTask` that makes many at once are made by several processes where there are many; each is a copy of
    this one, so that no row is sent to it.

    Args:
        what: what the rows are, for messages, such as `training`.
        processes: that share the processor, each of which makes all examples.

    Raises:
        DataError: a row holds what the task cannot learn from; the message names it.
        SettingsError: a process has ended, for instance for lack of memory.
    """
    helpers = min(usable_cores() // processes, len(rows) // MIN_ROWS_A_PROCESS)
    batched = isinstance(task, TextTask) and type(task).examples is not Task.examples
    # Elsewhere than on Linux, a copy of a process with threads is not safe; one that others own may have none.
    apart = batched and helpers > 1 and sys.platform == "linux" and not multiprocessing.current_process().daemon
    examples: list[Example] = []
    try:
        for one in _by_processes(task, rows, helpers) if apart else task.examples(rows):
            examples.append(one)
    except InputError as error:
        raise DataError(f"row {row_number(rows, len(examples))} of {what}: {error}") from error
    return examples


def _by_processes(task: Task, rows: Rows, helpers: int) -> Iterator[Example]:
    """Let each of some processes make every so many-th part of the examples."""
    context = multiprocessing.get_context("fork")
    processes, ends = [], []
    try:
        for number in range(helpers):
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=_send_parts, args=(task, rows, number, helpers, sender), daemon=True)
            process.start()
            sender.close()  # So that the pipe ends with the process.
            processes.append(process)
            ends.append(receiver)
        for part in range(-(-len(rows) // PART_ROWS)):
            try:
                examples, error = pickle.loads(ends[part % helpers].recv_bytes())
            except EOFError:
                raise SettingsError("a process that made examples has ended: give it more memory") from None
            yield from examples
            if error is not None:
                raise error
    finally:
        for process, end in zip(processes, ends, strict=True):
            end.close()
            process.terminate()
            process.join()


def _send_parts(task: Task, rows: Rows, number: int, helpers: int, sender: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # A terminal sends Ctrl-C to this process, too; the first one ends it.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.disable()  # It would write to all memory, which is shared until then.
    for begin in range(number * PART_ROWS, len(rows), helpers * PART_ROWS):
        examples: list[Example] = []
        error = None
        try:
            for one in task.examples(rows[begin : begin + PART_ROWS]):
                examples.append(one)
        except InputError as of_row:
            error = InputError(of_row.message, of_row.number)
        try:
            # Pickled here, for multiprocessing would send each tensor as a file of its own.
            sender.send_bytes(pickle.dumps((examples, error), pickle.HIGHEST_PROTOCOL))
        except BrokenPipeError:  # Nobody wants it any more.
            return
