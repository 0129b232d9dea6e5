"""BLEU and CIDEr-D of captions, as pycocoevalcap has them, and a CIDEr-D that is quick enough to train on."""

import contextlib
import io
import math
import re
from collections import Counter
from collections.abc import Sequence

from seqcore.errors import require

_ORDERS = 4  # the longest n-grams
_SIGMA = 6.0  # of the Gaussian that punishes another length

NGram = tuple[str, ...]
# The tf-idf weights of the n-grams of each order, and the norms of these vectors.
_Vectors = tuple[list[dict[NGram, float]], list[float]]


def caption_words(text: str) -> list[str]:
    """What captions are compared by: runs of letters, digits and apostrophes, in small letters."""
    return re.findall(r"[a-z0-9']+", text.lower())


def caption_scores(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """How good captions are beside those that people wrote.

    Returns:
        `bleu1` to `bleu4`, corpus BLEU from 0 to 100 with the closest reference's length (Papineni 2002), and
        `cider`, CIDEr-D as pycocoevalcap calls CIDEr (Vedantam 2015): about 1 where captions are as people's, with
        document frequencies of these very references. `most_frequent` is the share of the images, in per cent, that
        got the most frequent of the predictions.
    """
    bleu, cider = (
        require(f"pycocoevalcap.{name}", "scoring captions needs", "train") for name in ("bleu.bleu", "cider.cider")
    )
    written = {number: [" ".join(caption_words(text))] for number, text in enumerate(predictions)}
    wanted = {number: [" ".join(caption_words(text)) for text in texts] for number, texts in enumerate(references)}
    with contextlib.redirect_stdout(io.StringIO()):  # it prints lengths
        bleu_scores, _ = bleu.Bleu(4).compute_score(wanted, written)
        cider_score, _ = cider.Cider().compute_score(wanted, written)
    counts = Counter(text for (text,) in written.values())
    return {
        **{f"bleu{order}": 100.0 * value for order, value in enumerate(bleu_scores, 1)},
        "cider": float(cider_score),
        "most_frequent": 100.0 * max(counts.values()) / len(written),
    }


class CiderD:
    """CIDEr-D of single captions against the references of their images (Vedantam 2015).

    The mean over all images is what pycocoevalcap gives; references are taken apart once.

    Args:
        references: of each image, the captions that people wrote, as words.
    """

    def __init__(self, references: Sequence[Sequence[Sequence[str]]]) -> None:
        frequencies: Counter[NGram] = Counter()
        for captions in references:
            frequencies.update({ngram for caption in captions for ngram in _ngrams(caption)})
        images = math.log(max(1, len(references)))
        self._weights = {ngram: images - math.log(count) for ngram, count in frequencies.items()}
        self._rare = images
        self._references = [[(self._vectors(caption), len(caption)) for caption in image] for image in references]

    def score(self, image: int, words: Sequence[str]) -> float:
        """A caption's likeness to those of an image: 0 for none, about 1 for what a person writes, 10 for the same."""
        vectors, norms = self._vectors(words)
        total = 0.0
        for (wanted, wanted_norms), length in self._references[image]:
            near = math.exp(-((_length(len(words)) - _length(length)) ** 2) / (2 * _SIGMA**2))
            for mine, norm, theirs, other in zip(vectors, norms, wanted, wanted_norms, strict=True):
                if norm and other:
                    shared = sum(min(weight, theirs[n]) * theirs[n] for n, weight in mine.items() if n in theirs)
                    total += shared / (norm * other) * near
        return 10 * total / _ORDERS / max(1, len(self._references[image]))

    def _vectors(self, words: Sequence[str]) -> _Vectors:
        vectors: list[dict[NGram, float]] = [{} for _ in range(_ORDERS)]
        for ngram, count in _ngrams(words).items():
            vectors[len(ngram) - 1][ngram] = count * self._weights.get(ngram, self._rare)
        return vectors, [math.sqrt(sum(value**2 for value in vector.values())) for vector in vectors]


def _ngrams(words: Sequence[str]) -> Counter[NGram]:
    found: Counter[NGram] = Counter()
    for order in range(1, _ORDERS + 1):
        found.update(zip(*(words[begin:] for begin in range(order)), strict=False))
    return found


def _length(words: int) -> int:
    """The length that pycocoevalcap compares: of bigrams."""
    return max(0, words - 1)
