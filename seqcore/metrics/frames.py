"""Scores of labels for each frame, by frames, by segments, and by events."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

OVERLAPS = (10, 25, 50)  # In per cent.
NEAR = 2  # By so many frames an event may be off.

Labels = Sequence[str]
_Run = tuple[str, int, int]


def frame_scores(
    predictions: Sequence[Labels], references: Sequence[Labels], labels: Labels, background: str = ""
) -> dict[str, Any]:
    """Score the labels of the frames of N videos; all figures are in per cent.

    Args:
        predictions: for each video a label for each frame.
        references: the right labels, as many for each video.
        labels: the classes.
        background: the class that says that nothing is there; none if empty.

    Returns:
        `frame_accuracy`; `macro_f1`, the mean F1 over frames of those classes that the references hold; `edit`
        and `f1@10`, `f1@25`, `f1@50`, see `edit_score` and `overlap_f1`; with a background also
        `foreground_accuracy`, over the frames whose reference is none, and `segment_accuracy`, see
        `segment_accuracy`; `classes`, for each class its F1 over `frames` and over `events`, see
        `event_counts`.

    Raises:
        ValueError: a video has another number of predictions than of references.

    Example:
        >>> scores = frame_scores([["a", "a", "b", "b"]], [["a", "a", "a", "b"]], ["a", "b"])
        >>> scores["frame_accuracy"], scores["edit"], scores["f1@50"]
        (75.0, 100.0, 100.0)
    """
    pairs = list(zip(predictions, references, strict=True))
    frames = [both for predicted, true in pairs for both in zip(predicted, true, strict=True)]
    counts = {label: _f1_counts(frames, label) for label in labels}
    present = [label for label in labels if any(right == label for _, right in frames)]
    scores: dict[str, Any] = {
        "frame_accuracy": _per_cent(sum(mine == right for mine, right in frames), len(frames)),
        "macro_f1": sum(_f1(*counts[label]) for label in present) / max(1, len(present)),
        "edit": sum(edit_score(*pair, background) for pair in pairs) / max(1, len(pairs)),
    }
    for overlap in OVERLAPS:
        scores[f"f1@{overlap}"] = overlap_f1(predictions, references, overlap / 100, background)
    if background:
        speech = [(mine, right) for mine, right in frames if right != background]
        scores["foreground_accuracy"] = _per_cent(sum(mine == right for mine, right in speech), len(speech))
        scores["segment_accuracy"] = segment_accuracy(predictions, references, background)
    scores["classes"] = {
        label: {"frames": _f1(*counts[label]), "events": event_counts(predictions, references, label)}
        for label in present
    }
    return scores


def edit_score(prediction: Labels, reference: Labels, background: str = "") -> float:
    """Compute 100 · (1 − the Levenshtein distance of two lists of segments, over the longer one's length) (Lea 2017).

    Segments count by their labels alone: order and number matter, not when they are.
    """
    mine, right = ([label for label, _, _ in _runs(labels, background)] for labels in (prediction, reference))
    if not mine and not right:
        return 100.0
    row = list(range(len(right) + 1))
    for i, label in enumerate(mine, 1):
        last, row[0] = row[0], i
        for j, other in enumerate(right, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (label != other))
    return 100 * (1 - row[-1] / max(len(mine), len(right)))


def overlap_f1(
    predictions: Sequence[Labels], references: Sequence[Labels], overlap: float, background: str = ""
) -> float:
    """Compute F1 of segments in per cent, over all videos together (Lea 2017).

    A segment is right when the best overlap (intersection over union) that it has with one of the same label is at
    least `overlap`, and that one was not matched before.
    """
    right = wrong = missed = 0
    for prediction, reference in zip(predictions, references, strict=True):
        truth = _runs(reference, background)
        used = [False] * len(truth)
        for label, begin, end in _runs(prediction, background):
            shares = [_overlap(begin, end, *other[1:]) if other[0] == label else 0.0 for other in truth]
            best = max(range(len(truth)), key=shares.__getitem__, default=-1)
            if best >= 0 and shares[best] >= overlap and shares[best] > 0 and not used[best]:
                used[best] = True
                right += 1
            else:
                wrong += 1
        missed += used.count(False)
    return _f1(right, wrong, missed)


def segment_accuracy(predictions: Sequence[Labels], references: Sequence[Labels], background: str) -> float:
    """Compute the per cent of the references' segments whose commonest label but the background is the right one.

    The first one in the video wins where two are as common; a segment of background alone is wrong.
    """
    right = total = 0
    for prediction, reference in zip(predictions, references, strict=True):
        for label, begin, end in _runs(reference, background):
            inside = [mine for mine in prediction[begin:end] if mine != background]
            right += bool(inside) and max(inside, key=inside.count) == label
            total += 1
    return _per_cent(right, total)


def event_counts(
    predictions: Sequence[Labels], references: Sequence[Labels], label: str, near: int = NEAR
) -> dict[str, float]:
    """Count how many segments of one label are found as events.

    An event is found when a predicted segment of that label, widened by `near` frames on both sides, meets it; each
    counts once, in their order.

    Returns:
        `f1` in per cent, and the counts `right`, `wrong` (predicted, not there) and `missed`.
    """
    right = wrong = missed = 0
    for prediction, reference in zip(predictions, references, strict=True):
        mine = [run[1:] for run in _runs(prediction) if run[0] == label]
        truth = [run[1:] for run in _runs(reference) if run[0] == label]
        i = j = 0
        while i < len(mine) and j < len(truth):
            if mine[i][1] + near <= truth[j][0]:
                wrong, i = wrong + 1, i + 1
            elif truth[j][1] <= mine[i][0] - near:
                missed, j = missed + 1, j + 1
            else:
                right, i, j = right + 1, i + 1, j + 1
        wrong, missed = wrong + len(mine) - i, missed + len(truth) - j
    return {"f1": _f1(right, wrong, missed), "right": right, "wrong": wrong, "missed": missed}


def _runs(labels: Labels, background: str = "") -> list[_Run]:
    starts = [i for i in range(len(labels)) if i == 0 or labels[i] != labels[i - 1]]
    runs = [(labels[i], i, end) for i, end in pairwise([*starts, len(labels)])]
    return [run for run in runs if not background or run[0] != background]


def _overlap(begin: int, end: int, other_begin: int, other_end: int) -> float:
    shared = min(end, other_end) - max(begin, other_begin)
    return max(0, shared) / (max(end, other_end) - min(begin, other_begin))


def _f1_counts(frames: Sequence[tuple[str, str]], label: str) -> tuple[int, int, int]:
    right = sum(predicted == label == true for predicted, true in frames)
    predictions = sum(predicted == label for predicted, _ in frames)
    references = sum(true == label for _, true in frames)
    return right, predictions - right, references - right


def _f1(right: int, wrong: int, missed: int) -> float:
    return _per_cent(2 * right, 2 * right + wrong + missed)


def _per_cent(part: float, whole: float) -> float:
    return 100 * part / whole if whole else 0.0
