"""Concurrent calls that are worked on together: each gets its own answer or its own error, and too many are refused."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from apps.server.batching import Batcher, BusyError


class Work:
    """Doubles words; it can be held, and tells which ones it was given together."""

    def __init__(self) -> None:
        self.given: list[list[str]] = []
        self.begun, self.free = threading.Event(), threading.Event()
        self.free.set()

    def __call__(self, words: Sequence[str], mark: str = "") -> list[str]:
        self.given.append(list(words))
        self.begun.set()
        assert self.free.wait(20)
        if "lost" in words:
            return []
        if bad := [word for word in words if word.startswith("bad")]:
            raise ValueError(bad[0])
        return [2 * word + mark for word in words]

    def hold(self, batcher: Batcher[str, str]) -> None:
        """Keep the worker busy with one call, so that further ones wait."""
        self.free.clear()
        self.begun.clear()
        batcher.submit("first")
        assert self.begun.wait(20)
        self.given.clear()


def test_each_caller_gets_its_own_answer() -> None:
    batcher: Batcher[str, str] = Batcher(Work())
    with ThreadPoolExecutor(16) as pool:
        words = [str(number) for number in range(200)]
        assert list(pool.map(batcher, words)) == [2 * word for word in words]


def test_calls_that_wait_are_worked_on_together_and_in_order() -> None:
    work = Work()
    batcher: Batcher[str, str] = Batcher(work, max_together=3)
    work.hold(batcher)
    answers = [batcher.submit(word) for word in "abcde"]
    work.free.set()
    assert [answer.result(20) for answer in answers] == ["aa", "bb", "cc", "dd", "ee"]
    assert work.given == [["a", "b", "c"], ["d", "e"]]


def test_only_calls_of_equal_settings_come_together() -> None:
    work = Work()
    batcher: Batcher[str, str] = Batcher(work)
    work.hold(batcher)
    answers = [batcher.submit(word, mark=mark) for word, mark in (("a", "!"), ("b", "?"), ("c", "!"))]
    work.free.set()
    assert [answer.result(20) for answer in answers] == ["aa!", "bb?", "cc!"]
    assert work.given == [["a", "c"], ["b"]]


@pytest.mark.parametrize("bad", [{3}, {0, 6}, set(range(7))])
def test_a_bad_item_fails_alone(bad: set[int]) -> None:
    work = Work()
    batcher: Batcher[str, str] = Batcher(work)
    work.hold(batcher)
    words = [f"bad {number}" if number in bad else f"good {number}" for number in range(7)]
    answers = [batcher.submit(word) for word in words]
    work.free.set()
    for word, answer in zip(words, answers, strict=True):
        if word.startswith("bad"):
            with pytest.raises(ValueError, match=word):
                answer.result(20)
        else:
            assert answer.result(20) == 2 * word
    assert batcher("again") == "againagain"


def test_work_that_loses_answers_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="1 items gave 0 results"):
        Batcher[str, str](Work())("lost")


def test_too_many_calls_are_refused_and_later_ones_taken() -> None:
    work = Work()
    batcher: Batcher[str, str] = Batcher(work, max_waiting=2)
    work.hold(batcher)
    answers = [batcher.submit(word) for word in "ab"]
    with pytest.raises(BusyError, match="try again in a moment"):
        batcher("c")
    work.free.set()
    assert [answer.result(20) for answer in answers] == ["aa", "bb"]
    assert batcher("c") == "cc"


def test_a_call_that_was_given_up_is_not_worked_on() -> None:
    work = Work()
    batcher: Batcher[str, str] = Batcher(work)
    work.hold(batcher)
    given_up, kept = batcher.submit("a"), batcher.submit("b")
    assert given_up.cancel()
    work.free.set()
    assert kept.result(20) == "bb"
    assert work.given == [["b"]]
