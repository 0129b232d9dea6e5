"""Search over a step function: greedy, beam, sampling, streaming. It knows nothing of models.

B sentences, K hypotheses each, T tokens, S source positions, V vocabulary.
"""

from seqcore.decoding.beam import beam_search
from seqcore.decoding.config import GenerationConfig
from seqcore.decoding.dispatch import search
from seqcore.decoding.greedy import greedy
from seqcore.decoding.hypothesis import Hypothesis, length_penalty
from seqcore.decoding.sampling import sample
from seqcore.decoding.step import SearchState, Step
from seqcore.decoding.streaming import stream, stream_n_best

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
    "stream_n_best",
]
