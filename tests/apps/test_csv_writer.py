"""CSV files: what could be a formula is shown as text, and numbers stay numbers."""

import csv
import io
from pathlib import Path

import pytest
import torch

from apps.ui.csv_writer import SafeCsvWriter, escape_formula
from apps.video.files import write_labels
from seqcore.tasks.video import FrameLabels


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_a_text_that_could_be_a_formula_gets_an_apostrophe(sign: str) -> None:
    file = io.StringIO()
    SafeCsvWriter(file).write([f"{sign}cmd|' /C calc'!A0", "a = b", -3, 0.5])
    (row,) = csv.reader(io.StringIO(file.getvalue(), newline=""))
    assert row == [f"'{sign}cmd|' /C calc'!A0", "a = b", "-3", "0.5"]


@pytest.mark.parametrize("text", ["-3", "+4.5", "-2,5", "-12 %".replace(" ", ""), "", "a", "3-4", "'=1", " =1"])
def test_numbers_and_other_texts_stay_as_they_are(text: str) -> None:
    assert escape_formula(text) == text


def test_nul_is_a_blank() -> None:
    file = io.StringIO()
    SafeCsvWriter(file).write(["a\0dog", "\0=1"])
    assert file.getvalue() == "a dog, =1\r\n"


def test_labels_of_a_film_are_no_formulas(tmp_path: Path) -> None:
    label = "=HYPERLINK(1)"
    result = FrameLabels((0.0,), 25.0, (label,), torch.ones(1, 1))
    with Path(write_labels(result, tmp_path)[1]).open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file))[1] == ["0", "0.000", f"'{label}", "1.0000"]
