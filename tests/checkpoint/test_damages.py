"""Checkpoints that something or somebody has damaged: refused in a line, nothing run, nothing large made."""

import json
import pickle
import resource
import shutil
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from training_runs import elsewhere

import seqcore
from benchmarks.damages import damages
from seqcore.errors import CheckpointError
from seqcore.tasks.translation import Translator

FIRST = Path(__file__).resolve().parents[1] / "fixtures" / "translator-v1"

CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint as it is saved now."""
    folder = tmp_path_factory.mktemp("good") / "model"
    Translator.from_pretrained(FIRST, device="cpu").save_pretrained(folder)
    return folder


def what_happens(good: Path, work: Path) -> tuple[int, list[str]]:
    """How many damages there are, and what was wrong with the refusals. In a process that may have 2 GB more."""
    torch.set_num_threads(1)
    seqcore.load(good, device="cpu")
    size = 4096 * int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (size + 2_000_000_000, resource.RLIM_INFINITY))
    wrong, count = [], 0
    for count, (name, damage) in enumerate(damages(work / "trap"), start=1):
        folder = Path(shutil.copytree(good, work / f"damaged{count}" / "model"))
        damage(folder)
        try:
            seqcore.load(folder, device="cpu")
        except CheckpointError as error:
            if len(str(error).splitlines()) != 1 or str(folder) not in str(error) or len(str(error)) > 500:
                wrong.append(f"{name}: no clear line: {error}")
        except BaseException as error:
            wrong.append(f"{name}: {type(error).__name__} {error}")
        else:
            wrong.append(f"{name}: it was loaded")
    if (work / "trap").exists():
        wrong.append("a pickle was run")
    return count, wrong


def test_a_hundred_damages_are_refused_and_nothing_is_run(good: Path, tmp_path: Path) -> None:
    count, wrong = elsewhere(what_happens, good, tmp_path)
    assert wrong == []
    assert count >= 100


def test_a_checkpoint_without_digests_is_read_and_its_numbers_looked_at(good: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(good, tmp_path / "model"))
    weights = load_file(folder / "model.safetensors")
    save_file(weights, folder / "model.safetensors")
    found = seqcore.load(folder, device="cpu")
    assert isinstance(found, Translator)
    weights["decoder.output.bias"][5] = float("nan")
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"'decoder\.output\.bias' holds what is no number"):
        seqcore.load(folder, device="cpu")


def test_files_of_two_checkpoints_are_not_mixed(good: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(good, tmp_path / "model"))
    other = Path(shutil.copytree(FIRST, tmp_path / "other"))
    sentiment = FIRST.with_name("sentiment-v1") / "tokenizer.model"
    for place, message in (
        (folder, "is not the one that was saved"),
        (other, "the tokenizer has .* but the model 332"),
    ):
        shutil.copy(sentiment, place / "tokenizer.model")
        with pytest.raises(CheckpointError, match=message):
            seqcore.load(place, device="cpu")


@pytest.mark.parametrize(
    ("task", "settings", "message"),
    [
        ("captioning", {"image_size": 10**9}, "size must be a whole number from 1 to 4,096"),
        ("video", {"labels": ["a", "b"], "height": 10**9}, "height must be a whole number from 1 to 4,096"),
        ("video", {"labels": "ab"}, "labels must be a list, each a text"),
        ("video", {"labels": ["a", "b"], "crop": [0, 0, 1]}, "crop must be a list of 4"),
    ],
)
def test_images_larger_than_any_are_refused(task: str, settings: object, message: str, tmp_path: Path) -> None:
    from dataclasses import asdict

    from seqcore.tasks.captioning import CaptionerConfig
    from seqcore.tasks.video import FrameClassifierConfig

    usual = asdict({"captioning": CaptionerConfig, "video": FrameClassifierConfig}[task]())
    (tmp_path / "config.json").write_text(json.dumps({"format_version": 2, "task": task} | usual | dict(settings)))  # type: ignore[call-overload]
    with pytest.raises(CheckpointError, match=message):
        seqcore.load(tmp_path, device="cpu")


VAST: list[tuple[str, dict[str, object]]] = [
    ("translator", {"encoder_layers": 10**9}),
    ("translator", {"decoder_layers": 10**9}),
    ("translator", {"encoder_hidden_size": 10**12, "decoder_hidden_size": 10**12}),
    ("translator", {"embedding_size": 10**12}),
    ("sentiment", {"num_layers": 10**9}),
    ("sentiment", {"hidden_size": 10**12}),
    ("language-model", {"num_layers": 10**9}),
    ("language-model", {"hidden_size": 10**12}),
    ("captioner", {"layers": 10**9}),
    ("captioner", {"hidden_size": 10**12}),
    ("captioner", {"backbone": "vit_giant_patch14_224"}),
    ("video-shots", {"layers": 10**9}),
    ("video-shots", {"frame_size": 10**12}),
    ("video-shots", {"widths": [1] * 10**6}),
]


def refusals(work: Path) -> list[str]:
    """What was wrong with the refusals of vast configurations, in a process that may have 500 MB more and 9 s each."""
    torch.set_num_threads(1)
    for name in {name for name, _ in VAST}:
        seqcore.load(CHECKPOINTS / name, device="cpu")
    size = 4096 * int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (size + 500_000_000, resource.RLIM_INFINITY))
    wrong = []
    for number, (name, settings) in enumerate(VAST):
        folder = Path(shutil.copytree(CHECKPOINTS / name, work / str(number)))
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        assert config.keys() >= settings.keys()
        (folder / "config.json").write_text(json.dumps(config | settings), encoding="utf-8")
        began = time.process_time()
        try:
            seqcore.load(folder, device="cpu")
            wrong.append(f"{name} {settings}: it was loaded")
        except CheckpointError as error:
            if len(str(error)) > 500 or time.process_time() - began > 9:
                wrong.append(f"{name} {settings}: {time.process_time() - began:.1f} s, {error}")
        except BaseException as error:
            wrong.append(f"{name} {settings}: {type(error).__name__} {error}")
        shutil.rmtree(folder)
    return wrong


@pytest.mark.slow
def test_a_configuration_of_a_vast_model_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    assert elsewhere(refusals, tmp_path) == []


def test_a_state_of_training_that_would_run_something_is_refused(tmp_path: Path) -> None:
    from benchmarks.damages import Trap
    from seqcore.errors import SettingsError
    from seqcore.training.resuming import saved_step

    state = tmp_path / "last.ckpt"
    torch.save({"global_step": 3, "state_dict": {}, "extra": Trap(tmp_path / "trap")}, state)
    with pytest.raises(SettingsError, match="damaged"):
        saved_step(state, Translator.from_pretrained(FIRST, device="cpu"))
    state.write_bytes(pickle.dumps(Trap(tmp_path / "trap")))
    with pytest.raises(SettingsError, match="damaged"):
        saved_step(state, Translator.from_pretrained(FIRST, device="cpu"))
    assert not (tmp_path / "trap").exists()
