"""Captions: metrics, network, training for captions and for CIDEr-D, and the captioner's verb."""

import copy
import io
import json
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import datasets
import numpy as np
import pytest
import torch
from PIL import Image
from pycocoevalcap.cider.cider import Cider

import seqcore
from seqcore import metrics
from seqcore.errors import DataError, InputError, SettingsError
from seqcore.media.augmentation import Augmentation
from seqcore.metrics import CiderD
from seqcore.tasks.captioning import (
    Captioner,
    CaptionerConfig,
    ImageFeatures,
    self_critical,
)
from seqcore.tasks.captioning.captioner import plain
from seqcore.tasks.captioning.rows import read_captions
from seqcore.training import TrainingSettings, fit
from seqcore.training.loaders import ResumableDataLoader, token_budget_loader

WORDS = ["a", "dog", "cat", "runs", "sleeps", "on", "the", "grass", "red", "ball", "two", "men"]
COLOURS = {"red": "a red square", "blue": "a blue square", "lime": "a green square"}
TINY = CaptionerConfig(
    backbone="mobilenetv3_small_050", image_size=32, vocab_size=300, embedding_size=16, memory_size=16,
    hidden_size=24, num_layers=2, dropout=0.0, label_smoothing=0.0, max_length=12,
)  # fmt: skip


def picture(colour: str) -> Image.Image:
    return Image.new("RGB", (40, 30), colour)


@pytest.fixture(scope="module")
def captioner() -> Captioner:
    torch.manual_seed(0)
    task = Captioner.create(TINY, [{"captions": [*COLOURS.values()] * 20}])
    task.network.eval()
    return task


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return [{"image": picture(colour), "captions": [text, f"{text}."]} for colour, text in COLOURS.items()]


def captions(seed: int) -> tuple[list[list[str]], list[str]]:
    chance = random.Random(seed)
    references = [[" ".join(chance.choices(WORDS, k=chance.randint(3, 9))) for _ in range(5)] for _ in range(8)]
    return references, [" ".join(chance.choices(WORDS, k=chance.randint(1, 9))) for _ in range(8)]


@pytest.mark.parametrize("seed", range(3))
def test_the_quick_cider_is_pycocoevalcaps(seed: int) -> None:
    references, written = captions(seed)
    _, wanted = Cider().compute_score(dict(enumerate(references)), {i: [text] for i, text in enumerate(written)})
    quick = CiderD([[text.split() for text in image] for image in references])
    mine = [quick.score(number, text.split()) for number, text in enumerate(written)]
    assert mine == pytest.approx(list(wanted), abs=1e-9)
    assert metrics.caption_scores(written, references)["cider"] == pytest.approx(np.mean(mine))


def test_caption_scores_of_perfect_and_of_equal_captions() -> None:
    references = [["A dog runs on the grass ."], ["Two men sleep in a red car!"]]
    scores = metrics.caption_scores(["a dog runs on the grass", "Two men, sleep in a red car"], references)
    assert scores["bleu4"] == pytest.approx(100, abs=0.01)
    assert scores["cider"] == pytest.approx(10)
    assert scores["most_frequent"] == 50
    assert metrics.caption_scores(["same", "Same."], references)["most_frequent"] == 100


@pytest.mark.parametrize(("text", "wanted"), [("A dog's T-shirt, too .", "a dog's t-shirt too"), (" - ", ""), ("", "")])
def test_captions_are_learned_without_capitals_and_points(text: str, wanted: str) -> None:
    assert plain(text) == wanted


def test_a_caption_says_where_it_looked(captioner: Captioner) -> None:
    found = captioner.caption(picture("red"))
    assert found.text.endswith(".")
    assert len(found.tokens) == len(found.token_probabilities) == len(found.attention) <= TINY.max_length
    assert found.attention.shape[1:] == captioner.network.encoder.grid_shape
    assert torch.allclose(found.attention.sum((1, 2)), torch.ones(len(found.tokens)), atol=1e-5)
    assert len(found.alternatives) == 2
    assert found.score >= found.alternatives[0].score >= found.alternatives[1].score


def test_an_image_may_be_given_in_any_form(captioner: Captioner, tmp_path: Path) -> None:
    pixels = np.asarray(picture("blue"))
    picture("blue").save(tmp_path / "blue.png")
    path = tmp_path / "blue.png"
    tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
    forms = [path, str(path), path.read_bytes(), picture("blue"), pixels, pixels / 255, tensor, tensor / 255]
    found = [captioner.caption(form) for form in forms]  # type: ignore[call-overload]
    assert len({(each.tokens, each.score) for each in found}) == 1


def test_neither_company_nor_order_changes_a_caption(captioner: Captioner) -> None:
    images = [picture(colour) for colour in (*COLOURS, "white", "black")]
    alone = [captioner.caption(image) for image in images]
    for size in (1, 2, 16):
        together = captioner.caption(images[::-1], batch_size=size)[::-1]
        assert [found.tokens for found in together] == [found.tokens for found in alone]
        assert [found.score for found in together] == pytest.approx([found.score for found in alone], abs=1e-4)
    assert captioner.caption([]) == []


def test_what_cannot_be_captioned_is_told_with_its_number(captioner: Captioner) -> None:
    with pytest.raises(InputError, match=r"^image 3: .*no image") as caught:
        captioner.caption([picture("red"), picture("blue"), b"text"], batch_size=2)
    assert caught.value.number == 3
    with pytest.raises(InputError) as caught:
        captioner.caption(b"text")
    assert caught.value.number is None
    for settings in ({"beam_size": 0}, {"n_best": 9}, {"batch_size": 0}, {"nonsense": 1}, {"max_length": -1}):
        with pytest.raises(InputError):
            captioner.caption(picture("red"), **settings)


def test_a_saved_captioner_says_the_same(captioner: Captioner, tmp_path: Path) -> None:
    captioner.save_pretrained(tmp_path / "saved")
    again = seqcore.load(tmp_path / "saved", device="cpu")
    assert isinstance(again, Captioner)
    assert again.caption(picture("blue")).tokens == captioner.caption(picture("blue")).tokens
    assert json.loads((tmp_path / "saved" / "config.json").read_text())["backbone"] == TINY.backbone


def test_several_captions_of_one_image_share_its_grid(captioner: Captioner, rows: list[dict[str, Any]]) -> None:
    with torch.no_grad():
        together = captioner.loss(captioner.collate([captioner.example(row) for row in rows]))
        apart = [
            captioner.loss(captioner.collate([captioner.example({**row, "captions": [text]})]))
            for row in rows
            for text in row["captions"]
        ]
    assert float(together.total) == pytest.approx(sum(float(loss.total) for loss in apart), rel=1e-4)
    assert together.count == sum(loss.count for loss in apart)


def test_looking_everywhere_alike_costs_nothing(rows: list[dict[str, Any]]) -> None:
    task = Captioner.create(
        CaptionerConfig(**{**vars(TINY), "attention_penalty": 1.0}), [{"captions": [*COLOURS.values()] * 20}]
    )
    task.augments = False
    batch = task.collate([task.example(row) for row in rows])
    task.network.encoder.eval()
    with torch.no_grad():
        for weight in task.network.decoder.attention.parameters():
            weight.zero_()  # every place gets the same
        total = float(task.loss(batch).total)
        task.network.eval()
        assert total == pytest.approx(float(task.loss(batch).total))


def test_looking_at_one_place_only_costs(rows: list[dict[str, Any]]) -> None:
    changes = {"image_size": 64, "dropout": 0.0, "label_smoothing": 0.0}  # two by two places
    config = CaptionerConfig(**{**vars(TINY), **changes})
    task = Captioner.create(config, [{"captions": [*COLOURS.values()] * 20}])
    task.augments = False
    batch = task.collate([task.example(row) for row in rows])
    task.network.train().encoder.eval()
    totals = []
    with torch.no_grad():
        for penalty in (0.0, 1.0, 2.0):
            task.network.attention_penalty = penalty
            totals.append(float(task.loss(batch).total))
    assert totals[0] < totals[1] < totals[2]
    assert totals[2] - totals[1] == pytest.approx(totals[1] - totals[0], rel=1e-2)


def test_the_attention_gate_learns(rows: list[dict[str, Any]]) -> None:
    task = Captioner.create(
        CaptionerConfig(**{**vars(TINY), "attention_gate": True}), [{"captions": [*COLOURS.values()] * 20}]
    )
    task.loss(task.collate([task.example(row) for row in rows])).total.backward()
    assert task.network.decoder.gate is not None
    assert task.network.decoder.gate.weight.grad is not None
    assert task.network.decoder.gate.weight.grad.abs().sum() > 0


def settings(epochs: int, rate: float) -> TrainingSettings:
    return TrainingSettings(
        epochs=epochs, learning_rate=rate, warmup_steps=1, precision="32-true", validate_every=epochs, patience=99,
        average=1, progress=False, threads=1,
    )  # fmt: skip


@pytest.mark.slow
def test_it_learns_from_captions_and_then_from_its_own_samples(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    torch.manual_seed(1)
    task = Captioner.create(TINY, [{"captions": [*COLOURS.values()] * 20}])
    task.network.encoder.train_last(0)
    width = task.network.encoder.output_size
    rows = [{**row, "image": ImageFeatures(torch.randn(1, width).half())} for row in rows]
    fit(task, rows, rows, settings(150, 1e-2), tmp_path / "captions")
    batch = task.collate([task.example(row) for row in rows])
    with torch.no_grad():
        assert float(task.loss(batch).total) < 40
    quick = CiderD([[plain(text).split() for text in row["captions"]] for row in rows])

    def expected() -> float:
        """CIDEr-D of samples."""
        found = [
            task.caption([row["image"] for row in rows], do_sample=True, n_best=1, seed=seed) for seed in range(30)
        ]
        return float(np.mean([quick.score(i, plain(c.text).split()) for each in found for i, c in enumerate(each)]))

    first = expected()
    fit(task, self_critical(task, rows), rows, settings(60, 2e-3), tmp_path / "reward")
    assert expected() > first


def test_advantages_are_beside_the_other_samples(captioner: Captioner, rows: list[dict[str, Any]]) -> None:
    self_critical(captioner, rows, samples=2)
    assert captioner.reward is not None
    assert captioner.reward.advantages(torch.tensor([3.0, 1.0, 0.0, 0.0])).tolist() == [2.0, -2.0, 0.0, 0.0]
    captioner.reward = None


def test_a_new_vocabulary_keeps_what_both_have(captioner: Captioner) -> None:
    extended, kept = Captioner.adapt(
        captioner, TINY, Captioner.train_tokenizer(TINY, [{"captions": ["ein rotes Quadrat", "a red square"] * 20}])
    )
    assert 0 < kept <= len(extended.tokenizer)
    number = extended.tokenizer.token_to_id("▁a")
    old = captioner.network.decoder.embedding.weight[captioner.tokenizer.token_to_id("▁a")]
    assert torch.equal(extended.network.decoder.embedding.weight[number], old)
    after, before = (one.network.decoder.get_parameter("project.weight") for one in (extended, captioner))
    assert torch.equal(after, before)


def write_images(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for colour in COLOURS:
        picture(colour).save(folder / f"{colour}.png")


def test_rows_of_a_folder_and_of_tables(tmp_path: Path) -> None:
    write_images(tmp_path / "train")
    lines = [{"file_name": f"{colour}.png", "captions": [text, text]} for colour, text in COLOURS.items()]
    (tmp_path / "train" / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    rows = read_captions(str(tmp_path / "train"))
    lines = [{"file_name": f"{colour}.png", "caption": text} for colour, text in COLOURS.items()]
    write_images(tmp_path / "single")
    (tmp_path / "single" / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    single = read_captions(str(tmp_path / "single"))
    assert {Path(row["image"]).stem: row["captions"] for row in single} == {c: [t] for c, t in COLOURS.items()}
    assert {Path(row["image"]).stem: row["captions"] for row in rows} == {c: [t, t] for c, t in COLOURS.items()}
    table = tmp_path / "train" / "table.csv"
    table.write_text("image,caption\nred.png,one\nblue.png,two\nred.png,three\n", encoding="utf-8")
    rows = read_captions(str(table))
    assert [row["captions"] for row in rows] == [["one", "three"], ["two"]]
    table.write_text("picture,caption_0,caption_1\nred.png,one,two\n", encoding="utf-8")
    assert read_captions(str(table), {"image": "picture"})[0]["captions"] == ["one", "two"]


def test_rows_of_a_hub_id_hold_their_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """As jxie/flickr8k has them: a column for each caption, and the file itself."""
    images = [{"bytes": saved(picture(colour)), "path": None} for colour in COLOURS]
    texts = {f"caption_{number}": [f"{text} {number}" for text in COLOURS.values()] for number in range(5)}
    table = datasets.Dataset.from_dict({"image": images, **texts}).cast_column("image", datasets.Image())
    load_dataset = Mock(return_value=table)
    monkeypatch.setattr("seqcore.data.hub.is_hub_reachable", lambda: True)
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    rows = read_captions("jxie/flickr8k", split="validation")
    load_dataset.assert_called_once_with("jxie/flickr8k", split="validation")
    assert [row["image"] for row in rows] == [image["bytes"] for image in images]
    assert rows[0]["captions"] == [f"a red square {number}" for number in range(5)]


def saved(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,caption\nmissing.png,one\n", "row 1: there is no image"),
        ("image,caption\nred.png,\n", "row 1: captions must be"),
        ("image,text\nred.png,one\n", "no column 'captions'"),
        ("picture,caption\nred.png,one\n", "no column 'image'"),
    ],
)
def test_rows_that_lack_something_are_told(text: str, message: str, tmp_path: Path) -> None:
    write_images(tmp_path)
    (tmp_path / "table.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_captions(str(tmp_path / "table.csv"))


@pytest.mark.parametrize(
    "wrong", [{"num_layers": 0}, {"attention": "x"}, {"dropout": 1}, {"attention_layer": 3}, {"attention_penalty": -1}]
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        CaptionerConfig(**wrong)


SIDES = [
    ("a dog on the left", False), ("Right: two men", False), ("upright men", True), ("a dog left-handed", False),
    ("a leftover", True),
]  # fmt: skip


def test_rows_that_name_a_side_are_not_mirrored(captioner: Captioner) -> None:
    task = copy.copy(captioner)
    task.augmentation = Augmentation(flips=True)
    image = np.tile(np.linspace(0, 255, 32).astype(np.uint8)[None, :, None], (32, 1, 3))
    for text, may_flip in SIDES:
        example = task.example({"image": image, "captions": ["a dog", text]})
        seen = [task.vary(example, random.Random(seed))["image"] for seed in range(12)]
        assert (len({bool(square[0, 0, 0] > square[0, 0, -1]) for square in seen}) == 2) == may_flip, text
    task.augmentation = Augmentation(flips=True, sides=("Links",))
    assert not task.example({"image": image, "captions": ["ein Hund links"]})["may_flip"]
    assert task.example({"image": image, "captions": ["a dog on the left"]})["may_flip"]


def test_changed_images_are_the_same_whatever_opens_them_and_go_on(captioner: Captioner, tmp_path: Path) -> None:
    task = copy.copy(captioner)
    task.augmentation = Augmentation(crop=0.3, flips=True, light=0.3)
    noise = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for number in range(10):
        Image.fromarray(noise.integers(0, 256, (48, 64, 3), np.uint8)).save(tmp_path / f"{number}.jpg")
        rows.append({"image": str(tmp_path / f"{number}.jpg"), "captions": ["a red square"]})
    examples = [task.example(row) for row in rows]
    assert task.opens_files(examples)

    def loader(workers: int, seed: int | None = 3, rank: int = 0, world: int = 1) -> ResumableDataLoader:
        return token_budget_loader(task, examples, 10**6, seed, rank, world, 4, 4, workers=workers)

    def images(batches: Iterable[Mapping[str, torch.Tensor]]) -> list[torch.Tensor]:
        return [batch["images"] for batch in batches]

    alone, helped = loader(0), loader(2)
    first, second = images(alone), images(alone)
    assert all(map(torch.equal, [*first, *second], [*images(helped), *images(helped)]))
    assert not any(one.shape == other.shape and one.equal(other) for one in first for other in second)
    stopped, resumed = loader(2), loader(2)
    reader = iter(stopped)
    taken = [next(reader) for _ in range(2)]
    resumed.load_state_dict(stopped.state_dict())
    assert all(map(torch.equal, first, images([*taken, *resumed])))
    shares = [images(loader(0, rank=rank, world=2)) for rank in (0, 1)]  # Of two processes each has every second row.
    for whole, even, odd in zip(first, *shares, strict=True):
        assert whole[::2].equal(even)
        assert whole[1::2].equal(odd)
    plain = images(loader(0, seed=None))[0]  # Validation sees images as they are.
    assert all(any(square.equal(task.read(row["image"])) for row in rows) for square in plain)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("augmentation", [Augmentation(), Augmentation(crop=0.5)])
def test_an_image_that_is_gone_is_named(
    workers: int, augmentation: Augmentation, captioner: Captioner, tmp_path: Path
) -> None:
    task = copy.copy(captioner)
    task.augmentation = augmentation
    examples = [task.example({"image": str(tmp_path / "gone.jpg"), "captions": ["a dog"]})] * 3
    with pytest.raises(InputError, match=r"^\S*gone\.jpg cannot be read: No such file or directory$"):
        list(token_budget_loader(task, examples, 100, 1, workers=workers))
