"""BLEU and chrF, by sacreBLEU."""

from collections.abc import Sequence

from seqcore.errors import require


def bleu(predictions: Sequence[str], references: Sequence[str], lowercase: bool = True) -> float:
    """Corpus BLEU, 0 to 100 (Papineni 2002), by sacreBLEU with the 13a tokenizer (Post 2018)."""
    scorer = require("sacrebleu", "BLEU needs", "train").BLEU(lowercase=lowercase)
    return float(scorer.corpus_score(list(predictions), [list(references)]).score)


def chrf(predictions: Sequence[str], references: Sequence[str], lowercase: bool = True) -> float:
    """Corpus chrF2, 0 to 100 (Popović 2015), by sacreBLEU."""
    scorer = require("sacrebleu", "BLEU needs", "train").CHRF(lowercase=lowercase)
    return float(scorer.corpus_score(list(predictions), [list(references)]).score)
