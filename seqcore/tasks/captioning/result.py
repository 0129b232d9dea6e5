"""What a captioner answers."""

from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Caption:
    """A caption and what explains it.

    Attributes:
        text: capitalised and punctuated, as an alt text is.
        tokens: the pieces written, T of them.
        token_probabilities: of each of them, given those before.
        score: log-probability over length penalty (Wu 2016); higher is better.
        attention: (T, h, w), where the model looked for each piece; each sums to 1 over the grid.
        alternatives: the other n-best, best first.
    """

    text: str
    tokens: tuple[str, ...]
    token_probabilities: tuple[float, ...]
    score: float
    attention: Tensor = field(repr=False)
    alternatives: tuple["Caption", ...] = ()


def sentence(text: str) -> str:
    """Words as a sentence: a capital first, and a full stop last."""
    text = " ".join(text.split())
    return text and text[0].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")
