"""Parts of rows: some are held out, and each knows the number that it had in its file."""

import random
from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any

from seqcore.errors import DataError

MAX_SHOWN_ROWS = 10  # Rows that a message names.

Row = Mapping[str, Any]


class PartOfRows(list[Row]):
    """Some rows of a source, which know their numbers there, from 1: messages name them so.

    Args:
        rows: all of them, or themselves a part.
    """

    def __init__(self, rows: Sequence[Row], places: Sequence[int]) -> None:
        super().__init__(rows[place] for place in places)
        self.numbers = [row_number(rows, place) for place in places]


def row_number(rows: Sequence[Row], place: int) -> int:
    """The number, from 1, that the row at a place of a list has in its source."""
    return rows.numbers[place] if isinstance(rows, PartOfRows) else place + 1


def row_list(rows: Sequence[Row], places: Sequence[int], unit: str = "rows") -> str:
    """The rows at some places of a list, as messages name them: `row 3`, or `rows 3, 7, …`.

    Args:
        unit: what they are called, where there are several.
    """
    numbers = ", ".join(str(row_number(rows, place)) for place in places[:MAX_SHOWN_ROWS])
    name = unit if len(places) > 1 else unit.removesuffix("s")
    return f"{name} {numbers}{', …' * (len(places) > MAX_SHOWN_ROWS)}"


def hold_out(
    rows: Sequence[Row], count: int, seed: int, classes: Sequence[Collection[Hashable]] = ()
) -> tuple[list[Row], list[Row], list[int]]:
    """Split off `count` rows at random: the rest, those held out, and their places in `rows` (from 0, sorted).

    Both parts know the numbers that their rows had: see `row_number`.

    Args:
        classes: of each row what it is an example of, such as its labels. No class loses its last row to those held
            out: a row that would be the last stays, and another one is held out for it, if there is one.

    Raises:
        DataError: not more than `count` rows, or each is the only one of its class.
    """
    if len(rows) <= count:
        raise DataError(f"{len(rows)} rows are too few to hold {count} of them out")
    generator = random.Random(seed)
    places = sorted(generator.sample(range(len(rows)), count))
    if classes:
        places = _without_last_ones(places, classes, generator)
    if not places:
        raise DataError(
            "no row can be held out, for each is the only one of its class: give more rows, or name others to validate "
            "on with --validation"
        )
    rest = sorted({*range(len(rows))}.difference(places))
    return PartOfRows(rows, rest), PartOfRows(rows, places), places


def _without_last_ones(
    places: Sequence[int], classes: Sequence[Collection[Hashable]], generator: random.Random
) -> list[int]:
    """Places to hold out, exchanged where a class would lose its last row; all as they are where none does."""
    remaining = Counter(name for names in classes for name in {*names})
    for place in places:
        remaining.subtract({*classes[place]})
    held = [*places]
    for place in places:
        if any(remaining[name] < 1 for name in classes[place]):
            held.remove(place)
            remaining.update({*classes[place]})
    others = sorted({*range(len(classes))}.difference(places))
    for place in generator.sample(others, len(others)) if len(held) < len(places) else ():
        if len(held) == len(places):
            break
        if all(remaining[name] > 1 for name in classes[place]):
            held.append(place)
            remaining.subtract({*classes[place]})
    return sorted(held)
