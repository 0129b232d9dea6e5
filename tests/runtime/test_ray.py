"""Ray Data answers Parquet files with actors of its own, as one process does."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from seqcore.runtime import Predictor

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_two_actors_of_a_local_ray_answer_as_one_process_and_a_bad_row_is_an_error(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    checkpoint = ROOT / "checkpoints" / "sentiment"
    (tmp_path / "in").mkdir()
    texts = [f"I {'loved' if number % 2 else 'hated'} all {number} of them." for number in range(60)]
    rows = pyarrow.table({"id": range(60), "review": [text if "0 of" not in text else None for text in texts]})
    for name, part in {"a": rows.slice(0, 50), "b": rows.slice(50)}.items():
        parquet.write_table(part, tmp_path / "in" / f"{name}.parquet")
    command: list[str | Path] = [sys.executable, ROOT / "examples" / "distributed.py", checkpoint, "in", "out"]
    flags = ["--columns", '{"text": "review"}', "--options", '{"unsure_below": 0.9}', "--batch-size", "8"]
    done = subprocess.run(
        [*command, *flags], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"The answers are in {tmp_path / 'out'}"
    answered = parquet.read_table(tmp_path / "out").sort_by("id")
    alone = Predictor(checkpoint, {"text": "review"}, unsure_below=0.9)(rows)
    numbers = [name for name in alone.column_names if name.startswith("probability")]
    for name in numbers:
        assert answered.column(name).to_pylist() == pytest.approx(alone.column(name).to_pylist(), abs=2e-4, nan_ok=True)
    assert answered.drop(numbers).equals(alone.drop(numbers))
    assert answered.column("error").to_pylist().count("column 'review' is empty") == 6
