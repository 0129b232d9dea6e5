"""Processes that work on chunks: answers in order, whoever ends before it is asked to."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from worker_tasks import ended, prepared, refused

from seqcore.errors import InputError, SettingsError
from seqcore.runtime.workers import WorkerError, in_order


def answers(chunks: Any, count: int = 2) -> list[Any]:
    return list(itertools.chain.from_iterable(answered for _, answered in in_order(prepared, chunks, count)))


def test_answers_come_in_order_though_the_second_is_there_first(tmp_path: Path) -> None:
    wait, touch = f"wait {tmp_path / 'it'}", f"touch {tmp_path / 'it'}"
    given = list(in_order(prepared, [[wait, 1], [touch], [2, 3]], 2))
    assert given == [([wait, 1], [wait, 2]), ([touch], [touch]), ([2, 3], [4, 6])]


def test_an_item_that_ends_its_process_is_one_error_and_a_process_that_ends_once_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = answers([[1, f"once {tmp_path / 'it'}"], [2, "die", 3], [4]])
    assert given[:3] + given[4:] == [2, f"once {tmp_path / 'it'}", 4, 6, 8]
    assert isinstance(given[3], InputError)
    assert "ended with status 9" in given[3].message
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 4
    assert all(line.startswith("warning: a worker ended with status 9; what it worked on is tried") for line in told)


def test_an_error_of_the_input_comes_after_all_answers_before_it() -> None:
    def chunks() -> Iterator[list[int]]:
        yield [1]
        yield [2]
        raise SettingsError("the third is not to be had")

    given = in_order(prepared, chunks(), 2)
    assert [next(given), next(given)] == [([1], [2]), ([2], [4])]
    with pytest.raises(SettingsError, match="the third"):
        next(given)


def test_errors_of_the_work_and_of_its_start_are_raised_here(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SettingsError, match="it is refused"):
        answers([["refuse"]])
    with pytest.raises(RuntimeError, match="it is stuck") as raised:
        answers([["stuck"]])
    assert "CannotBeSentError" in str(raised.value.__cause__)
    with pytest.raises(SettingsError, match="nothing to work with"):
        list(in_order(refused, [[1]], 2))
    with pytest.raises(WorkerError, match="ended with status 3 before it was ready"):
        list(in_order(ended, [[1]], 2))
    assert "Traceback" not in capfd.readouterr().err


def test_few_chunks_are_taken_ahead() -> None:
    taken = 0

    def chunks() -> Iterator[list[int]]:
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield [number]

    given = in_order(prepared, chunks(), 2)
    next(given)
    assert taken <= 8
    given.close()


def test_workers_end_with_the_process_that_started_them_however_it_ends() -> None:
    script = str(Path(__file__).parents[1] / "support" / "worker_tasks.py")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        signals = dict(line.split(":") for line in Path(f"/proc/{worker}/status").read_text().splitlines())
        assert int(signals["SigIgn"], 16) & 1 << signal.SIGINT - 1  # Ctrl-C is heard by who started it, and ends it.
        parent.kill()
    until = time.monotonic() + 30
    while Path(f"/proc/{worker}").exists() and "Z" not in Path(f"/proc/{worker}/stat").read_text():
        assert time.monotonic() < until
        time.sleep(0.01)
