"""Beam search, which follows the K best hypotheses step by step."""

from torch import Tensor

from seqcore.decoding.backpointers import Selection
from seqcore.decoding.config import GenerationConfig
from seqcore.decoding.hypothesis import Hypothesis
from seqcore.decoding.loop import Select, run
from seqcore.decoding.step import StateT, Step


def beam_search(step: Step[StateT], state: StateT, start: Tensor, config: GenerationConfig) -> list[list[Hypothesis]]:
    """Keep the beam_size best hypotheses at every step (Graves, 2012; Sutskever et al., 2014).

    An end token finishes a hypothesis only if that ranks among the beam_size best of its step, so a beam of 1 is greedy
    search. Finished hypotheses are ranked by log-probability over length penalty (Wu et al., 2016). See `Search` for
    when a sentence stops. Equal candidates are chosen among in a way that is always the same.

    Args:
        step: (tokens (B, K), state) -> (logits (B, K, V), state); K is 1 at first and grows to beam_size.
        state: what the model remembers of B sentences.
        start: the first token fed for each sentence, LongTensor (B,).
        config: how to search; the fields for sampling are not used.

    Returns:
        For each sentence its n_best hypotheses, all different, or fewer where the beam met no more: finished ones
        first, then those cut at max_length, each kind by falling score. [] for an empty batch.

    Raises:
        ValueError: the configuration does not fit the batch or the vocabulary, or the logits hold NaN or +inf.

    Example:
        >>> import torch
        >>> from seqcore.nn import LSTMDecoder
        >>> model = LSTMDecoder(vocab_size=50, embedding_size=8, hidden_size=16)
        >>> config = GenerationConfig(eos=2, pad=0, beam_size=4, n_best=2, max_length=10)
        >>> answers = beam_search(model.step, model.start(None, batch=3), torch.full((3,), 1), config)
        >>> [len(hypotheses) for hypotheses in answers], answers[0][0].score >= answers[0][1].score
        ([2, 2, 2], True)
    """
    return run(step, state, start, config, beam_selector(config.beam_size), config.n_best)


def beam_selector(beam_size: int) -> Select:
    """Make a function that selects the beam_size best continuations of a sentence's hypotheses."""

    def select(log_probabilities: Tensor, totals: Tensor) -> Selection:
        # The best of a sentence are among the best of each of its hypotheses: so one pass over V, then only K · K.
        tokens_each = min(beam_size, log_probabilities.size(-1))
        if tokens_each == 1:  # max prefers the lowest of equal tokens, as greedy search does; topk does not.
            maximum = log_probabilities.max(-1, keepdim=True)
            values, tokens = maximum.values, maximum.indices
        else:
            values, tokens = log_probabilities.topk(tokens_each, -1)
        candidates = (totals.unsqueeze(-1) + values).flatten(1)
        best = candidates.topk(min(beam_size, candidates.size(1)), -1)
        return Selection(
            tokens=tokens.flatten(1).gather(1, best.indices),
            parents=best.indices // tokens_each,
            log_probabilities=values.flatten(1).gather(1, best.indices),
            totals=best.values,
        )

    return select
