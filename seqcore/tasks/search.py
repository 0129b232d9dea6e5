"""What tasks that search have in common."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from seqcore.decoding import GenerationConfig
from seqcore.errors import InputError
from seqcore.text import Tokenizer


@contextmanager
def refusals() -> Iterator[None]:
    """A setting that the search finds impossible is the user's. Raises `InputError` for what search raises."""
    try:
        yield
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"this search is not possible: {error}") from error


def generation_config(
    tokenizer: Tokenizer, settings: Mapping[str, Any], banned: Sequence[int] = ()
) -> GenerationConfig:
    """Settings of a search that ends and pads as the tokenizer says.

    Args:
        banned: tokens that are never written, besides those of the settings.

    Raises:
        InputError: a setting is unknown or out of range.
    """
    with refusals():
        never = (*banned, *settings.get("banned_tokens", ()))
        return GenerationConfig(eos=tokenizer.eos_id, pad=tokenizer.pad_id, **{**settings, "banned_tokens": never})


def usual_n_best(n_best: int | None, beam_size: object, generation: Mapping[str, Any]) -> int:
    """Answers that are given: where nobody says how many, three, or as many as there are hypotheses."""
    if n_best is not None:
        return n_best
    if generation.get("do_sample") is True or not isinstance(beam_size, int):
        return 3
    return max(1, min(3, beam_size))
