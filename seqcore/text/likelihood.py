"""Likelihood of a text under the vocabulary that reads it: it tells when a text is in another language."""

import re

from seqcore.text.tokenizer import Tokenizer

_NO_LETTER = re.compile(r"[^\w\s'’]|[\d_]")
_FREE_NATS = 10.0  # A few odd letters prove nothing.


def letter_log_likelihood(tokenizer: Tokenizer, text: str) -> float | None:
    """Compute the mean log-probability of a letter under the unigram model of the vocabulary (Kudo 2018), in nats.

    What a vocabulary does not know falls to rare pieces: of English reviews the median is near -1.7, German sentences
    have -4 there. So that a short text is not judged by a single word, its probability is first raised by ten nats.

    Returns:
        None for a text without letters, such as one of emoji or numbers.
    """
    words = " ".join(_NO_LETTER.sub(" ", text).split())
    letters = len(words.replace(" ", ""))
    return (tokenizer.log_probability(words) + _FREE_NATS) / letters if letters else None
