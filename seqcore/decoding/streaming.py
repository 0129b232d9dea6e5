"""Streaming, a search that shows its best hypothesis while it runs."""

from collections.abc import Iterator

import torch
from torch import Tensor

from seqcore.decoding.config import GenerationConfig
from seqcore.decoding.dispatch import selector
from seqcore.decoding.hypothesis import Hypothesis
from seqcore.decoding.loop import Search
from seqcore.decoding.step import StateT, Step


def stream(step: Step[StateT], state: StateT, start: Tensor, config: GenerationConfig) -> Iterator[Hypothesis]:
    """Search one sentence as `search` does, and give the best hypothesis so far after every step.

    Of greedy search each extends the one before. With a beam, or several samples, its beginning may still change: until
    the end it is the one with the best score, ended or not. The last one is the first that `search` returns. At
    least one is given, even for a max_length of 0.

    Args:
        step: (tokens (1, K), state) -> (logits (1, K, V), state).
        state: what the model remembers of one sentence.
        start: its first token, LongTensor (1,).
        config: how to search, as for `search`.

    Raises:
        ValueError: at once, if start is not one sentence; otherwise as `search`, while it runs.

    Example:
        >>> from seqcore.nn import LSTMDecoder
        >>> model = LSTMDecoder(vocab_size=50, embedding_size=8, hidden_size=16)
        >>> config = GenerationConfig(eos=2, pad=0, max_length=3, min_length=3)
        >>> hypotheses = stream(model.step, model.start(None), torch.tensor([1]), config)
        >>> [len(best.tokens) for best in hypotheses]
        [1, 2, 3]
    """
    return (hypotheses[0] for hypotheses in stream_n_best(step, state, start, config))


def stream_n_best(
    step: Step[StateT], state: StateT, start: Tensor, config: GenerationConfig
) -> Iterator[list[Hypothesis]]:
    """Do as `stream`; each item is a list of one hypothesis, but for the last, which is all that `search` returns."""
    if start.shape != (1,):
        raise ValueError(f"stream takes one sentence: start must be a LongTensor (1,), not {tuple(start.shape)}")
    return _after_each_step(step, state, start, config)


@torch.inference_mode()
def _after_each_step(
    step: Step[StateT], state: StateT, start: Tensor, config: GenerationConfig
) -> Iterator[list[Hypothesis]]:
    search = Search(step, state, start, config, selector(config), config.n_best)
    while search.active:
        search.advance()
        if search.active:
            yield [search.best()]
    yield search.results()[0]
