"""What `seqcore predict` says of films that end before their end."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from tiny_videos import tiny_classifier, write_video

from seqcore.cli.answers import answer_files
from seqcore.cli.outputs import Output
from seqcore.cli.runs import Run


def test_what_is_cut_short_is_answered_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(50)]
    whole = write_video(tmp_path / "a.mkv", noise)
    cut = tmp_path / "b\n.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    out = io.StringIO()
    answer_files(Run(tiny_classifier(), Output(out)), [str(whole), str(cut)], "jsonl")
    first, second = map(json.loads, out.getvalue().splitlines())
    assert "cut_short" not in first
    assert second["cut_short"] == {"seconds": 2.0, "frames": 50}
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert "is cut short: " in told[0]
    assert told[0].endswith(f" of 2.00 seconds were read, {len(second['labels'])} of about 50 frames")
