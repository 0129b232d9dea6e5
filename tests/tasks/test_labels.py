"""Labels of data: what they mean is decided for all rows together, and nothing is merged or shifted in silence."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy
import pandas  # type: ignore[import-untyped]
import pytest
from tiny_sentiment import tiny_classifier

from seqcore.data import PartOfRows
from seqcore.errors import DataError, InputError, SettingsError
from seqcore.tasks.sentiment import SentimentClassifier, SentimentConfig, class_weights, labels_of
from seqcore.tasks.sentiment.labels import number_of

STARS = ("1", "2", "3", "4", "5")
HALVES = ("0.5", "1.0", "1.5", "2.0", "2.5")
SENTENCES = [{"text": "It was a good film."}, {"text": "It was a bad one."}] * 10


@cache
def knowing(*labels: str, multi_label: bool = False) -> SentimentClassifier:
    """An untrained classifier of these labels."""
    sizes = {"vocab_size": 280, "embedding_size": 4, "hidden_size": 4, "num_layers": 1, "head_size": 4}
    config = SentimentConfig(labels=labels, multi_label=multi_label, **sizes)  # type: ignore[arg-type]
    return SentimentClassifier.create(config, SENTENCES)


def rows(*labels: Any) -> list[dict[str, Any]]:
    return [{"text": "good", "label": label} for label in labels]


def classes(task: SentimentClassifier, *labels: Any) -> list[Any]:
    """What a data set's labels are to a model, where it takes them."""
    task.examine(rows(*labels))
    return [task.class_number(label) for label in labels]


@pytest.mark.parametrize(
    ("names", "labels", "numbers"),
    [
        (("negative", "positive"), ["positive", " negative ", "positive\n"], [1, 0, 1]),
        (("negative", "positive"), ["Positive", "NEGATIVE"], [1, 0]),
        (("negative", "positive"), ["1", "0"], [1, 0]),
        (("negative", "positive"), [1, 0, 1.0, "1.0", "+1", "1e0", numpy.int64(1)], [1, 0, 1, 1, 1, 1, 1]),
        (("negative", "positive"), [1, 1], [1, 1]),
        (STARS, [1, "2", 3.0, "4.0", "5e0", "+5", " 1 "], [0, 1, 2, 3, 4, 4, 0]),
        (HALVES, [1, 2, "1", ".5", 0.5, "2.50"], [1, 3, 1, 0, 0, 4]),
        (("-1", "0", "1"), [-1, "0", "+1", "-1.0"], [0, 1, 2, 0]),
        (("9" * 30, "1" + "0" * 30), [10**30, "9" * 30, 10**30 - 1], [1, 0, 0]),
        (("a, b", "c d"), ["a, b", "c d"], [0, 1]),
        (("False", "True"), [True, False, "True", numpy.bool_(True)], [1, 0, 1, 1]),
        (("False", "True"), ["true", "FALSE"], [1, 0]),
        (("yes", "true"), [True], [1]),
        (("False", "True"), [1, 0], [1, 0]),
        (("café", "thé"), ["cafe\u0301", "THE\u0301"], [0, 1]),
        (("١", "٢"), ["٢", "١"], [1, 0]),
        (("US", "us", "them"), ["us", "US", "Them"], [1, 0, 2]),
        (("1", "1.0"), ["1", "1.0"], [0, 1]),
        (("1", "good"), ["1", "good"], [0, 1]),
    ],
)  # fmt: skip
def test_labels_are_names_or_equal_numbers_or_all_of_them_places(
    names: tuple[str, ...], labels: list[Any], numbers: list[int]
) -> None:
    assert classes(knowing(*names), *labels) == numbers


@pytest.mark.parametrize(
    ("names", "label"),
    [
        (STARS, 0), (STARS, "0"), (STARS, 6), (STARS, 1.5), (STARS, True), (STARS, False), (STARS, "five"),
        (STARS, "٣"), (STARS, "²"), (STARS, "1_0"), (STARS, "nan"), (STARS, float("nan")), (STARS, None), (STARS, " "),
        (STARS, float("inf")), (STARS, 10**30), (STARS, "1e999999999"), (STARS, pandas.NA),
        (HALVES, 3), (HALVES, 0), (HALVES, "0"),
        (("negative", "positive"), True), (("negative", "positive"), 2), (("negative", "positive"), -1),
        (("negative", "positive"), 0.5), (("negative", "positive"), "pos"), (("negative", "positive"), "positive."),
        (("US", "us"), "Us"), (("1", "good"), 0), (("1", "1.0"), "1.00"),
        (("negative", "positive"), ["positive"]), (("negative", "positive"), "['positive']"),
        (("negative", "positive"), b"positive"), (("negative", "positive"), {"positive": 1}),
    ],
)  # fmt: skip
def test_what_is_no_label_is_refused_wherever_it_is_met(names: tuple[str, ...], label: Any) -> None:
    task, data = knowing(*names), rows(*names, label)
    with pytest.raises(InputError):
        task.class_number(label)
    answers = task.predict([row["text"] for row in data])
    for use in (lambda: task.examine(data), lambda: task.evaluate(data), lambda: task.compute_metrics(answers, data)):
        with pytest.raises(DataError, match=f"row {len(names) + 1} of the data"):
            use()


def test_all_unknown_labels_are_named_with_the_first_row() -> None:
    data = rows(*["1", "5"] * 500, "0", "6", "0")
    with pytest.raises(DataError) as raised:
        knowing(*STARS).examine(data, "stars.csv")
    wanted = "row 1001 of stars.csv: '0' is no label of this model, which knows 1, 2, 3, 4, 5; nor is '6'"
    assert str(raised.value) == wanted
    part = PartOfRows([*rows(*["1"] * 900), *rows("0")], [5, 900])
    with pytest.raises(DataError, match="row 901 of validation: '0' is no label"):
        knowing(*STARS).examine(part, "validation")


def test_names_and_places_do_not_go_together() -> None:
    task, data = knowing("negative", "positive"), rows("positive", "positive", 0)
    with pytest.raises(DataError, match=r"row 1 has 'positive', row 3 has '0'\. Write all of them as negative, posi"):
        task.examine(data)
    with pytest.raises(DataError, match="names labels and counts them"):
        task.compute_metrics(task.predict(["good"] * 3), data)


def test_two_spellings_that_only_capitals_tell_apart_are_not_merged() -> None:
    with pytest.raises(DataError, match="'positive' in row 1 and 'Positive' in row 3 would be one label"):
        knowing("negative", "positive").examine(rows("positive", "negative", "Positive"))


@pytest.mark.parametrize(
    ("names", "labels", "notices"),
    [
        (("negative", "positive"), ["positive", "negative"], []),
        (("negative", "positive"), [0, 1, 0], ["labels 0 and 1 are taken for negative and positive"]),
        (("negative", "positive"), ["1"], ["label 1 is taken for positive"]),
        (("negative", "positive"), ["Positive"], ["label Positive is taken for positive"]),
        (("so, so", "good"), [0], ["label 0 is taken for 'so, so'"]),
        (HALVES, [2, 1], ["labels 2 and 1 are taken for 2.0 and 1.0"]),
        (STARS, [1, 5, "3"], []),
    ],
)  # fmt: skip
def test_what_labels_are_taken_for_is_noted(names: tuple[str, ...], labels: list[Any], notices: list[str]) -> None:
    assert knowing(*names).examine(rows(*labels)) == notices


def test_many_classes_are_not_all_listed() -> None:
    names = tuple(f"class {number:04}" for number in range(1500))
    with pytest.raises(DataError) as raised:
        knowing(*names).examine(rows(*names, *(f"no {number}" for number in range(100))))
    assert len(str(raised.value)) < 1000
    assert "(1,500 in all)" in str(raised.value)
    (notice,) = knowing(*names).examine(rows(*range(1500)))
    assert notice.startswith("labels 0, 1, 2, ")
    assert len(notice) < 1000


# Of data


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["1", "1.0", "1", "2"], ("1", "2")),
        ([1.0, 1.0, 10.0, 2.0], ("1.0", "2.0", "10.0")),
        (["-1", "+1", "0", "1e0", "+1"], ("-1", "0", "+1")),
        ([" good", "good ", "bad"], ("bad", "good")),
        ([True, False], ("False", "True")),
        (["1", "a", "1.0"], ("1", "a")),
        (["²", "1"], ("1", "²")),
        (["Good", "good"], ("Good", "good")),
    ],
)  # fmt: skip
def test_labels_that_are_learned_are_names_without_blanks_and_each_number_once(
    labels: list[Any], names: tuple[str, ...]
) -> None:
    assert labels_of(rows(*labels)) == names
    assert len({knowing(*names).class_number(label) for label in labels}) == len(names)


@pytest.mark.parametrize("missing", [None, "", "  ", float("nan"), pandas.NA, pandas.NaT])
def test_a_row_without_a_label_is_named(missing: Any) -> None:
    with pytest.raises(DataError, match="row 2 of the data has no label"):
        labels_of(rows("good", missing))


@pytest.mark.parametrize(
    "text", ["nan", "inf", "1_000", "0x1", "١", "½", "1,5", "--1", "", ".", "e1", "1e", "1e" + "9" * 30]
)
def test_these_are_no_numbers(text: str) -> None:
    assert number_of(text) is None


# Several labels a text


@pytest.mark.parametrize(
    ("label", "names"),
    [
        (["a", "b"], {"a", "b"}), (("b",), {"b"}), ([], set()), (None, set()), ("", set()), (" ", set()),
        (float("nan"), set()), ("a|b", {"a", "b"}), (" b | a |", {"a", "b"}), ("['a', 'b']", {"a", "b"}),
        ('["b"]', {"b"}), ("['a' 'b']", {"a", "b"}), ("[]", set()), ([None], set()), (numpy.array(["a"]), {"a"}),
        (["a", "a"], {"a"}), ("A", {"a"}), ("it's", {"it's"}),
    ],
)  # fmt: skip
def test_several_labels_are_a_list_or_divided(label: Any, names: set[str]) -> None:
    task = knowing("a", "b", "it's", multi_label=True)
    assert classes(task, label) == [[float(name in names) for name in task.config.labels]]
    assert set(labels_of(rows(label), multi_label=True)) <= {*names, "A"}


@pytest.mark.parametrize("label", [0, "0", "0.0", 0.0, [0], numpy.int64(0), ["0"]])
def test_zero_is_a_label_and_not_none(label: Any) -> None:
    assert classes(knowing("0", "1", "2", multi_label=True), label) == [[1.0, 0.0, 0.0]]
    assert number_of(labels_of(rows(label), multi_label=True)[0]) == 0


def test_false_is_a_label_and_not_none() -> None:
    assert labels_of(rows(False, [True, False]), multi_label=True) == ("False", "True")
    assert classes(knowing("False", "True", multi_label=True), False, [True, False]) == [[1.0, 0.0], [1.0, 1.0]]


def test_several_labels_may_be_places_and_unknown_ones_are_named() -> None:
    task = knowing("joy", "fear", "anger", multi_label=True)
    assert task.examine(rows([0, 2], [1], [])) == ["labels 0, 2 and 1 are taken for joy, anger and fear"]
    assert classes(task, [0, 2], []) == [[1.0, 0.0, 1.0], [0.0] * 3]
    with pytest.raises(DataError, match="row 2 of the data: 'envy' is no label of this model"):
        task.examine(rows("joy", "fear|envy"))
    with pytest.raises(DataError, match="names labels and counts them"):
        task.examine(rows("joy", [1]))


def test_lists_become_classes_only_where_there_are_several() -> None:
    config = SentimentConfig(vocab_size=280, embedding_size=4, hidden_size=4, head_size=4)
    data = [{**row, "label": label} for row, label in zip(SENTENCES, [["a", "b"], ["a"]] * 10, strict=True)]
    assert SentimentClassifier.create(replace(config, multi_label=True), data).config.labels == ("a", "b")
    with pytest.raises(DataError, match=r"row 1 of the data: the label is a list.*--model.multi-label true"):
        SentimentClassifier.create(config, data)
    with pytest.raises(SettingsError, match=r"must not hold a \|"):
        SentimentClassifier.create(replace(config, multi_label=True), [{**SENTENCES[0], "label": ["a|b"]}] * 20)


# What is made of them


def test_scores_are_those_of_the_same_labels_however_they_are_written() -> None:
    task = tiny_classifier()
    names = [("It was a lovely film", "positive"), ("The plot was awful", "negative"), ("It was great", "positive")]
    ways = {"positive": ("Positive", 1, "1", 1.0, " positive"), "negative": ("Negative", 0, "0", 0.0, " negative")}
    wanted = task.evaluate([{"text": text, "label": label} for text, label in names])
    assert wanted["accuracy"] == 100
    for way in range(5):
        data = [{"text": text, "label": ways[label][way]} for text, label in names]
        assert task.evaluate(data) == wanted
        assert class_weights(task, data).tolist() == pytest.approx([1.5, 0.75])
        assert [task.example(row)["label"] for row in data] == [1, 0, 1]


@pytest.mark.parametrize("texts", [["good", "bad", float("nan")], pandas.Series(["good", "bad", None])])
def test_a_text_that_is_missing_is_named_by_its_place(texts: Any) -> None:
    with pytest.raises(InputError, match=r"^text 3: a text must be a string, not (float|NoneType)"):
        tiny_classifier().predict(texts)
    with pytest.raises(InputError, match=r"^text 3: "):
        tiny_classifier().classify(texts)


def test_empty_texts_are_noted() -> None:
    data = [{"text": text, "label": "positive"} for text in ("", "good", " \n")]
    assert tiny_classifier().examine(data) == ["2 of 3 rows have an empty text: rows 1, 3"]
