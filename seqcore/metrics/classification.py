"""Accuracy, F1 and calibration of classifiers."""

from collections.abc import Sequence
from typing import Any


def classification_scores(probabilities: Sequence[Sequence[float]], labels: Sequence[int]) -> dict[str, Any]:
    """Score probabilities of C classes for N texts.

    Args:
        probabilities: N rows of C.
        labels: the true class of each text, by number.

    Returns:
        `accuracy` in per cent; `macro_f1`, the mean F1 of the classes in per cent (0 for one that is neither
        there nor predicted); `ece`, see `expected_calibration_error`; `confusion`, C rows of C counts, a row
        for each true class.

    Example:
        >>> scores = classification_scores([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]], [0, 1, 1])
        >>> round(scores["accuracy"], 1), scores["confusion"]
        (66.7, [[1, 0], [1, 1]])
    """
    classes = len(probabilities[0]) if probabilities else 0
    confusion = [[0] * classes for _ in range(classes)]
    for row, label in zip(probabilities, labels, strict=True):
        confusion[label][max(range(classes), key=row.__getitem__)] += 1
    right = [confusion[i][i] for i in range(classes)]
    predicted = [sum(row[i] for row in confusion) for i in range(classes)]
    f1 = [2 * right[i] / max(1, sum(confusion[i]) + predicted[i]) for i in range(classes)]
    return {
        "accuracy": 100 * sum(right) / max(1, len(labels)),
        "macro_f1": 100 * sum(f1) / max(1, classes),
        "ece": expected_calibration_error(probabilities, labels),
        "confusion": confusion,
    }


def multi_label_scores(probabilities: Sequence[Sequence[float]], labels: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Score probabilities of C labels that N texts may each have or not; 0.5 and more is a yes.

    Args:
        probabilities: N rows of C.
        labels: N rows of C, above 0 for each label that a text has.

    Returns:
        `accuracy`, of all N · C decisions, and `macro_f1`, the mean F1 of the labels, both in per cent.
    """
    pairs = [list(zip(row, truth, strict=True)) for row, truth in zip(probabilities, labels, strict=True)]
    right = sum((value >= 0.5) == bool(truth) for row in pairs for value, truth in row)
    f1 = []
    for column in zip(*pairs, strict=True):
        both = sum(value >= 0.5 and truth > 0 for value, truth in column)
        f1.append(2 * both / max(1, sum((value >= 0.5) + (truth > 0) for value, truth in column)))
    decisions = max(1, sum(map(len, pairs)))
    return {"accuracy": 100 * right / decisions, "macro_f1": 100 * sum(f1) / max(1, len(f1))}


def reliability(
    probabilities: Sequence[Sequence[float]], labels: Sequence[int], bins: int = 15
) -> list[tuple[int, float, float]]:
    """Count the predictions of each bin of equal width, with their mean confidence and accuracy (Guo 2017).

    Returns:
        For each bin (count, mean confidence, accuracy), both from 0 to 1, and 0 for a bin without predictions.
    """
    groups: list[list[tuple[float, bool]]] = [[] for _ in range(bins)]
    for row, label in zip(probabilities, labels, strict=True):
        best = max(range(len(row)), key=row.__getitem__)
        groups[min(bins - 1, int(row[best] * bins))].append((row[best], best == label))
    return [
        (len(group), sum(sure for sure, _ in group) / len(group), sum(right for _, right in group) / len(group))
        if group
        else (0, 0.0, 0.0)
        for group in groups
    ]


def expected_calibration_error(
    probabilities: Sequence[Sequence[float]], labels: Sequence[int], bins: int = 15
) -> float:
    """Compute the mean distance of confidence and accuracy over equal bins, in per cent (Naeini 2015; Guo 2017)."""
    parts = reliability(probabilities, labels, bins)
    return 100 * sum(count * abs(sure - right) for count, sure, right in parts) / max(1, len(labels))
