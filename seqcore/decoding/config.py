"""The settings of a search."""

import math
from dataclasses import dataclass

from seqcore.arguments import shown

MOST = 10_000  # hypotheses a sentence: each costs memory, and nobody looks at so many


@dataclass(frozen=True)
class GenerationConfig:
    """How to search for an answer. Every field is a number or a tuple of numbers, so it goes through JSON unharmed.

    Attributes:
        eos: the token that ends a hypothesis.
        pad: the token that fills gaps; it is never generated.
        beam_size: hypotheses kept at every step, 1,000 at most; 1 is greedy search. Sampling does not use it.
        n_best: hypotheses returned for a sentence: the best of a beam, or so many independent samples.
        max_length: the most steps a sentence may take, its end token counted as one of them: a finished hypothesis has
            at most max_length - 1 tokens, one cut short has exactly max_length. One number for all sentences, or one
            for each, so that company in a batch never changes an answer.
        min_length: the fewest tokens before the end token. A sentence's max_length wins over it.
        length_penalty: alpha of Wu et al. (2016), 50 at most; 0 ranks by log-probability alone, more favours longer
            answers.
        do_sample: draw tokens at random instead of searching for the best ones.
        temperature: sampling only; divides the log-probabilities. Towards 0 it becomes greedy.
        top_k: sampling only; the number of tokens to draw from (Fan et al., 2018). 0 is all of them.
        top_p: sampling only; draw from the smallest set of tokens with this probability (Holtzman et al., 2020).
        seed: sampling only; the same seed gives the same answer, for any order and company. None: always another one.
        no_repeat_ngram_size: no n-gram of this size occurs twice in a hypothesis (Paulus et al., 2018). 0 is off.
        repetition_penalty: divides positive and multiplies negative logits of tokens already in the hypothesis
            (Keskar et al., 2019). 1 is off.
        forced_prefix: tokens every hypothesis begins with, whatever else forbids them, each with probability 1. A
            max_length below its length cuts it.
        banned_tokens: tokens never generated.

    Raises:
        ValueError: a field is out of range; the message names it and says what is allowed.
    """

    eos: int
    pad: int
    beam_size: int = 1
    n_best: int = 1
    max_length: int | tuple[int, ...] = 100
    min_length: int = 0
    length_penalty: float = 0.6
    do_sample: bool = False
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int | None = None
    no_repeat_ngram_size: int = 0
    repetition_penalty: float = 1.0
    forced_prefix: tuple[int, ...] = ()
    banned_tokens: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("max_length", "forced_prefix", "banned_tokens"):
            if isinstance(getattr(self, name), list):  # JSON knows no tuples
                object.__setattr__(self, name, tuple(getattr(self, name)))
        self._check_integers()
        self._check_numbers()
        self._check_combinations()

    def limits(self, sentences: int) -> list[int]:
        """max_length of each of so many sentences. Raises ValueError when it was given for another number of them."""
        if isinstance(self.max_length, int):
            return [self.max_length] * sentences
        if len(self.max_length) != sentences:
            raise ValueError(
                f"max_length has {len(self.max_length)} entries for a batch of {sentences} sentences: "
                "give one number, or one for each sentence"
            )
        return list(self.max_length)

    def _check_integers(self) -> None:
        for name in ("eos", "pad", "min_length", "top_k", "no_repeat_ngram_size"):
            _require(_is_integer(getattr(self, name), 0), name, "an integer of at least 0", self)
        for name in ("beam_size", "n_best"):
            value = getattr(self, name)
            _require(_is_integer(value, 1) and value <= MOST, name, f"an integer from 1 to {MOST:,}", self)
        lengths = self.max_length if isinstance(self.max_length, tuple) else (self.max_length,)
        allowed = "an integer of at least 0, or a tuple of them with one for each sentence"
        _require(all(_is_integer(length, 0) for length in lengths), "max_length", allowed, self)
        for name in ("forced_prefix", "banned_tokens"):
            tokens = getattr(self, name)
            valid = isinstance(tokens, tuple) and all(_is_integer(token, 0) for token in tokens)
            _require(valid, name, "a tuple of token numbers, integers of at least 0", self)
        in_range = self.seed is None or (_is_integer(self.seed, 0) and self.seed < 2**63)
        _require(in_range, "seed", "None or an integer from 0 to 2**63 - 1", self)

    def _check_numbers(self) -> None:
        for name in ("length_penalty", "temperature", "top_p", "repetition_penalty"):
            value = getattr(self, name)
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
            _require(is_number, name, "a finite number", self)
        _require(isinstance(self.do_sample, bool), "do_sample", "True or False", self)
        _require(0 <= self.length_penalty <= 50, "length_penalty", "from 0 to 50", self)
        _require(self.temperature > 0, "temperature", "above 0 (for the best token always, set do_sample=False)", self)
        _require(0 < self.top_p <= 1, "top_p", "above 0 and at most 1", self)
        _require(0.001 <= self.repetition_penalty <= 1000, "repetition_penalty", "from 0.001 to 1,000", self)

    def _check_combinations(self) -> None:
        _require(self.pad != self.eos, "pad", f"another token than eos, {self.eos}", self)
        fits = self.do_sample or self.n_best <= self.beam_size
        _require(fits, "n_best", f"at most beam_size, {self.beam_size}, unless do_sample=True", self)
        if isinstance(self.max_length, int):
            _require(self.min_length <= self.max_length, "min_length", f"at most max_length, {self.max_length}", self)
        clash = {self.eos, self.pad}.intersection(self.forced_prefix)
        _require(not clash, "forced_prefix", f"without eos, {self.eos}, and pad, {self.pad}", self)


def _is_integer(value: object, smallest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= smallest


def _require(valid: bool, name: str, allowed: str, config: GenerationConfig) -> None:
    if not valid:
        raise ValueError(f"{name} must be {allowed}, not {shown(getattr(config, name))}")
