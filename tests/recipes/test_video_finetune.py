"""Fine-tuning of the video classifier: from folders, from another classifier, on composed films."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_videos import COLOURS, colours, write_video

import seqcore
from seqcore.errors import DataError, SettingsError
from seqcore.nn.frames import PretrainedFrameEncoder
from seqcore.recipes.films.compose import write_films
from seqcore.recipes.video import Composition, VideoRecipe, with_clips
from seqcore.tasks.video import FrameClassifier, FrameClassifierConfig
from seqcore.training import TrainingSettings

MODEL = FrameClassifierConfig(
    height=24,
    width=32,
    offsets=(-1, 0),
    widths=(8, 8),
    frame_size=16,
    hidden_size=16,
    num_layers=1,
    delay=1,
    dropout=0.0,
)
TRAINING = TrainingSettings(
    epochs=12, batch_tokens=60, learning_rate=0.02, warmup_steps=5, precision="32-true", average=1, progress=False
)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Films of two colours each, with their segments."""
    folder = tmp_path_factory.mktemp("films")
    lines = []
    for seed in range(10):
        first, second = np.random.default_rng(seed).permutation(list(COLOURS))[:2]
        write_video(folder / f"{seed}.mp4", colours([str(first)] * 5 + [str(second)] * 5))
        segments = [
            {"start": 0, "end": 0.2, "label": str(first)},
            {"start": 0.2, "end": 0.4, "label": str(second)},
        ]
        lines.append(json.dumps({"file_name": f"{seed}.mp4", "segments": segments}))
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def trained(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("runs") / "colours"
    VideoRecipe(train=str(films), output=str(output), model=MODEL, training=TRAINING, balance=True).run()
    return output


def test_a_new_model_learns_and_is_evaluated(trained: Path, films: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = seqcore.load(trained, device="cpu")
    assert isinstance(task, FrameClassifier)
    assert task.config.labels == tuple(sorted(COLOURS))
    table = trained / "training" / "validation.jsonl"
    assert len(table.read_text(encoding="utf-8").splitlines()) == 2
    command = [sys.executable, "-m", "seqcore.cli", "evaluate", str(trained), str(table)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout)
    assert scores["frame_accuracy"] > 80
    assert {"edit", "f1@10", "f1@25", "f1@50", "macro_f1", "classes"} <= set(scores)


def test_files_on_the_command_line(trained: Path, films: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_text("no", encoding="utf-8")
    names = [str(films / "0.mp4"), str(tmp_path / "bad.mp4"), str(films / "1.mp4")]
    command = [sys.executable, "-m", "seqcore.cli", "predict", str(trained), *names, "--format", "jsonl"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["file"] for line in lines] == names
    assert "is not a video" in lines[1]["error"]
    assert set(lines[0]) == {"file", "fps", "labels", "segments"}
    assert len(lines[0]["labels"]) == 10
    assert set(lines[0]["segments"][0]) == {"start", "end", "label", "confidence"}


def test_another_set_of_labels_from_a_folder_for_each(trained: Path, tmp_path: Path) -> None:
    for name, colour in {"warm": "red", "cold": "blue"}.items():
        (tmp_path / "films" / name).mkdir(parents=True)
        for number in range(5):
            write_video(tmp_path / "films" / name / f"{number}.mp4", colours([colour] * 6))
    films = str(tmp_path / "films")  # What is held out of so few may be of one class alone.
    VideoRecipe(
        train=films, validation=films, output=str(tmp_path / "out"), init=str(trained), training=TRAINING,
        time_mask=True, bptt=3,
    ).run()  # fmt: skip
    task = seqcore.load(tmp_path / "out", device="cpu")
    assert isinstance(task, FrameClassifier)
    assert task.config.labels == ("cold", "warm")
    assert set(task.label(tmp_path / "films" / "warm" / "0.mp4").labels) == {"warm"}


def test_a_frozen_image_network_looks_once(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = replace(
        MODEL, backbone="mobilenetv3_small_050", height=32, width=32, offsets=(0,), bidirectional=True, delay=0
    )
    settings = replace(TRAINING, epochs=2)
    looked: list[int] = []
    forward = PretrainedFrameEncoder.forward

    def counted(self: PretrainedFrameEncoder, frames: torch.Tensor) -> torch.Tensor:
        looked.append(frames.shape[1])
        return forward(self, frames)

    monkeypatch.setattr(PretrainedFrameEncoder, "forward", counted)
    for output in ("one", "two"):  # with the same seed, and so the same random image network
        VideoRecipe(
            train=str(films), output=str(tmp_path / output), model=model, weights=None, training=settings,
            frames=str(tmp_path / "frames"),
        ).run()  # fmt: skip
    assert sum(looked) == 10 * 10  # each frame of each film, whatever the epochs and runs
    assert (tmp_path / "frames" / "train" / "array.bin").stat().st_size < 8 * 10 * 32 * 32 * 3
    task = seqcore.load(tmp_path / "two", device="cpu")
    assert isinstance(task, FrameClassifier)
    _, rows = VideoRecipe(train=str(films), output=str(tmp_path / "split"), hold=1).read()
    (seen,) = with_clips(frozen(task), rows, tmp_path / "again")
    assert seen["video"].frames.dim() == 2
    found, wanted = (*task.predict([seen["video"]]), *task.predict([rows[0]["video"]]))
    torch.testing.assert_close(found.probabilities, wanted.probabilities, atol=5e-3, rtol=0)
    VideoRecipe(
        train=str(films), output=str(tmp_path / "three"), model=model, weights=None, training=settings, image_stages=1,
        frames=str(tmp_path / "frames"),
    ).run()  # fmt: skip
    assert "it is made anew" in capsys.readouterr().err  # frames are needed now


def frozen(task: FrameClassifier) -> FrameClassifier:
    task.network.encoder.requires_grad_(False)
    return task


def test_training_on_composed_films(tmp_path: Path) -> None:
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 255, (14, 14, 3), np.uint8)
        Image.fromarray(pixels).resize((112, 112), Image.Resampling.NEAREST).save(photographs / f"{number}.png")
    write_films(str(photographs), str(tmp_path / "validation"), films=2, frames=20)
    composition = Composition(str(photographs), films=8, frames=16)
    settings = TrainingSettings(epochs=1, batch_tokens=64, precision="32-true", average=1, progress=False)
    VideoRecipe(
        output=str(tmp_path / "out"), validation=str(tmp_path / "validation"), composition=composition, model=MODEL,
        training=settings, balance=True,
    ).run()  # fmt: skip
    task = seqcore.load(tmp_path / "out", device="cpu")
    assert isinstance(task, FrameClassifier)
    assert "dissolve" in task.config.labels
    with pytest.raises(SettingsError, match="composed films need --validation"):
        VideoRecipe(output=str(tmp_path / "other"), composition=composition, model=MODEL).run()


def test_what_cannot_be_trained_on_is_told(films: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="name what to train on"):
        VideoRecipe(output=str(tmp_path / "out")).run()
    with pytest.raises(DataError, match=r"has no metadata\.jsonl"):
        VideoRecipe(train=str(tmp_path), output=str(tmp_path / "out")).read()
    beyond = {"file_name": "0.mp4", "segments": [{"start": 5, "end": 6, "label": "red"}]}
    (tmp_path / "0.mp4").write_bytes((films / "0.mp4").read_bytes())
    (tmp_path / "metadata.jsonl").write_text((json.dumps(beyond) + "\n") * 2, encoding="utf-8")
    with pytest.raises(DataError, match=r"row 1 of training: the segment 'red' begins at 5 s"):
        VideoRecipe(train=str(tmp_path), output=str(tmp_path / "out"), model=MODEL, training=TRAINING).run()
