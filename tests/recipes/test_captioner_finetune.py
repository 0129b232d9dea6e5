"""Fine-tuning the captioner as people do it: its three stages, and rude input."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from tiny_captioner import COLOURS, picture
from training_runs import Run, finish, refused, write_csv

import seqcore
from seqcore.tasks.captioning import Captioner

SCRIPT = "apps.captioner.finetune"
TINY = {
    "model.backbone": "mobilenetv3_small_050", "model.image_size": 32, "model.vocab_size": 300,
    "model.embedding_size": 32, "model.memory_size": 32, "model.hidden_size": 48, "model.num_layers": 1,
    "model.dropout": 0, "weights": "null", "training.precision": "32-true", "training.accelerator": "cpu",
    "training.threads": 1, "training.learning_rate": 0.01, "training.warmup_steps": 1, "training.epochs": 2,
    "training.average": 1, "training.progress": "false",
}  # fmt: skip


def command(train: Path, output: Path, *flags: str, **settings: Any) -> list[str]:
    chosen = TINY | {name.replace("__", "."): value for name, value in settings.items()}
    named = [part for name, value in chosen.items() for part in (f"--{name}", str(value))]
    return ["--train", str(train), "--output", str(output), *named, *flags]


def done(run: Run) -> Run:
    assert run.status == 0, run.said
    return run


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of images with their captions, some with one, some with two."""
    folder = tmp_path_factory.mktemp("photos")
    lines = []
    for number in range(24):
        colour = list(COLOURS)[number % 3]
        picture(colour, 32 + number).save(folder / f"{number:02}.png")
        lines.append({"file_name": f"{number:02}.png", "captions": [COLOURS[colour], f"{COLOURS[colour]}."]})
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def captions(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    output = tmp_path_factory.mktemp("captions") / "run"
    return done(finish(command(photos, output, training__epochs=150, training__validate_every=150), script=SCRIPT))


def seeing(run: Run) -> dict[str, torch.Tensor]:
    return {name: weight for name, weight in run.weights().items() if name.startswith("encoder.")}


@pytest.mark.slow
def test_the_first_stage_keeps_what_the_image_network_gives(captions: Run) -> None:
    task = seqcore.load(captions.output)
    assert isinstance(task, Captioner)
    assert task.caption(picture("red")).text
    assert "22 training and 2 validation images" in captions.said
    assert "new tokenizer: " in captions.said
    assert (captions.output / "training" / "features" / "train" / "array.bin").exists()
    assert captions.last_line() == f"To try it: python -m apps.captioner --checkpoint {captions.output}"


@pytest.mark.slow
def test_the_second_stage_trains_the_image_networks_last_stages(photos: Path, captions: Run, tmp_path: Path) -> None:
    flags = ("--init", str(captions.output), "--image_stages", "2")
    images = done(finish(command(photos, tmp_path / "run", *flags, training__layer_decay=0.5), script=SCRIPT))
    before, after = seeing(captions), seeing(images)
    changed = {name for name in before if not before[name].equal(after[name])}
    assert changed
    assert not any("conv_stem" in name or "blocks.0" in name for name in changed)
    assert not (images.output / "training" / "features").exists()
    assert "old tokenizer: " in images.said


@pytest.mark.slow
def test_the_third_stage_follows_the_reward(photos: Path, captions: Run, tmp_path: Path) -> None:
    flags = ("--init", str(captions.output), "--objective", "self-critical", "--samples", "3")
    rewarded = done(finish(command(photos, tmp_path / "run", *flags), script=SCRIPT))
    before, after = captions.weights(), rewarded.weights()
    assert all(before[name].equal(after[name]) for name in before if name.startswith("encoder."))
    assert not before["decoder.embedding.weight"].equal(after["decoder.embedding.weight"])


@pytest.mark.slow
def test_a_stopped_run_goes_on_with_the_same_numbers(photos: Path, captions: Run, tmp_path: Path) -> None:
    flags = ("--init", str(captions.output), "--objective", "self-critical")
    whole = done(finish(command(photos, tmp_path / "whole", *flags), script=SCRIPT))
    half = command(photos, tmp_path / "half", *flags, training__patience=1, training__epochs=2, training__save_every=1)
    cut = finish(half, before=_stop_after_the_first_step, script=SCRIPT)
    assert cut.status != 0
    again = done(finish([*half, "--resume"], script=SCRIPT))
    for name, weight in whole.weights().items():
        assert torch.allclose(weight.float(), again.weights()[name].float(), atol=1e-3), name


def _stop_after_the_first_step() -> None:
    from seqcore.training.module import TaskModule

    step = TaskModule.training_step

    def stop(self: Any, *arguments: Any) -> Any:
        if self.global_step == 1:
            raise RuntimeError("stopped by the test")
        return step(self, *arguments)

    patch.object(TaskModule, "training_step", stop).start()


@pytest.mark.slow
def test_a_table_and_a_new_vocabulary(photos: Path, captions: Run, tmp_path: Path) -> None:
    rows = [{"photo": str(photos / f"{n:02}.png"), "alt": "ein rotes Quadrat" if n % 2 else "blau"} for n in range(12)]
    table = write_csv(tmp_path / "mine.csv", rows)
    flags = ("--columns.image", "photo", "--columns.captions", "alt", "--init", str(captions.output), "--new_tokenizer")
    run = done(finish(command(table, tmp_path / "run", *flags), script=SCRIPT))
    assert "with the embeddings they had" in run.said
    new, old = (seqcore.load(folder).tokenizer for folder in (run.output, captions.output))  # type: ignore[attr-defined]
    assert len(new.encode("quadrat")) < len(old.encode("quadrat"))


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--new-tokenizer",), "--new-tokenizer needs --init"),
        (("--objective", "self-critical"), "needs --init"),
        (("--image-stages", "99"), "stages"),
        (("--image_stages", "-2"), "--image-stages must be at least -1"),
        (("--model.backbone", "no_such_network"), "there is no backbone"),
        (("--weights", "missing.pth"), "missing.pth"),
    ],
)  # fmt: skip
def test_flags_that_cannot_be_are_named(flags: tuple[str, ...], says: str, photos: Path, tmp_path: Path) -> None:
    assert says in refused(command(photos, tmp_path / "run", *flags), script=SCRIPT)


@pytest.mark.parametrize("stages", ["0", "1"])
def test_an_image_that_cannot_be_read_is_named_before_training(stages: str, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no image")
    rows = [{"image": str(photos / "00.png"), "caption": "a"}, {"image": str(tmp_path / "bad.png"), "caption": "b"}]
    table = write_csv(tmp_path / "mine.csv", rows * 3)
    said = refused(command(table, tmp_path / "run", "--validation", str(photos), image_stages=stages), script=SCRIPT)
    assert "image 2" in said
    assert "bad.png is no image" in said
    assert not (tmp_path / "run" / "training" / "last.ckpt").exists()
