"""What a language model answers."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Likelihood:
    """How likely a text is to a language model.

    Attributes:
        text: as it was read, without formatting.
        tokens: its pieces, and the end.
        log_probabilities: natural logarithms, one a token, given all tokens before it.
    """

    text: str
    tokens: tuple[str, ...]
    log_probabilities: tuple[float, ...]

    @property
    def perplexity(self) -> float:
        """The exponential of the mean negative log-probability of a token."""
        return float(torch.tensor(self.log_probabilities).mean().neg().exp())


@dataclass(frozen=True, eq=False)
class Written:
    """A text while it is written.

    Attributes:
        prompt: as it was read.
        text: the prompt and what has been written.
        tokens: the pieces written, and the end if the model chose it.
        probabilities: of each of them, before temperature, top-k and top-p.
        log_probabilities: (V,), of all that could have stood in the place of the last; None before the first.
        finished: whether the model chose to end.
    """

    prompt: str
    text: str
    tokens: tuple[str, ...]
    probabilities: tuple[float, ...]
    log_probabilities: Tensor | None
    finished: bool
