"""What a sentiment classifier answers."""

from collections.abc import Mapping
from dataclasses import dataclass

from seqcore.text import Tokenizer


@dataclass(frozen=True)
class Sentiment:
    """What a text says, and why.

    Attributes:
        label: the likeliest class; of several labels, those of probability 0.5 and more, a `|` between them.
        probabilities: calibrated, by label.
        unsure: the label's probability is within the band that the caller set.
        out_of_domain: the text has no letters, or is in no language that the model has learned; it is unsure then.
        characters_cut: characters at the end that were not read, since the text is too long.
        text: as it was read, without formatting.
        tokens: its words, blanks and all: together they are the text; none where nothing of it is read, such as a
            control character. With `explain` only, as all that follows.
        attributions: what each word adds to `logit` (integrated gradients, Sundararajan 2017). Empty where the text
            is too long to explain.
        baseline: the logit of as many words that say nothing.
        logit: the log-odds of the label, calibrated: `baseline` and all attributions together.
        trajectory: the probabilities after each word, as the LSTM reads; a tuple in the order of the labels.
    """

    label: str
    probabilities: Mapping[str, float]
    unsure: bool = False
    out_of_domain: bool = False
    characters_cut: int = 0
    text: str = ""
    tokens: tuple[str, ...] = ()
    attributions: tuple[float, ...] = ()
    baseline: float = 0.0
    logit: float = 0.0
    trajectory: tuple[tuple[float, ...], ...] = ()

    @property
    def probability(self) -> float:
        """That of the label; of several labels, the least of theirs; of none, that none holds most."""
        chosen = [self.probabilities[name] for name in self.label.split("|") if name in self.probabilities]
        if self.label in self.probabilities:
            return self.probabilities[self.label]
        return min(chosen) if chosen else 1 - max(self.probabilities.values())


def words(tokenizer: Tokenizer, tokens: list[int], surfaces: list[str]) -> list[tuple[int, int, str]]:
    """Pieces joined to words: from which token to before which, and the part of the text."""
    begins = [i for i, token in enumerate(tokens) if i == 0 or tokenizer.starts_word(token)]
    ends = [*begins[1:], len(tokens)][: len(begins)]
    return [(a, b, "".join(surfaces[a:b])) for a, b in zip(begins, ends, strict=True)]
