"""Runs of a visitor: whatever begins or ends one ends the one before, and waits until that has ended."""

import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, as_completed

import gradio as gr
import pytest

from apps.ui.runs import LatestRun


def counted(events: list[str], name: str, begun: threading.Event) -> Generator[int, None, None]:
    """Counts until it is closed."""
    try:
        number = 0
        while True:
            yield number
            begun.set()
            number += 1
    finally:
        events.append(f"{name} ended")


def watch(runs: LatestRun, events: list[str], name: str, begun: threading.Event) -> list[int]:
    return list(runs.run("visitor", counted(events, name, begun)))


def test_a_run_that_nobody_ends_is_whole() -> None:
    runs = LatestRun()
    for _ in range(2):
        assert list(runs.run("visitor", (number for number in range(3)))) == [0, 1, 2]
    runs.end("visitor")


@pytest.mark.parametrize("ending", [LatestRun.end, lambda runs, visitor: next(runs.run(visitor, iter_one()))])
def test_what_ends_a_run_waits_until_it_has_ended(ending: Callable[[LatestRun, str], object]) -> None:
    runs, events, begun = LatestRun(), list[str](), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        steps = pool.submit(watch, runs, events, "first", begun)
        assert begun.wait(20)
        runs.end("somebody else")
        assert events == []
        ending(runs, "visitor")
        assert events == ["first ended"]
        assert steps.result(20)[-1] == gr.skip()


def iter_one() -> Generator[int, None, None]:
    yield 1


def test_of_many_that_begin_at_once_all_but_one_end() -> None:
    runs, events = LatestRun(), list[str]()
    begun = [threading.Event() for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(watch, runs, events, str(number), event) for number, event in enumerate(begun)]
        first = as_completed(jobs, timeout=20)
        for _ in range(5):
            next(first)
        assert len(events) == 5
        runs.end("visitor")
        assert all(job.result(20) is not None for job in jobs)
    assert len(events) == 6


def test_a_run_goes_on_when_what_it_is_of_is_chosen_again() -> None:
    runs = LatestRun()
    run = runs.run("visitor", (number for number in range(9)), key="a.txt")
    assert next(run) == 0
    assert not runs.end("visitor", unless="a.txt")
    assert next(run) == 1
    with ThreadPoolExecutor(1) as pool:
        for other in ("b.txt", None):
            ended = pool.submit(runs.end, "visitor", unless=other)
            assert list(run)[-1:] in ([gr.skip()], [])
            assert ended.result(20)


def test_an_error_ends_the_run() -> None:
    def broken() -> Generator[int, None, None]:
        yield 1
        raise ValueError("broken")

    runs = LatestRun()
    with pytest.raises(ValueError, match="broken"):
        list(runs.run("visitor", broken()))
    runs.end("visitor")
