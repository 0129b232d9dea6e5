"""Dispatch to the kind of search that a configuration asks for."""

from torch import Tensor

from seqcore.decoding.beam import beam_selector
from seqcore.decoding.config import GenerationConfig
from seqcore.decoding.greedy import select_likeliest
from seqcore.decoding.hypothesis import Hypothesis
from seqcore.decoding.loop import Select, run
from seqcore.decoding.sampling import sample_selector
from seqcore.decoding.step import StateT, Step


def search(step: Step[StateT], state: StateT, start: Tensor, config: GenerationConfig) -> list[list[Hypothesis]]:
    """Run `sample` if do_sample, else `greedy` for a beam_size of 1, else `beam_search`, with the same arguments."""
    return run(step, state, start, config, selector(config), config.n_best)


def selector(config: GenerationConfig) -> Select:
    """Return the function by which a search with this configuration selects its tokens."""
    if config.do_sample:
        return sample_selector(config)
    return select_likeliest if config.beam_size == 1 else beam_selector(config.beam_size)
