"""Whether a text is written in what a vocabulary was learned from."""

import re

from seqcore.text.tokenizer import Tokenizer

_NO_LETTER = re.compile(r"[^\w\s'’]|[\d_]")
_FREE = 10.0  # nats: a few odd letters prove nothing


def letter_log_likelihood(tokenizer: Tokenizer, text: str) -> float | None:
    """The mean log-probability of a letter under the unigram model of the vocabulary (Kudo 2018), in nats.

    What a vocabulary does not know falls to rare pieces: of English reviews the median is near -1.7, German sentences
    have -4 there. So that a short text is not judged by a single word, its probability is first raised by ten nats.

    Returns:
        None for a text without letters, such as one of emoji or numbers.
    """
    written = " ".join(_NO_LETTER.sub(" ", text).split())
    letters = len(written.replace(" ", ""))
    return (tokenizer.log_probability(written) + _FREE) / letters if letters else None
