"""Train a captioner on your own images: ``python -m apps.captioner.finetune --help``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from apps.commands import run
from apps.finetuning import announce, finish
from seqcore.checkpoint import TRAINING
from seqcore.data import hold_out
from seqcore.errors import DataError, InputError, SettingsError
from seqcore.media.images import open_image
from seqcore.tasks.captioning import Captioner, CaptionerConfig, extended_captioner, new_captioner, self_critical
from seqcore.tasks.captioning.features import cached_features
from seqcore.tasks.captioning.rows import ImageFeatures
from seqcore.training import TrainingSettings, fit, is_first_process

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Columns:
    """Names of the columns in the data."""

    image: str = "image"
    captions: str = "captions"


def finetune(
    train: str,
    output: str,
    validation: str | None = None,
    init: str | None = None,
    columns: Columns = Columns(),
    hold: int = 500,
    resume: bool = False,
    new_tokenizer: bool = False,
    weights: str | None = "pretrained",
    image_stages: int = 0,
    features: str | None = None,
    objective: Literal["captions", "self-critical"] = "captions",
    samples: int = 5,
    model: CaptionerConfig = CaptionerConfig(),  # noqa: B008
    training: TrainingSettings = TrainingSettings(),  # noqa: B008
) -> None:
    """Train a captioner, from a checkpoint or from nothing but an image network, tokenizer included.

    Args:
        train: a folder of images with metadata.jsonl, a CSV, TSV, JSON lines or Parquet file, or a hub id, with an
            image and its captions a row.
        output: folder for the checkpoint; logs and resumable state go to its ``training``.
        validation: like ``train``; without it, rows are held out of ``train``.
        init: checkpoint to start from; without it, a new model is made.
        columns: where the columns have other names.
        hold: rows to hold out when there is no validation data (a tenth, if that is less).
        resume: go on with an interrupted run of the same output.
        new_tokenizer: with ``init``, learn a new vocabulary, for another language or subject; embeddings of pieces
            that both have are kept.
        weights: of a new model's image network: pretrained (downloaded), efficientnet-lite2 (from a package), a file.
        image_stages: how many of the image network's last stages are trained, -1 for all; with 0 each image is read
            once and what the network gives is kept on disk.
        features: folder for that; without it, in what ``output`` keeps of the training.
        objective: what to train for: to predict the captions, or to sample ones that CIDEr-D likes (Rennie 2017).
        samples: captions drawn for an image and step, for the latter.
        model: what a new model is. With ``init``, the checkpoint says, but for dropout, label smoothing and attention
            penalty.
        training: how to train.
    """
    if new_tokenizer and not init:
        raise SettingsError("--new_tokenizer needs --init: a new model has a new tokenizer anyway")
    if objective == "self-critical" and (not init or samples < 2):
        raise SettingsError("self-critical training needs --init, a captioner that was trained before, and 2 samples")
    rows, checks = read_data(train, validation, columns, hold, training.seed)
    torch.manual_seed(training.seed)  # of the first weights
    task = make_task(rows, init, new_tokenizer, weights, model)
    freeze(task, image_stages)
    if image_stages:
        check_images(rows, "training")
        check_images(checks, "validation")
    else:
        place = Path(features or Path(output) / TRAINING / "features")
        rows, checks = with_grids(task, rows, place / "train"), with_grids(task, checks, place / "validation")
    if objective == "self-critical":
        rows = self_critical(task, rows, samples)
    announce(task, rows, checks, "images")
    finish(fit(task, rows, checks, training, output, resume), output, "apps.captioner")


def read_data(train: str, validation: str | None, columns: Columns, hold: int, seed: int) -> tuple[Rows, Rows]:
    """Rows to train and to validate on, checked.

    Raises:
        DataError: data that cannot be read, or a row that lacks something.
    """
    given = {name: value for name, value in vars(columns).items() if value != name}
    rows: Rows = Captioner.read_rows(train, columns=given)
    if validation:
        return rows, Captioner.read_rows(validation, columns=given, split="validation")
    rows, checks, numbers = hold_out(rows, max(1, min(hold, len(rows) // 10)), seed)
    if is_first_process():
        print(f"held out for validation, images from 0: {numbers[:10]}{' …' if len(numbers) > 10 else ''}")
    return rows, checks


def make_task(
    rows: Rows, init: str | None, new_tokenizer: bool, weights: str | None, model: CaptionerConfig
) -> Captioner:
    """Load a captioner, extend it, or make a new one.

    Raises:
        DataError: too little text for a vocabulary.
        SettingsError: no such backbone or weights.
    """
    texts = (text for row in rows for text in row["captions"])
    if not init:
        task = new_captioner(model, texts, weights)
        said = f"new tokenizer: {len(task.tokenizer):,} pieces"
    else:
        task = Captioner.from_pretrained(init, device="cpu")
        again = {name: getattr(model, name) for name in ("dropout", "label_smoothing", "attention_penalty")}
        task.config = replace(task.config, **again)
        task.network.set_training(**again)
        said = f"old tokenizer: {len(task.tokenizer):,} pieces"
        if new_tokenizer:
            task, kept = extended_captioner(task, model, texts)
            said = f"new tokenizer: {len(task.tokenizer):,} pieces, {kept:,} of them with the embeddings they had"
    if is_first_process():
        print(said)
    return task


def freeze(task: Captioner, image_stages: int) -> None:
    """Let the last stages of the image network be trained, or all for -1.

    Raises:
        SettingsError: it has not so many.
    """
    if image_stages < -1:
        raise SettingsError(f"image_stages must be at least -1, but is {image_stages}")
    task.network.encoder.train_last(None if image_stages == -1 else image_stages)


def check_images(rows: Rows, what: str) -> None:
    """Open every image once, so that one that cannot be read is found now and not in the middle of an epoch.

    Raises:
        DataError: an image that cannot be read; the message names it.
    """
    for number, row in enumerate(rows, 1):
        try:
            open_image(row["image"])
        except InputError as error:
            raise DataError(f"image {number} of {what}: {error.message}") from error


def with_grids(task: Captioner, rows: Rows, folder: Path) -> Rows:
    """Rows with what the image network gives of their images, computed once and kept on disk."""
    encoder = task.network.encoder.eval()
    grids = cached_features(encoder, [row["image"] for row in rows], folder)
    return [{**row, "image": ImageFeatures(grid)} for row, grid in zip(rows, grids, strict=True)]


def main() -> None:
    """The command line."""
    run(finetune, {"resume", "new_tokenizer"})


if __name__ == "__main__":
    main()
