"""The configuration of a search."""

from typing import Annotated

from pydantic import Field

from seqcore.validation import Count, settings

MAX_HYPOTHESES = 10_000  # Each hypothesis of a sentence costs memory, and nobody looks at so many.

Hypotheses = Annotated[int, Field(ge=1, le=MAX_HYPOTHESES)]


@settings(ValueError)
class GenerationConfig:
    """Says how to search. Every field is a number or a tuple of numbers, so that it goes through JSON unharmed.

    Attributes:
        eos: the token that ends a hypothesis.
        pad: the token that fills gaps; it is never generated.
        beam_size: hypotheses kept at every step, 10,000 at most; 1 is greedy search. Sampling does not use it.
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
        seed: sampling only; the same seed gives the same answer, for any order and company, on the same kind of device.
            None: always another one.
        no_repeat_ngram_size: no n-gram of this size occurs twice in a hypothesis (Paulus et al., 2018). 0 is off.
        repetition_penalty: divides positive and multiplies negative logits of tokens already in the hypothesis
            (Keskar et al., 2019). 1 is off.
        forced_prefix: tokens every hypothesis begins with, whatever else forbids them, each with probability 1. A
            max_length below its length cuts it.
        banned_tokens: tokens never generated.

    Raises:
        ValueError: a field is out of range; the message names it and says what is allowed.

    Example:
        >>> config = GenerationConfig(eos=2, pad=0, beam_size=4, n_best=2)
        >>> config.limits(sentences=3)
        [100, 100, 100]
    """

    eos: Count
    pad: Count
    beam_size: Hypotheses = 1
    n_best: Hypotheses = 1
    max_length: Count | tuple[Count, ...] = 100
    min_length: Count = 0
    length_penalty: Annotated[float, Field(ge=0, le=50)] = 0.6
    do_sample: bool = False
    temperature: Annotated[float, Field(gt=0)] = 1.0
    top_k: Count = 0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    no_repeat_ngram_size: Count = 0
    repetition_penalty: Annotated[float, Field(ge=0.001, le=1000)] = 1.0
    forced_prefix: tuple[Count, ...] = ()
    banned_tokens: tuple[Count, ...] = ()

    def __post_init__(self) -> None:
        if self.pad == self.eos:
            raise ValueError(f"pad must be another token than eos, {self.eos}")
        if not self.do_sample and self.n_best > self.beam_size:
            raise ValueError(
                f"n_best must be at most beam_size, {self.beam_size}, unless do_sample=True, not {self.n_best}"
            )
        if isinstance(self.max_length, int) and self.min_length > self.max_length:
            raise ValueError(f"min_length must be at most max_length, {self.max_length}, not {self.min_length}")
        if {self.eos, self.pad}.intersection(self.forced_prefix):
            raise ValueError(f"forced_prefix must be without eos, {self.eos}, and pad, {self.pad}")

    def limits(self, sentences: int) -> list[int]:
        """Return max_length of each of so many sentences. Raises ValueError when it is for another number of them."""
        if isinstance(self.max_length, int):
            return [self.max_length] * sentences
        if len(self.max_length) != sentences:
            raise ValueError(
                f"max_length has {len(self.max_length)} entries for a batch of {sentences} sentences: "
                "give one number, or one for each sentence"
            )
        return list(self.max_length)
