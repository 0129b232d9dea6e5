"""Scores of frame labels, worked out by hand."""

import pytest

from seqcore.metrics import edit_score, event_counts, frame_scores, overlap_f1, segment_accuracy


def spelled(text: str) -> list[str]:
    return list(text)


def test_edit_score_counts_segments_not_frames() -> None:
    assert edit_score(spelled("aaabbb"), spelled("abbbbb")) == 100
    # a b a c against a b c: one segment too many of four
    assert edit_score(spelled("aabbac"), spelled("aabbcc")) == pytest.approx(75)
    assert edit_score(spelled("bbbb"), spelled("aaaa")) == 0
    assert edit_score([], []) == 100
    # without its background "-", a b against a c
    assert edit_score(spelled("-a-b-"), spelled("aa--c"), "-") == pytest.approx(50)


def test_overlap_f1_wants_the_share_and_each_segment_once() -> None:
    prediction, reference = spelled("aaaabbbbbb"), spelled("aaaaaabbbb")
    # a: 4 of 6 = 0.67, b: 4 of 6 = 0.67
    assert overlap_f1([prediction], [reference], 0.5) == 100
    assert overlap_f1([prediction], [reference], 0.7) == 0
    # two pieces of one segment: the first is right, the second wrong, b is missed
    assert overlap_f1([spelled("aaba")], [spelled("aaaa")], 0.25) == pytest.approx(100 * 2 / (2 + 2))
    assert overlap_f1([spelled("a-a")], [spelled("aaa")], 0.1, "-") == pytest.approx(100 * 2 / (2 + 1))


def test_segment_accuracy_takes_the_commonest_label_that_is_no_background() -> None:
    reference = [spelled("--aaaabbbb--")]
    assert segment_accuracy([spelled("--a-----bb--")], reference, "-") == 100
    assert segment_accuracy([spelled("------------")], reference, "-") == 0
    assert segment_accuracy([spelled("--abb-bbbb--")], reference, "-") == 50
    assert segment_accuracy([spelled("----")], [spelled("----")], "-") == 0


def test_events_may_be_two_frames_off() -> None:
    reference = [spelled("---x------x---")]
    assert event_counts([spelled("-x----------x-")], reference, "x") == {"f1": 100, "right": 2, "wrong": 0, "missed": 0}
    off = event_counts([spelled("x------------x")], reference, "x")
    assert (off["right"], off["wrong"], off["missed"]) == (0, 2, 2)
    # one long event does not find two
    long = event_counts([spelled("---xxxxxxxx---")], reference, "x")
    assert (long["right"], long["wrong"], long["missed"]) == (1, 0, 1)
    assert long["f1"] == pytest.approx(100 * 2 / 3)


def test_scores_of_frames_together() -> None:
    prediction, reference = spelled("--aab-"), spelled("-aabb-")
    scores = frame_scores([prediction], [reference], ["-", "a", "b", "c"], "-")
    assert scores["frame_accuracy"] == pytest.approx(100 * 4 / 6)
    assert scores["foreground_accuracy"] == pytest.approx(100 * 2 / 4)
    # F1: "-" 2·2/(2·2+1), a 2·1/(2·1+2), b 2·1/(2·1+1); c is not there
    assert scores["macro_f1"] == pytest.approx(100 * (4 / 5 + 1 / 2 + 2 / 3) / 3)
    assert scores["edit"] == 100
    assert scores["segment_accuracy"] == 50  # of the second segment both labels are as common: the first wins
    assert set(scores["classes"]) == {"-", "a", "b"}
    assert scores["classes"]["a"]["frames"] == pytest.approx(50)
    assert "segment_accuracy" not in frame_scores([prediction], [reference], ["-", "a", "b"])
