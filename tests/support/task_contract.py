"""What every task promises, whoever wrote it: a test class to derive from, or to give a task of one's own to."""

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from stopping import StopAt

import seqcore
from seqcore.errors import InputError
from seqcore.tasks import Task
from seqcore.training import TrainingSettings, fit

SETTINGS = TrainingSettings(
    epochs=3, batch_tokens=16, batch_rows=2, bptt=4, learning_rate=0.01, warmup_steps=2, average=1, save_every=1,
    precision="32-true", accelerator="cpu", threads=1, progress=False,
)  # fmt: skip


@dataclass
class Case:
    """A task and what it can be tried with.

    Attributes:
        rows: of data, at least three.
        bad_row: a row that it cannot learn from.
        bad_input: something that it cannot answer.
        options: of `predict`, for speed.
    """

    task: Task
    rows: Sequence[dict[str, Any]]
    bad_row: dict[str, Any]
    bad_input: Any
    options: dict[str, Any] = field(default_factory=dict)

    def predict(self, inputs: Sequence[Any]) -> list[str]:
        """Answers that can be compared, as JSON."""
        return [self.json(result) for result in self.task.predict(inputs, **self.options)]

    def json(self, result: Any) -> str:
        """A result as the command line writes it, its numbers rounded, since a batch may change a last digit."""
        text = json.dumps(self.task.to_dict(result))
        return json.dumps(json.loads(text, parse_float=lambda number: round(float(number), 2)))


class TaskContract:
    """Derive a test class from it that has a fixture `case`."""

    def test_a_folder_holds_all_of_it(self, case: Case, tmp_path: Path) -> None:
        case.task.save_pretrained(tmp_path / "model")
        inputs, _ = case.task.inputs(case.rows)
        again = seqcore.load(tmp_path / "model", device="cpu")
        assert type(again) is type(case.task)
        assert again.config == case.task.config
        assert Case(again, case.rows, {}, None, case.options).predict(inputs) == case.predict(inputs)
        assert seqcore.load(tmp_path / "model", type(case.task), device="cpu").config == case.task.config

    def test_a_batch_is_its_singles_in_any_order(self, case: Case) -> None:
        inputs, _ = case.task.inputs(case.rows)
        singles = [case.predict([one])[0] for one in inputs]
        assert case.predict(inputs) == singles
        assert case.predict(inputs[::-1]) == singles[::-1]
        assert case.predict([]) == []

    def test_results_are_lines_and_json(self, case: Case) -> None:
        for result in case.task.predict(case.task.inputs(case.rows)[0], **case.options):
            assert "\n" not in case.task.to_text(result)
            assert isinstance(json.loads(json.dumps(case.task.to_dict(result), allow_nan=False)), dict)

    def test_metrics_hold_what_is_monitored(self, case: Case) -> None:
        name, mode = case.task.monitor
        scores = case.task.evaluate(case.rows, **case.options)
        assert isinstance(scores[name], float)
        assert mode in {"max", "min"}

    def test_a_loss_is_the_sum_over_examples(self, case: Case) -> None:
        examples = [case.task.example(row) for row in case.rows]
        together = case.task.loss(case.task.collate(examples))
        apart = [case.task.loss(case.task.collate([example])) for example in examples]
        assert together.count == sum(loss.count for loss in apart)
        assert float(together.total) == pytest.approx(sum(float(loss.total) for loss in apart), rel=1e-3)
        assert all(min(case.task.lengths(example)) >= 0 for example in examples)

    def test_a_bad_row_is_refused(self, case: Case) -> None:
        with pytest.raises(InputError):
            case.task.example(case.bad_row)

    def test_a_bad_input_is_named_and_does_not_stop_the_others(self, case: Case) -> None:
        inputs, _ = case.task.inputs(case.rows)
        mixed = [case.bad_input, *inputs[:2], case.bad_input, case.bad_input, inputs[2]]
        answers = list(case.task.predict_each(iter(mixed), **case.options))
        assert [isinstance(answer, InputError) for answer in answers] == [True, False, False, True, True, False]
        good = [case.json(answer) for answer in answers if not isinstance(answer, InputError)]
        assert good == case.predict(inputs[:3])
        with pytest.raises(InputError) as raised:
            case.task.predict([*inputs[:2], case.bad_input], **case.options)
        assert raised.value.number == 3

    def test_an_option_that_is_not_known_is_refused(self, case: Case) -> None:
        with pytest.raises((TypeError, InputError), match="beamsize"):
            case.task.predict([], beamsize=3)
        assert "beamsize" not in case.task.prediction_options()

    def test_a_stopped_training_goes_on_as_if_it_had_not_been(self, case: Case, tmp_path: Path) -> None:
        def train(name: str, resume: bool = False, *callbacks: StopAt) -> dict[str, torch.Tensor]:
            task = copy.deepcopy(case.task)
            fit(task, case.rows, case.rows, SETTINGS, tmp_path / name, resume, callbacks=callbacks)
            return load_file(tmp_path / name / "model.safetensors")

        whole = train("whole")
        with pytest.raises(RuntimeError, match="stopped by the test"):
            train("parts", False, StopAt(3))
        torch.testing.assert_close(train("parts", resume=True), whole, rtol=1e-4, atol=1e-6)
