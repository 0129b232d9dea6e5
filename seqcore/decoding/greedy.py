"""Greedy search, which always takes the likeliest next token."""

from torch import Tensor

from seqcore.decoding.backpointers import Selection
from seqcore.decoding.config import GenerationConfig
from seqcore.decoding.hypothesis import Hypothesis
from seqcore.decoding.loop import run
from seqcore.decoding.step import StateT, Step


def greedy(step: Step[StateT], state: StateT, start: Tensor, config: GenerationConfig) -> list[list[Hypothesis]]:
    """Take the likeliest token at every step; of equally likely ones that with the lowest number.

    Args:
        step: (tokens (B, K), state) -> (logits (B, K, V), state); K is 1 here.
        state: what the model remembers of B sentences.
        start: the first token fed for each sentence, LongTensor (B,).
        config: how to search; beam_size, n_best and the fields for sampling are not used.

    Returns:
        For each sentence a list of one hypothesis; [] for an empty batch.

    Raises:
        ValueError: the configuration does not fit the batch or the vocabulary, or the logits hold NaN or +inf.

    Example:
        >>> import torch
        >>> from seqcore.nn import LSTMDecoder
        >>> model = LSTMDecoder(vocab_size=50, embedding_size=8, hidden_size=16)
        >>> config = GenerationConfig(eos=2, pad=0, max_length=10)
        >>> (best,), _ = greedy(model.step, model.start(None, batch=2), torch.full((2,), 1), config)
        >>> best.finished or len(best.tokens) == 10
        True
    """
    return run(step, state, start, config, select_likeliest, n_best=1)


def select_likeliest(log_probabilities: Tensor, totals: Tensor) -> Selection:
    """Select the likeliest token of each hypothesis. log_probabilities (B, K, V), totals (B, K)."""
    chosen = log_probabilities.max(-1)
    return Selection(chosen.indices, None, chosen.values, totals + chosen.values)
