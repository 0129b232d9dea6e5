"""Scores against values known from elsewhere."""

from typing import Any

import pytest

from seqcore import metrics


def test_bleu_of_the_papers_definition() -> None:
    # 5 of 6 unigrams, 3 of 5 bigrams, 2 of 4 trigrams, 1 of 3 four-grams match; the lengths are equal.
    by_hand = 100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25
    assert metrics.bleu(["the cat sat on a mat"], ["the cat sat on the mat"]) == pytest.approx(by_hand)


def test_bleu_punishes_what_is_too_short() -> None:
    whole, short = "a b c d e f g h", "a b c d"
    assert metrics.bleu([whole], [whole]) == pytest.approx(100)
    assert metrics.bleu([short], [whole]) == pytest.approx(100 * 2.718281828 ** (1 - 8 / 4))


@pytest.mark.parametrize("score", [metrics.bleu, metrics.chrf])
def test_case_counts_only_when_asked(score: Any) -> None:
    predictions, references = ["Der Hund läuft durch den Schnee"], ["der hund läuft durch den schnee"]
    assert score(predictions, references) == pytest.approx(100)
    assert score(predictions, references, lowercase=False) < 90


def test_chrf_rewards_parts_of_words() -> None:
    assert metrics.chrf(["Hunde"], ["Hund"]) > metrics.chrf(["Katze"], ["Hund"])
    assert metrics.chrf([""], ["Hund"]) == 0
