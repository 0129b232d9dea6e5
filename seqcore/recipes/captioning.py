"""Train a captioner on images: `seqcore train captioning`."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from seqcore.checkpoint import TRAINING
from seqcore.data import row_number
from seqcore.errors import DataError, InputError, SettingsError, numbered
from seqcore.media.ahead import in_threads
from seqcore.media.augmentation import Augmentation
from seqcore.media.images import cached_squares, open_image
from seqcore.recipes.base import Rows, VocabularyRecipe
from seqcore.recipes.counting import counted
from seqcore.tasks.base import Task
from seqcore.tasks.captioning import Captioner, CaptionerConfig, self_critical
from seqcore.tasks.captioning.features import cached_features
from seqcore.tasks.captioning.rows import ImageFeatures
from seqcore.training.accelerator import on_training_device

_TUNABLE = ("dropout", "label_smoothing", "attention_penalty")


@dataclass(frozen=True, kw_only=True)
class CaptioningRecipe(VocabularyRecipe):
    """Train a captioner, from a checkpoint or from nothing but an image network, tokenizer included.

    Attributes:
        train: a folder of images with metadata.jsonl or with a .txt beside each; a CSV, TSV, JSON lines or Parquet
            file with an image and its captions a row; captions of COCO (JSON) or Flickr (captions.txt); or a hub id.
        weights: of a new model's image network: pretrained (downloaded), efficientnet-lite2 (from a package), a file.
        image_stages: how many of the image network's last stages are trained, -1 for all; with 0 each image is read
            once and what the network gives is kept on disk.
        features: folder for that; without it, in what `output` keeps of the training.
        kept_gigabytes: where stages are trained, opened images are kept on disk, if those of training, or of
            validation, take no more; those of a larger set are opened each time that they are needed.
        augmentation: how images of the training are changed at random where they are opened, each from its file, and
            best by workers. Without it, where the network is: they are cropped, mirrored and recoloured there.
        objective: what to train for: to predict the captions, or to sample ones that CIDEr-D likes (Rennie 2017).
        samples: captions drawn for an image and step, for the latter.
        model: what a new model is. With `init`, the checkpoint says, but for dropout, label smoothing and attention
            penalty.
    """

    task = Captioner
    unit = "images"
    weights: str | None = "pretrained"
    image_stages: int = 0
    features: str | None = None
    kept_gigabytes: float = 2.0
    augmentation: Augmentation = Augmentation()  # noqa: RUF009
    objective: Literal["captions", "self-critical"] = "captions"
    samples: int = 5
    model: CaptionerConfig = CaptionerConfig()  # noqa: RUF009

    def check(self) -> None:
        super().check()
        if self.objective == "self-critical" and (not self.init or self.samples < 2):
            raise SettingsError(
                "self-critical training needs --init, a captioner that was trained before, and 2 samples"
            )
        if self.image_stages < -1:
            raise SettingsError(f"--image-stages must be at least -1, but is {self.image_stages}")
        if not self.kept_gigabytes >= 0:
            raise SettingsError(f"--kept-gigabytes must be at least 0, but is {self.kept_gigabytes}")
        if self.augmentation.changes and not self.image_stages:
            raise SettingsError("--augmentation needs --image-stages: without, each image is read once, as it is")

    def make_task(self, rows: Rows, validation: Rows) -> Captioner:
        """Load a captioner, extend it, or make a new one, and let the last stages of its image network be trained.

        Raises:
            DataError: too little text for a vocabulary.
            SettingsError: no such backbone or weights, or not so many stages.
        """
        shared = None
        if not self.init:
            task = Captioner.create(self.model, rows, self.weights)
        else:
            old = Captioner.from_pretrained(self.init, device="cpu")
            if self.new_tokenizer:
                task, shared = Captioner.adapt(old, self.model, Captioner.train_tokenizer(self.model, rows))
            else:
                tuned = {name: getattr(self.model, name) for name in _TUNABLE}
                task, shared = Captioner.adapt(old, replace(old.config, **tuned))
        self.say_vocabulary(len(task.tokenizer), shared)
        task.network.encoder.train_last(None if self.image_stages == -1 else self.image_stages)
        return task

    def prepare(self, task: Task, rows: Rows, validation: Rows) -> tuple[Rows, Rows]:
        assert isinstance(task, Captioner)
        if not self.image_stages:
            folder = Path(self.features or Path(self.output) / TRAINING / "features")
            with on_training_device(task, self.training):
                rows = with_grids(task, rows, folder / "train")
                validation = with_grids(task, validation, folder / "validation")
        else:
            folder = Path(self.output) / TRAINING / "images"
            task.augmentation = self.augmentation
            if self.augmentation.changes:
                check_images(rows, "training")
            else:
                rows = with_squares(task, rows, folder / "train", self.kept_gigabytes, "training")
            validation = with_squares(task, validation, folder / "validation", self.kept_gigabytes, "validation")
        if self.objective == "self-critical":
            rows = self_critical(task, rows, self.samples)
        return rows, validation


def with_squares(task: Captioner, rows: Rows, folder: Path, gigabytes: float, part: str) -> Rows:
    """Rows with their images as the network sees them, opened once and kept on disk where there is room for them.

    Those of a larger set stay files, and are opened once to see that they can be.

    Raises:
        DataError: an image that cannot be read; the message names it.
    """
    size, sources = task.config.image_size, [row["image"] for row in rows]
    needed = len(rows) * 3 * size * size
    if needed > gigabytes * 1e9 or needed > free_space(folder) / 2:
        check_images(rows, part)
        return rows
    try:
        squares = cached_squares(sources, size, folder, counted(f"images of {part} are opened"))
    except InputError as error:
        raise _unreadable(rows, part, error) from error
    return [{**row, "image": square} for row, square in zip(rows, squares, strict=True)]


def check_images(rows: Rows, part: str) -> None:
    """Open every image once, so that one that cannot be read is found now and not in the middle of an epoch.

    Of a JPEG all is decoded, but no more pixels than must be.

    Raises:
        DataError: an image that cannot be read; the message names it.
    """

    def look(place: int) -> None:
        with numbered(place, kind="image"):
            open_image(rows[place]["image"], detail=1)

    count = counted(f"images of {part} are looked at")
    try:
        for done, _ in enumerate(in_threads(look, range(len(rows))), 1):
            count(done, len(rows))
    except InputError as error:
        raise _unreadable(rows, part, error) from error


def with_grids(task: Captioner, rows: Rows, folder: Path) -> Rows:
    """Rows with what the image network gives of their images, computed once and kept on disk."""
    encoder = task.network.encoder.eval()
    progress = counted("images are seen by the image network")
    grids = cached_features(encoder, [row["image"] for row in rows], folder, progress=progress)
    return [{**row, "image": ImageFeatures(grid)} for row, grid in zip(rows, grids, strict=True)]


def free_space(folder: Path) -> int:
    """Bytes that are free where a folder is, or will be."""
    return shutil.disk_usage(next(place for place in folder.absolute().parents if place.exists())).free


def _unreadable(rows: Rows, part: str, error: InputError) -> DataError:
    return DataError(f"image {row_number(rows, (error.number or 1) - 1)} of {part}: {error.message}")
