"""Search over a step function: greedy, beam, sampling, streaming. It knows nothing of models.

B sentences, K hypotheses each, T tokens, S source positions, V vocabulary.
"""

from .beam import beam_search
from .config import GenerationConfig
from .dispatch import search
from .greedy import greedy
from .hypothesis import Hypothesis, length_penalty
from .sampling import sample
from .step import SearchState, Step
from .streaming import stream

__all__ = [
    "GenerationConfig",
    "Hypothesis",
    "SearchState",
    "Step",
    "beam_search",
    "greedy",
    "length_penalty",
    "sample",
    "search",
    "stream",
]
