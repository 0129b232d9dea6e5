"""BLEU and CIDEr-D of captions, as pycocoevalcap has them, and a CIDEr-D that is quick enough to train on."""

import contextlib
import io
import math
import re
from collections import Counter
from collections.abc import Sequence

from seqcore.errors import require

_MAX_ORDER = 4  # The longest n-grams have so many words.
_SIGMA = 6.0  # The width of the Gaussian that punishes another length.

NGram = tuple[str, ...]
# The tf-idf weights of the n-grams of each order, and the norms of these vectors.
_Vectors = tuple[list[dict[NGram, float]], list[float]]


def caption_words(text: str) -> list[str]:
    """Split a caption into what it is compared by: runs of letters, digits and apostrophes, in small letters.

    Example:
        >>> caption_words("The dog's ball, again!")
        ['the', "dog's", 'ball', 'again']
    """
    return re.findall(r"[a-z0-9']+", text.lower())


def caption_scores(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """Score captions by those that people wrote.

    Args:
        predictions: a caption for each image.
        references: for each image the captions that people wrote.

    Returns:
        `bleu1` to `bleu4`, corpus BLEU from 0 to 100 with the closest reference's length (Papineni 2002), and
        `cider`, CIDEr-D as pycocoevalcap calls CIDEr (Vedantam 2015): about 1 where captions are as people's, with
        document frequencies of these very references. `most_frequent` is the share of the images, in per cent, that
        got the most frequent of the predictions.

    Raises:
        SettingsError: pycocoevalcap is not installed.
    """
    bleu, cider = (
        require(f"pycocoevalcap.{name}", "scoring captions needs", "train") for name in ("bleu.bleu", "cider.cider")
    )
    candidates = {number: [" ".join(caption_words(text))] for number, text in enumerate(predictions)}
    people = {number: [" ".join(caption_words(text)) for text in texts] for number, texts in enumerate(references)}
    with contextlib.redirect_stdout(io.StringIO()):  # It prints lengths.
        bleu_scores, _ = bleu.Bleu(4).compute_score(people, candidates)
        cider_score, _ = cider.Cider().compute_score(people, candidates)
    counts = Counter(text for (text,) in candidates.values())
    return {
        **{f"bleu{order}": 100.0 * value for order, value in enumerate(bleu_scores, 1)},
        "cider": float(cider_score),
        "most_frequent": 100.0 * max(counts.values()) / len(candidates),
    }


class CiderD:
    """Computes CIDEr-D of single captions against the references of their images (Vedantam 2015).

    The mean over all images is what pycocoevalcap gives; references are taken apart once.

    Args:
        references: of each image, the captions that people wrote, as words.

    Example:
        >>> scorer = CiderD([[["a", "brown", "dog", "runs"]], [["a", "cat", "sleeps", "here"]]])
        >>> round(scorer.score(0, ["a", "brown", "dog", "runs"]), 3), scorer.score(1, ["a", "brown", "dog"])
        (10.0, 0.0)
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
        """Measure a caption's likeness to an image's: 0 for none, about 1 for what a person writes, 10 for the same."""
        vectors, norms = self._vectors(words)
        total = 0.0
        for (references, reference_norms), length in self._references[image]:
            near = math.exp(-((_length(len(words)) - _length(length)) ** 2) / (2 * _SIGMA**2))
            for mine, norm, theirs, other in zip(vectors, norms, references, reference_norms, strict=True):
                if norm and other:
                    shared = sum(min(weight, theirs[n]) * theirs[n] for n, weight in mine.items() if n in theirs)
                    total += shared / (norm * other) * near
        return 10 * total / _MAX_ORDER / max(1, len(self._references[image]))

    def _vectors(self, words: Sequence[str]) -> _Vectors:
        vectors: list[dict[NGram, float]] = [{} for _ in range(_MAX_ORDER)]
        for ngram, count in _ngrams(words).items():
            vectors[len(ngram) - 1][ngram] = count * self._weights.get(ngram, self._rare)
        return vectors, [math.sqrt(sum(value**2 for value in vector.values())) for vector in vectors]


def _ngrams(words: Sequence[str]) -> Counter[NGram]:
    ngrams: Counter[NGram] = Counter()
    for order in range(1, _MAX_ORDER + 1):
        ngrams.update(zip(*(words[begin:] for begin in range(order)), strict=False))
    return ngrams


def _length(words: int) -> int:
    """Count bigrams, which are what pycocoevalcap compares as the length."""
    return max(0, words - 1)
