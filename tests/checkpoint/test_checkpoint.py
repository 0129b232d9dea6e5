"""Checkpoints: what is saved comes back, whatever happens meanwhile, and what is wrong with one is said in a line."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from training_runs import elsewhere

import seqcore
from seqcore import checkpoint
from seqcore.errors import CheckpointError, SeqcoreError
from seqcore.tasks.translation import Translation, Translator

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
FIRST = FIXTURES / "translator-v1"
SENTENCES = ["a dog runs", "the old cat sleeps here and now", "unseen 🐕 words", ""]


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator.from_pretrained(FIRST, device="cpu")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint to spoil."""
    return Path(shutil.copytree(FIRST, tmp_path / "model"))


def answers(folder: Path) -> list[Any]:
    torch.set_num_threads(1)
    results = Translator.from_pretrained(folder, device="cpu").translate(SENTENCES, n_best=2)
    return [(result.text, result.score, result.attention.tolist(), len(result.alternatives)) for result in results]


@pytest.mark.parametrize(
    "case", json.loads((FIXTURES / "translator-v1.expected.json").read_text(encoding="utf-8")), ids=str
)
def test_the_first_checkpoint_answers_as_it_always_did(case: dict[str, Any], translator: Translator) -> None:
    best = translator.translate(case["text"], **{"n_best": len(case["results"]), **case["settings"]})
    for found, wanted in zip((best, *best.alternatives), case["results"], strict=True):
        assert found.text == wanted["text"]
        assert list(found.tokens) == wanted["tokens"]
        assert found.score == pytest.approx(wanted["score"], abs=1e-4)
        assert found.token_probabilities == pytest.approx(wanted["token_probabilities"], abs=1e-4)


def test_load_finds_out_what_a_checkpoint_is() -> None:
    assert isinstance(seqcore.load(FIRST, device="cpu"), Translator)
    assert isinstance(seqcore.load(str(FIRST), device="cpu"), Translator)


def test_what_is_saved_answers_the_same_in_a_fresh_process(translator: Translator, tmp_path: Path) -> None:
    translator.save_pretrained(tmp_path / "again")
    assert elsewhere(answers, tmp_path / "again") == answers(FIRST)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_a_type_is_kept_unless_another_is_wanted(dtype: torch.dtype, tmp_path: Path) -> None:
    translator = Translator.from_pretrained(FIRST, device="cpu", dtype=dtype)
    assert {weight.dtype for weight in translator.network.parameters()} == {dtype}
    translator.save_pretrained(tmp_path / "own")
    translator.save_pretrained(tmp_path / "half", dtype=torch.float16)
    assert {weight.dtype for weight in load_file(tmp_path / "own" / "model.safetensors").values()} == {dtype}
    assert {weight.dtype for weight in load_file(tmp_path / "half" / "model.safetensors").values()} == {torch.float16}
    loaded = Translator.from_pretrained(tmp_path / "own", device="cpu")
    assert {weight.dtype for weight in loaded.network.parameters()} == {torch.float32}
    assert not any(module.training for module in loaded.network.modules())


def test_a_checkpoint_is_json_safetensors_and_a_tokenizer(translator: Translator, tmp_path: Path) -> None:
    translator.save_pretrained(tmp_path / "model")
    assert files(tmp_path) == {f"model/{name}" for name in ("config.json", "model.safetensors", "tokenizer.model")}
    config = json.loads((tmp_path / "model" / "config.json").read_text(encoding="utf-8"))
    assert (config["format_version"], config["task"], config["directions"]) == (2, "translation", ["en-de"])
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "model").iterdir()}
    assert all(mode & 0o444 == 0o444 for mode in modes)


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_what_else_a_folder_holds_survives_a_save(translator: Translator, folder: Path) -> None:
    (folder / "README.md").write_text("# A model card")
    (folder / "training" / "csv").mkdir(parents=True)
    (folder / "training" / "csv" / "metrics.csv").write_text("step")
    translator.save_pretrained(folder)
    assert (folder / "README.md").read_text() == "# A model card"
    assert (folder / "training" / "csv" / "metrics.csv").read_text() == "step"
    assert [path.name for path in folder.parent.iterdir()] == ["model"]  # nothing is left beside it


def test_a_link_to_a_folder_stays_a_link(translator: Translator, folder: Path) -> None:
    link = folder.parent / "link"
    link.symlink_to(folder)
    (folder / "config.json").write_text("{}")
    with pytest.raises(CheckpointError):
        Translator.from_pretrained(link)
    translator.save_pretrained(link)
    assert link.is_symlink()
    assert answers(folder) == answers(link)


def test_a_save_into_this_very_folder(translator: Translator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    translator.save_pretrained(".")
    assert Translator.from_pretrained(tmp_path).translate("a dog").text


def doubled(translator: Translator) -> dict[str, Tensor]:
    """Twice its own weights, so that what is whole and what is mixed can be told apart."""
    with torch.no_grad():
        for weight in translator.network.parameters():
            weight.mul_(2)
    return dict(translator.network.named_parameters())


def crash_everywhere(folder: Path, fail: bool) -> list[str]:
    """Save over a checkpoint, again and again, each time stopped one operation on files later.

    Every operation of Python on files is audited before it is done: there the process ends at once, as if killed, or
    with `fail` the operation is refused, as on a full disk. Returns what was wrong afterwards.
    """
    torch.set_num_threads(1)
    old = Translator.from_pretrained(folder, device="cpu")
    before = {name: weight.clone() for name, weight in old.network.named_parameters()}
    after = {name: 2 * weight for name, weight in before.items()}
    wrong: list[str] = []
    for number in range(1, 200):
        place = folder.parent / f"try{number}" / "model"
        shutil.copytree(folder, place)
        child = os.fork()
        if child == 0:
            doubled(old)
            stopped = watch_files(number, fail)
            try:
                old.save_pretrained(place)
            except CheckpointError:
                pass
            except BaseException:
                os._exit(1)
            os._exit(0 if stopped() else 7)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status not in {0, 7, 9}:
            wrong.append(f"operation {number}: an error that is not ours")
        try:
            read = Translator.from_pretrained(place, device="cpu")
            weights = dict(read.network.named_parameters())
            if not any(all(torch.equal(weights[name], whole[name]) for name in whole) for whole in (before, after)):
                wrong.append(f"operation {number}: neither the old nor the new weights")
            checkpoint.check_writable(place)  # as training begins
            if (place / "training" / "last.ckpt").read_text() != "state":
                wrong.append(f"operation {number}: the training folder is not there")
            read.save_pretrained(place)
            if files(place) != files(folder):
                wrong.append(f"operation {number}: {files(place) ^ files(folder)} after the next save")
            if (place.parent / ".model.previous").exists():
                wrong.append(f"operation {number}: a backup is left")
        except Exception as error:
            wrong.append(f"operation {number}: {type(error).__name__} {error}")
        shutil.rmtree(place.parent)
        if status == 7:  # the whole save took fewer operations
            return wrong if number > 20 else [*wrong, f"only {number} operations were seen"]
    return [*wrong, "it never came to an end"]


def watch_files(number: int, fail: bool) -> Callable[[], bool]:
    """Stop this process at an operation on files, or let that fail. The function it gives says whether it came."""
    left = number

    def hook(event: str, _: Any) -> None:
        nonlocal left
        if event == "open" or event.startswith("os."):
            left -= 1
            if left == 0 and not fail:
                os._exit(9)
            if left == 0:
                raise OSError(28, "No space left on device")

    sys.addaudithook(hook)
    return lambda: left <= 0


@pytest.mark.parametrize("fail", [False, True], ids=["killed", "disk full"])
def test_the_old_or_the_new_checkpoint_is_whole_wherever_a_save_is_cut(fail: bool, folder: Path) -> None:
    (folder / "README.md").write_text("# A model card")
    (folder / "training").mkdir()
    (folder / "training" / "last.ckpt").write_text("state")
    assert elsewhere(crash_everywhere, folder, fail) == []


def test_a_save_that_was_cut_between_its_renames_leaves_the_backup(folder: Path) -> None:
    folder.rename(folder.parent / ".model.previous")
    assert checkpoint.resolve_checkpoint(folder).name == ".model.previous"
    assert answers(folder) == answers(FIRST)
    (folder.parent / ".model.abcdef").mkdir()  # what was half written
    assert answers(folder) == answers(FIRST)


def broken(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    config = json.loads((path / "config.json").read_text())
    change(config)
    (path / "config.json").write_text(json.dumps(config))


def change_weights(path: Path, change: Callable[[dict[str, Tensor]], Any]) -> None:
    weights = load_file(path / "model.safetensors")
    change(weights)
    save_file(weights, path / "model.safetensors")


def cut(path: Path, keep: int) -> None:
    path.write_bytes(path.read_bytes()[:keep])


SPOILT: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no folder": (lambda model: shutil.rmtree(model), "there is no checkpoint folder .*model"),
    "no config": (lambda model: (model / "config.json").unlink(), "no checkpoint: it has no config.json"),
    "no weights": (lambda model: (model / "model.safetensors").unlink(), "has no model.safetensors"),
    "no tokenizer": (lambda model: (model / "tokenizer.model").unlink(), "has no tokenizer.model"),
    "truncated weights": (lambda model: cut(model / "model.safetensors", 9000), "safetensors is damaged or cut short"),
    "empty weights": (lambda model: cut(model / "model.safetensors", 0), "safetensors is damaged or cut short"),
    "truncated config": (lambda model: cut(model / "config.json", 60), "config.json is damaged"),
    "config not UTF-8": (lambda model: (model / "config.json").write_bytes(b"\xff\xfe{"), "config.json is damaged"),
    "config of a list": (lambda model: (model / "config.json").write_text("[]"), "names no format_version"),
    "truncated tokenizer": (lambda model: cut(model / "tokenizer.model", 900), "the tokenizer is damaged"),
    "empty tokenizer": (lambda model: cut(model / "tokenizer.model", 0), "the tokenizer is damaged"),
    "wrong task": (lambda m: broken(m, lambda c: c.update(task="captioning")), "is a checkpoint for 'captioning', not"),
    "no format": (lambda m: broken(m, lambda c: c.pop("format_version")), "names no format_version"),
    "newer format": (
        lambda m: broken(m, lambda c: c.update(format_version=3)),
        "has format_version 3, but this seqcore reads up to 2: update seqcore",
    ),
    "no such format": (lambda m: broken(m, lambda c: c.update(format_version=0)), "there is no format_version 0"),
    "unknown setting": (lambda m: broken(m, lambda c: c.update(heads=8)), "holds 'heads', which this seqcore does not"),
    "missing setting": (lambda m: broken(m, lambda c: c.pop("attention")), "config.json lacks 'attention'"),
    "unknown weight": (
        lambda m: change_weights(m, lambda w: w.update(extra=torch.zeros(1))),
        "holds 'extra', which the model does not have",
    ),
    "missing weight": (
        lambda m: change_weights(m, lambda w: w.pop("decoder.combine.bias")),
        "lacks 'decoder.combine.bias'",
    ),
    "wrong shape": (
        lambda m: change_weights(m, lambda w: w.update({"decoder.output.bias": torch.zeros(7)})),
        r"'decoder.output.bias' has the shape \(7,\), but the model needs \(332,\)",
    ),
}


@pytest.mark.parametrize("what", SPOILT)
def test_what_is_wrong_with_a_checkpoint_is_said_in_a_line(what: str, folder: Path) -> None:
    spoil, message = SPOILT[what]
    spoil(folder)
    with pytest.raises(CheckpointError, match=message) as caught:
        Translator.from_pretrained(folder, device="cpu")
    assert len(str(caught.value).splitlines()) == 1
    assert str(folder.parent) in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"device": None}, "a device is named as torch does, .* not None"),
        ({"device": "meta"}, "the device 'meta' cannot be used here"),
        ({"dtype": torch.int64}, "computes in a type such as torch.float32, not in torch.int64"),
        ({"dtype": "float32"}, "computes in a type such as torch.float32, not in 'float32'"),
        ({"revision": 1}, "a revision is a branch, a tag or a commit by its name, not 1"),
    ],
)
def test_what_cannot_be_loaded_so_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(SeqcoreError, match=message):
        seqcore.load(FIRST, **wrong)


def test_load_names_a_task_it_does_not_know(folder: Path) -> None:
    broken(folder, lambda config: config.update(task="juggling"))
    with pytest.raises(CheckpointError, match=r"there is no task 'juggling' here, but .*captioning, "):
        seqcore.load(folder)


def test_a_place_that_cannot_be_written_is_refused(translator: Translator, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "papers" / "2026").mkdir(parents=True)
    for place, message in (
        (tmp_path / "file", "is a file"),
        (tmp_path / "file" / "model", "cannot be written"),
        (tmp_path / "papers", "holds '2026' and no checkpoint"),
        (Path("/proc/nowhere/model"), "cannot be written"),
    ):
        with pytest.raises(CheckpointError, match=message):
            translator.save_pretrained(place)
        with pytest.raises(CheckpointError, match=message):
            checkpoint.check_writable(place)
    assert (tmp_path / "file").read_text() == "mine"
    assert (tmp_path / "papers" / "2026").is_dir()


def test_a_save_makes_the_folders_above(translator: Translator, tmp_path: Path) -> None:
    translator.save_pretrained(tmp_path / "one" / "two" / "model")
    assert (tmp_path / "one" / "two" / "model" / "config.json").exists()


def test_a_half_precision_checkpoint_is_uploaded(translator: Translator, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    class Hub:
        def create_repo(self, name: str, private: bool, exist_ok: bool) -> str:
            calls.append((name, private, exist_ok))
            return f"https://huggingface.co/{name}"

        def upload_folder(self, repo_id: str, folder_path: Path) -> None:
            weights = load_file(folder_path / "model.safetensors")
            calls.append((repo_id, files(folder_path), {weight.dtype for weight in weights.values()}))

    monkeypatch.setattr("huggingface_hub.HfApi", Hub)
    assert translator.push_to_hub("somebody/model", private=True) == "https://huggingface.co/somebody/model"
    names = {"config.json", "model.safetensors", "tokenizer.model"}
    assert calls == [("somebody/model", True, True), ("somebody/model", names, {torch.float16})]


def test_a_hub_id_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def download(name: str, revision: str | None) -> str:
        asked.append((name, revision))
        return str(FIRST)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    monkeypatch.setattr("seqcore.checkpoint.is_hub_reachable", lambda: True)
    found = seqcore.load("somebody/model", revision="v2", device="cpu")
    assert isinstance(found, Translator)
    assert isinstance(found.translate("a dog"), Translation)
    assert asked == [("somebody/model", "v2")]


def test_a_checkpoint_is_looked_for_and_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reading = Mock(wraps=checkpoint.read_config)
    monkeypatch.setattr(checkpoint, "read_config", reading)
    first = checkpoint.read_checkpoint(FIRST, task="translation")
    assert checkpoint.read_checkpoint(first) is first
    assert isinstance(seqcore.load(first, device="cpu"), Translator)
    reading.assert_called_once_with(FIRST)
    with pytest.raises(CheckpointError, match="is a checkpoint for 'translation', not for 'video'"):
        checkpoint.read_checkpoint(first, task="video")


def test_a_hub_id_that_cannot_be_had_is_said_without_a_network(
    monkeypatch: pytest.MonkeyPatch, outside_calls: list[Any]
) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    before = len(outside_calls)
    message = "nobody/nothing is no folder here, and the hub cannot be reached: connect to it, or name a folder"
    with pytest.raises(CheckpointError, match=message) as caught:
        seqcore.load("nobody/nothing")
    assert len(str(caught.value).splitlines()) == 1
    assert len(outside_calls) == before
    for path in ("./nobody/nothing", "/nobody/nothing", "~/nobody", "nobody"):
        with pytest.raises(CheckpointError, match="there is no checkpoint folder"):
            seqcore.load(path)
