"""Rows in numbers: the same whoever makes them, and how many at once; a bad row is named."""

import os
import signal
from array import array
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from training_runs import made_up_rows

from seqcore.data import PartOfRows
from seqcore.errors import DataError, InputError, SettingsError
from seqcore.tasks import text_task
from seqcore.tasks.language import LanguageModel, LanguageModelConfig
from seqcore.tasks.sentiment import SentimentClassifier, SentimentConfig
from seqcore.tasks.text_task import TextTask
from seqcore.tasks.translation import Translator, TranslatorConfig
from seqcore.training import examples
from seqcore.training.examples import make_examples

PAIRS = [*made_up_rows(40), {"source": "On 5 May: <b>ﬁve</b> Ärzte\0.", "target": "Am 5 May: \ud800."}]
TEXTS = [{"text": f"{row['source']} it 's<br />{number}" * (number % 5), "label": "ab"[number % 2]}
         for number, row in enumerate(PAIRS)]  # fmt: skip
SMALL: Any = {"vocab_size": 320, "embedding_size": 4}


def translator() -> Translator:
    sizes: Any = {"encoder_hidden_size": 4, "encoder_layers": 1, "decoder_hidden_size": 4, "decoder_layers": 1}
    return Translator.create(TranslatorConfig(**SMALL, **sizes, max_source_length=9, max_target_length=9), PAIRS[:-1])


def classifier() -> SentimentClassifier:
    config = SentimentConfig(**SMALL, labels=("a", "b"), hidden_size=4, num_layers=1, max_length=20)
    return SentimentClassifier.create(config, TEXTS[:-1])


def language_model() -> LanguageModel:
    return LanguageModel.create(LanguageModelConfig(**SMALL, hidden_size=4, num_layers=1), TEXTS[:-1])


TASKS = [(translator, PAIRS), (classifier, TEXTS), (language_model, TEXTS)]


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few rows be many."""
    monkeypatch.setattr(text_task, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(examples, "PART_ROWS", 3)
    monkeypatch.setattr(examples, "MIN_ROWS_A_PROCESS", 5)
    monkeypatch.setattr(examples, "usable_cores", lambda: 2)


@pytest.mark.parametrize(("make", "rows"), TASKS)
def test_processes_and_batches_change_no_example(
    make: Callable[[], TextTask], rows: list[Mapping[str, Any]], small_parts: None
) -> None:
    task = make()
    expected = [task.example(row) for row in rows]
    assert list(task.examples(rows)) == expected
    assert make_examples(task, rows, "training") == expected
    assert make_examples(task, rows, "training", processes=2) == expected
    first = next(iter(task.fields)) if isinstance(task, Translator) else "tokens"
    assert all(isinstance(one[first], array) for one in expected)
    assert all(list(task.lengths(one)) == [len(one[key]) for key in one if key != "label"] for one in expected)


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("bad", [0, 1, 7, 40])
def test_the_first_bad_row_is_named_whoever_comes_upon_it(bad: int, processes: int, small_parts: None) -> None:
    rows: list[Mapping[str, Any]] = [{**row, "target_lang": "fr"} if at >= bad else row for at, row in enumerate(PAIRS)]
    part = PartOfRows([{}, *rows], range(1, len(rows) + 1))
    with pytest.raises(DataError, match=rf"row {bad + 2} of validation: this model does not translate .*to 'fr'"):
        make_examples(translator(), part, "validation", processes)


def test_a_process_that_is_killed_is_told_in_a_line(small_parts: None, monkeypatch: pytest.MonkeyPatch) -> None:
    task, first = translator(), os.getpid()

    def example(row: Mapping[str, Any]) -> Any:
        if os.getpid() != first:
            os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(task, "_read_pair", example)
    with pytest.raises(SettingsError, match="a process that made examples has ended: give it more memory"):
        make_examples(task, PAIRS, "training")


class Shouting(Translator):
    def example(self, row: Mapping[str, Any]) -> Any:
        if not row["source"].islower():
            raise InputError("it shouts")
        return super().example(row)


def test_a_task_that_makes_examples_in_its_own_way_makes_all_of_them_so(small_parts: None) -> None:
    task = Shouting(translator().config, translator().tokenizer)
    with pytest.raises(DataError, match="row 42 of training: it shouts"):
        make_examples(task, [{"source": "a dog", "target": "ein Hund"}, *PAIRS], "training")
