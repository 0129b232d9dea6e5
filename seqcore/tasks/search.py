"""What tasks that search have in common."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from seqcore.errors import InputError


@contextmanager
def refusals() -> Iterator[None]:
    """A setting that the search finds impossible is the user's. Raises `InputError` for what search raises."""
    try:
        yield
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"this search is not possible: {error}") from error


def usual_n_best(beam_size: object, generation: Mapping[str, Any]) -> int:
    """Answers that are given where nobody says how many: three, or as many as there are hypotheses."""
    if generation.get("do_sample") is True or not isinstance(beam_size, int):
        return 3
    return max(1, min(3, beam_size))
