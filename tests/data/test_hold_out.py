"""Rows that are held out: those of the seed, but no class loses its last row to them."""

import random
from collections import Counter

import pytest

from seqcore.data import PartOfRows, hold_out, row_list, row_number
from seqcore.errors import DataError


def parts(labels: str, count: int, seed: int) -> tuple[str, str]:
    """The labels that stay and those that are held out, of a row for each letter."""
    rows = [{"label": label} for label in labels]
    rest, held, places = hold_out(rows, count, seed, [*labels])
    assert held == [rows[place] for place in places]
    assert [row_number(held, place) for place in range(len(held))] == [place + 1 for place in places]
    assert sorted([*rest.numbers, *held.numbers]) == [*range(1, len(rows) + 1)]  # type: ignore[attr-defined]
    return "".join(row["label"] for row in rest), "".join(row["label"] for row in held)


@pytest.mark.parametrize("seed", range(20))
def test_where_every_class_keeps_a_row_the_rows_are_those_of_the_seed(seed: int) -> None:
    rows, labels = [{"number": number} for number in range(60)], "abc" * 20
    assert hold_out(rows, 8, seed, labels) == hold_out(rows, 8, seed)
    assert hold_out(rows, 8, seed)[2] == sorted(random.Random(seed).sample(range(60), 8))


@pytest.mark.parametrize("seed", range(20))
def test_no_class_loses_its_last_row(seed: int) -> None:
    for labels in ("aabbccddee", "a" * 17 + "bcd", "abcdefghij" * 2, "aab" * 3 + "c"):
        for count in range(1, len(labels) // 2 + 1):
            rest, held = parts(labels, count, seed)
            assert set(rest) == set(labels)
            spare = sum(number - 1 for number in Counter(labels).values())
            assert len(held) == min(count, spare)
            assert parts(labels, count, seed) == (rest, held)


def test_a_row_of_several_classes_stays_for_any_of_them() -> None:
    rows, classes = [{"n": n} for n in range(6)], [{"a", "b"}, {"a"}, {"b", "c"}, set(), {"a", "b"}, {"a"}]
    for seed in range(20):
        places = hold_out(rows, 3, seed, classes)[2]
        assert 2 not in places, "the only row of c"
        assert len(places) == 3


def test_rows_that_are_each_the_only_one_of_their_class_cannot_be_held_out() -> None:
    with pytest.raises(DataError, match=r"no row can be held out.*--validation"):
        parts("abcd", 1, 0)
    assert parts("abcda", 2, 0)[1] == "a"


def test_parts_of_parts_know_the_numbers_of_the_whole() -> None:
    part = PartOfRows(PartOfRows([{"n": n} for n in range(9)], [2, 4, 6, 8]), [1, 3])
    assert [row["n"] + 1 for row in part] == part.numbers == [5, 9]


def test_rows_are_named_in_words() -> None:
    rows = [{"n": n} for n in range(30)]
    assert row_list(rows, [2]) == "row 3"
    assert row_list(rows, [2, 4], "videos") == "videos 3, 5"
    assert row_list(rows, range(12)) == "rows 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …"
