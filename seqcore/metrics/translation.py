"""BLEU and chrF, by sacreBLEU."""

from collections.abc import Sequence

from seqcore.errors import require


def bleu(predictions: Sequence[str], references: Sequence[str], lowercase: bool = True) -> float:
    """Compute corpus BLEU, 0 to 100 (Papineni 2002), by sacreBLEU with the 13a tokenizer (Post 2018).

    Args:
        predictions, references: as many texts each.
        lowercase: compare without regard to capitals.

    Raises:
        SettingsError: sacrebleu is not installed.

    Example:
        >>> round(bleu(["a dog runs in the snow"], ["A dog runs through the snow"]), 1)
        38.0
    """
    scorer = require("sacrebleu", "BLEU needs", "train").BLEU(lowercase=lowercase)
    return float(scorer.corpus_score(list(predictions), [list(references)]).score)


def chrf(predictions: Sequence[str], references: Sequence[str], lowercase: bool = True) -> float:
    """Compute corpus chrF2, 0 to 100 (Popović 2015), by sacreBLEU.

    Args:
        predictions, references: as many texts each.
        lowercase: compare without regard to capitals.

    Raises:
        SettingsError: sacrebleu is not installed.

    Example:
        >>> round(chrf(["a dog runs in the snow"], ["A dog runs through the snow"]), 1)
        52.8
    """
    scorer = require("sacrebleu", "BLEU needs", "train").CHRF(lowercase=lowercase)
    return float(scorer.corpus_score(list(predictions), [list(references)]).score)
