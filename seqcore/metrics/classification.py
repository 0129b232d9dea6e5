"""Accuracy, F1 and calibration of classifiers."""

from collections.abc import Sequence
from typing import Any


def classification_scores(probabilities: Sequence[Sequence[float]], labels: Sequence[int]) -> dict[str, Any]:
    """How good probabilities of C classes are for N texts.

    Returns:
        `accuracy` in per cent; `macro_f1`, the mean F1 of the classes in per cent (0 for one that is neither
        there nor predicted); `ece`, see `expected_calibration_error`; `confusion`, C rows of C counts, a row
        for each true class.
    """
    classes = len(probabilities[0]) if probabilities else 0
    confusion = [[0] * classes for _ in range(classes)]
    for row, label in zip(probabilities, labels, strict=True):
        confusion[label][max(range(classes), key=row.__getitem__)] += 1
    right = [confusion[i][i] for i in range(classes)]
    found = [sum(row[i] for row in confusion) for i in range(classes)]
    f1 = [2 * right[i] / max(1, sum(confusion[i]) + found[i]) for i in range(classes)]
    return {
        "accuracy": 100 * sum(right) / max(1, len(labels)),
        "macro_f1": 100 * sum(f1) / max(1, classes),
        "ece": expected_calibration_error(probabilities, labels),
        "confusion": confusion,
    }


def multi_label_scores(probabilities: Sequence[Sequence[float]], labels: Sequence[Sequence[float]]) -> dict[str, Any]:
    """How good probabilities of C labels are that N texts may each have or not; 0.5 and more is a yes.

    Returns:
        `accuracy`, of all N · C decisions, and `macro_f1`, the mean F1 of the labels, both in per cent.
    """
    pairs = [list(zip(row, wanted, strict=True)) for row, wanted in zip(probabilities, labels, strict=True)]
    right = sum((value >= 0.5) == bool(wanted) for row in pairs for value, wanted in row)
    f1 = []
    for column in zip(*pairs, strict=True):
        both = sum(value >= 0.5 and wanted > 0 for value, wanted in column)
        f1.append(2 * both / max(1, sum((value >= 0.5) + (wanted > 0) for value, wanted in column)))
    decisions = max(1, sum(map(len, pairs)))
    return {"accuracy": 100 * right / decisions, "macro_f1": 100 * sum(f1) / max(1, len(f1))}


def reliability(
    probabilities: Sequence[Sequence[float]], labels: Sequence[int], bins: int = 15
) -> list[tuple[int, float, float]]:
    """Of each bin of equal width: how many predictions, their mean confidence, and their accuracy (Guo 2017)."""
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
    """The mean distance of confidence and accuracy over bins of equal width, in per cent (Naeini 2015; Guo 2017)."""
    parts = reliability(probabilities, labels, bins)
    return 100 * sum(count * abs(sure - right) for count, sure, right in parts) / max(1, len(labels))
