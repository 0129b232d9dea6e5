"""Runs of a visitor: whatever begins or ends one ends the one before, and waits until that has ended."""

import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, as_completed

import pytest

from apps.ui.runs import Turns


def counted(told: list[str], name: str, begun: threading.Event) -> Generator[int, None, None]:
    """Counts until it is closed."""
    try:
        number = 0
        while True:
            yield number
            begun.set()
            number += 1
    finally:
        told.append(f"{name} ended")


def watch(turns: Turns, told: list[str], name: str, begun: threading.Event) -> list[int]:
    return list(turns.run("visitor", counted(told, name, begun), -1))


def test_a_run_that_nobody_ends_is_whole() -> None:
    turns = Turns()
    for _ in range(2):
        assert list(turns.run("visitor", (number for number in range(3)), -1)) == [0, 1, 2]
    turns.end("visitor")


@pytest.mark.parametrize("ending", [Turns.end, lambda turns, visitor: next(turns.run(visitor, iter_one(), -1))])
def test_what_ends_a_run_waits_until_it_has_ended(ending: Callable[[Turns, str], object]) -> None:
    turns, told, begun = Turns(), list[str](), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        steps = pool.submit(watch, turns, told, "first", begun)
        assert begun.wait(20)
        turns.end("somebody else")
        assert told == []
        ending(turns, "visitor")
        assert told == ["first ended"]
        assert steps.result(20)[-1] == -1


def iter_one() -> Generator[int, None, None]:
    yield 1


def test_of_many_that_begin_at_once_all_but_one_end() -> None:
    turns, told = Turns(), list[str]()
    begun = [threading.Event() for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(watch, turns, told, str(number), event) for number, event in enumerate(begun)]
        first = as_completed(jobs, timeout=20)
        for _ in range(5):
            next(first)
        assert len(told) == 5
        turns.end("visitor")
        assert all(job.result(20) is not None for job in jobs)
    assert len(told) == 6


def test_a_run_goes_on_when_what_it_is_of_is_chosen_again() -> None:
    turns = Turns()
    run = turns.run("visitor", (number for number in range(9)), -1, of="a.txt")
    assert next(run) == 0
    assert not turns.end("visitor", unless="a.txt")
    assert next(run) == 1
    with ThreadPoolExecutor(1) as pool:
        for other in ("b.txt", None):
            ended = pool.submit(turns.end, "visitor", unless=other)
            assert list(run)[-1:] in ([-1], [])
            assert ended.result(20)


def test_an_error_ends_the_run() -> None:
    def broken() -> Generator[int, None, None]:
        yield 1
        raise ValueError("broken")

    turns = Turns()
    with pytest.raises(ValueError, match="broken"):
        list(turns.run("visitor", broken(), -1))
    turns.end("visitor")
