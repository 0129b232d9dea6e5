"""Constraints on which tokens may come next. They act on logits, before the softmax."""

import math

import torch
from torch import Tensor

from seqcore.decoding.config import GenerationConfig


class Constraints:
    """Applies the rules of one configuration, step by step.

    They are, in order: the repetition penalty (Keskar et al., 2019), no repeated n-gram (Paulus et al., 2018), banned
    tokens and padding, no end before min_length; and above them all the forced prefix. What is off costs no time.
    """

    def __init__(self, config: GenerationConfig, device: torch.device) -> None:
        self._config = config
        banned = {config.pad, *config.banned_tokens}
        self._largest = max(config.eos, *banned, *config.forced_prefix)
        self._banned = torch.tensor(sorted(banned), device=device)
        self._banned_early = torch.tensor(sorted({config.eos, *banned}), device=device)
        self.needs_prefixes = config.no_repeat_ngram_size > 0 or config.repetition_penalty != 1

    def check_vocabulary(self, size: int) -> None:
        """Raise ValueError when the configuration names a token that a vocabulary of this size does not have."""
        if self._largest >= size:
            raise ValueError(f"the configuration names token {self._largest}, but the model has only {size} tokens")

    def apply(self, logits: Tensor, length: int, prefixes: Tensor | None) -> Tensor:
        """Return logits in which forbidden tokens are -inf.

        Args:
            logits: (B, K, V) for the token after `length` others; they are not written to.
            length: how many tokens every hypothesis has so far.
            prefixes: those tokens, LongTensor (B, K, length); needed only if `needs_prefixes`.
        """
        config = self._config
        if length < len(config.forced_prefix):
            forced = torch.full_like(logits, -math.inf)
            forced[..., config.forced_prefix[length]] = 0.0
            return forced
        if prefixes is not None:
            if config.repetition_penalty != 1:
                logits = penalize_repetition(logits, prefixes, config.repetition_penalty)
            if config.no_repeat_ngram_size > 0:
                logits = forbid_repeated_ngrams(logits, prefixes, config.no_repeat_ngram_size)
        banned = self._banned_early if length < config.min_length else self._banned
        return logits.index_fill(-1, banned, -math.inf)


def penalize_repetition(logits: Tensor, prefixes: Tensor, penalty: float) -> Tensor:
    """Divide the positive and multiply the negative logits of tokens in the prefix (Keskar et al., 2019).

    logits (B, K, V), prefixes (B, K, T) → (B, K, V). A token is penalized once, however often it occurred.
    """
    seen = logits.gather(-1, prefixes)
    return logits.scatter(-1, prefixes, torch.where(seen > 0, seen / penalty, seen * penalty))


def forbid_repeated_ngrams(logits: Tensor, prefixes: Tensor, size: int) -> Tensor:
    """Forbid tokens that would complete an n-gram that the prefix already has (Paulus et al., 2018).

    logits (B, K, V), prefixes (B, K, T) → (B, K, V), -inf for the forbidden tokens. `size` is n.
    """
    length = prefixes.size(-1)
    if length < size:
        return logits
    ngrams = prefixes.unfold(-1, size, 1)  # (B, K, T - size + 1, size)
    ending = prefixes[..., None, length - size + 1 :]  # What the next token would be appended to.
    repeated = (ngrams[..., :-1] == ending).all(-1)
    # A token may follow both a match and something else; amin lets the match win.
    ceilings = torch.full(repeated.shape, math.inf, dtype=logits.dtype, device=logits.device)
    return logits.scatter_reduce(-1, ngrams[..., -1], ceilings.masked_fill(repeated, -math.inf), "amin")


def log_probabilities(logits: Tensor, eos: int) -> Tensor:
    """Compute log-softmax (…, V) in at least single precision; where all tokens are forbidden, eos is certain.

    This way out holds even below min_length and where eos is banned: an early end is better than a forbidden token.

    Raises:
        ValueError: the model's logits hold NaN or +inf.
    """
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    result = logits.log_softmax(-1)
    # One NaN or +inf among the logits, or nothing but -inf, makes the whole row NaN: a look at one column finds all.
    if not bool(result[..., 0].isnan().any()):
        return result
    if bool((logits.isnan() | logits.isposinf()).any()):
        raise ValueError("the model's logits hold NaN or infinity: its weights, or its input, are broken")
    blocked = logits.isneginf().all(-1)
    result = result.masked_fill(blocked.unsqueeze(-1), -math.inf)
    result[..., eos] = result[..., eos].masked_fill(blocked, 0.0)
    return result
