"""Sampling, which draws tokens by their probability."""

import math

import torch
from torch import Tensor

from seqcore.decoding.backpointers import Selection
from seqcore.decoding.config import GenerationConfig
from seqcore.decoding.hypothesis import Hypothesis
from seqcore.decoding.loop import Select, run
from seqcore.decoding.step import StateT, Step


def sample(
    step: Step[StateT],
    state: StateT,
    start: Tensor,
    config: GenerationConfig,
    generator: torch.Generator | None = None,
) -> list[list[Hypothesis]]:
    """Draw n_best independent hypotheses for each sentence.

    Tokens are drawn from the model's distribution after temperature, top-k (Fan et al., 2018) and top-p (Holtzman et
    al., 2020), in this order. With a seed, every sentence is drawn with the same random numbers, so its samples do not
    depend on its company or place in the batch; without one, every call and sentence has its own. Random numbers are
    made where the model is, so the same seed gives other samples on another kind of device.

    Args:
        step: (tokens (B, K), state) -> (logits (B, K, V), state); K is 1 at first, then n_best.
        state: what the model remembers of B sentences.
        start: the first token fed for each sentence, LongTensor (B,).
        config: how to sample; beam_size is not used.
        generator: where random numbers come from instead of `config.seed`; best on the model's device.

    Returns:
        For each sentence n_best hypotheses, which may be equal: finished ones first, then those cut at max_length, each
        kind by falling score. [] for an empty batch.

    Raises:
        ValueError: the configuration does not fit the batch or the vocabulary, or the logits hold NaN or +inf.

    Example:
        >>> from seqcore.nn import LSTMDecoder
        >>> model = LSTMDecoder(vocab_size=50, embedding_size=8, hidden_size=16)
        >>> config = GenerationConfig(eos=2, pad=0, n_best=3, max_length=10, do_sample=True, top_p=0.9, seed=1)
        >>> (samples,) = sample(model.step, model.start(None), torch.tensor([1]), config)
        >>> len(samples)
        3
    """
    return run(step, state, start, config, sample_selector(config, generator), config.n_best)


def sample_selector(config: GenerationConfig, generator: torch.Generator | None = None) -> Select:
    """Make a function that draws one token for each of n_best hypotheses, with random numbers of its own or given."""
    alike = generator is None and config.seed is not None
    source = generator

    def select(log_probabilities: Tensor, totals: Tensor) -> Selection:
        nonlocal source
        sentences, hypotheses, vocabulary = log_probabilities.shape
        if source is None:  # On a GPU, numbers of the CPU would cost more than the model's step.
            source = new_generator(log_probabilities.device, config.seed)
        rows = 1 if alike else sentences
        # In double precision, so that rare tokens are drawn as rarely as they should be; Apple's GPUs have none.
        precision = torch.float32 if source.device.type == "mps" else torch.float64
        noise = torch.empty(rows, config.n_best, vocabulary, dtype=precision, device=source.device)
        noise.exponential_(generator=source).clamp_(min=torch.finfo(precision).tiny)
        gumbel = noise.log_().neg_().to(log_probabilities)
        weights = restrict(log_probabilities, config.temperature, config.top_k, config.top_p)
        # Adding Gumbel noise to log-probabilities and taking the largest draws from them (Gumbel, 1954).
        tokens = (weights + gumbel).argmax(-1)
        chosen = log_probabilities.expand(-1, config.n_best, -1).gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
        # All samples of a sentence begin as copies of its single first hypothesis.
        parents = torch.zeros_like(tokens) if hypotheses != config.n_best else None
        return Selection(tokens, parents, chosen, totals + chosen)

    return select


def new_generator(device: torch.device, seed: int | None = None) -> torch.Generator:
    """Make a source of random numbers on a device; without a seed, every one gives others."""
    generator = torch.Generator(device)
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    return generator


def restrict(log_probabilities: Tensor, temperature: float, top_k: int, top_p: float) -> Tensor:
    """Apply temperature, top-k and top-p: log-weights (…, V), not normalized; -inf for what may not be drawn."""
    # From 0 downwards and never divided by less than the smallest number: no temperature makes 0 / 0 or inf - inf.
    gaps = log_probabilities - log_probabilities.amax(-1, keepdim=True)
    weights = gaps / max(temperature, torch.finfo(gaps.dtype).tiny)
    if 0 < top_k < weights.size(-1):
        best = weights.topk(top_k, -1)
        weights = torch.full_like(weights, -math.inf).scatter(-1, best.indices, best.values)
    if top_p < 1:
        ordered = weights.sort(dim=-1, descending=True, stable=True)
        # A token is superfluous if those before it suffice. Before the first there are none, so it always stays.
        before = ordered.values.softmax(-1).cumsum(-1).roll(1, -1)
        before[..., 0] = 0.0
        weights = weights.scatter(-1, ordered.indices, ordered.values.masked_fill(before >= top_p, -math.inf))
    return weights
