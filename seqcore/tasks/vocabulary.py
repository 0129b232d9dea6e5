"""A trained network is given another vocabulary, and keeps what it has learned of the pieces that both have."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from seqcore.text import Tokenizer


@torch.no_grad()
def copy_rows(
    old: Tokenizer, new: Tokenizer, weights: Sequence[tuple[Tensor, Tensor]], spelling: Callable[[str], str] = str
) -> int:
    """Copy rows of weights from an old vocabulary's to a new one's, and count the pieces that both have.

    A piece that only the new one has gets the mean of the old pieces that spell it.

    Args:
        weights: each the old weight and the new one, with a row or a number for every piece.
        spelling: what the old tokenizer is asked to spell for a piece.
    """
    shared = 0
    for number, piece in enumerate(new.ids_to_tokens(range(len(new)))):
        shared += old.has(piece)
        spelled = [old.token_to_id(piece)] if old.has(piece) else old.encode(spelling(piece))
        for before, after in weights if spelled else ():
            after[number] = before[spelled].mean(0)
    return shared
