"""The hypotheses that a search answers, and the score by which they are ranked."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """Holds one answer of a search.

    All log-probabilities are natural ones of the model under the constraints of the search (a forbidden token has
    probability 0 and the others share the rest), before temperature, top-k and top-p. So samples and beams compare.

    Attributes:
        tokens: what was generated, without start and end token.
        token_log_probabilities: one for each of `tokens`.
        end_log_probability: that of the end token; 0.0 where the hypothesis was cut before one.
        log_probability: their sum, the end token's included.
        score: `log_probability / length_penalty(steps, alpha)`, where the steps are the tokens and, if finished, the
            end token. Within a list the finished hypotheses come first, each kind by falling score.
        attention: (T, S) on the CPU, row t the weights with which tokens[t] was chosen; None if the state has none.
        finished: whether it ended with the end token, rather than at the maximum length.
    """

    tokens: tuple[int, ...]
    token_log_probabilities: tuple[float, ...]
    end_log_probability: float
    log_probability: float
    score: float
    attention: Tensor | None
    finished: bool


def length_penalty(steps: int, alpha: float) -> float:
    """Compute what a log-probability is divided by for a score: ((5 + steps) / 6) ** alpha (Wu et al., 2016).

    Example:
        >>> length_penalty(7, 0.5)
        1.414...
    """
    return float(((5 + steps) / 6) ** alpha)
