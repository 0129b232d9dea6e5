"""Train a per-frame video classifier: `seqcore train video`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import seqcore.training
from seqcore.checkpoint import TRAINING
from seqcore.errors import DataError, InputError, SettingsError
from seqcore.media.clips import cached_clips
from seqcore.recipes.base import Recipe, Rows, say
from seqcore.recipes.counting import counted
from seqcore.recipes.films.compose import load_pool
from seqcore.recipes.films.composition import LABELS, compose
from seqcore.tasks.base import Task
from seqcore.tasks.video import ComposedFilm, FrameClassifier, FrameClassifierConfig
from seqcore.tasks.video.frozen import frozen_reader
from seqcore.tasks.video.pruning import prune_channels
from seqcore.training.accelerator import on_training_device


@dataclass(frozen=True)
class Composition:
    """Films that are composed while they are trained on, instead of `train`: see `seqcore corpus films`.

    Attributes:
        photographs: a folder of images; no films are composed without it.
        motion: a folder or table of videos with a camera that stands still.
        films: how many different ones there are; more than are ever read costs nothing.
        frames: how many each of them has.
    """

    photographs: str | None = None
    motion: str | None = None
    films: int = 100_000
    frames: int = 64


@dataclass(frozen=True, kw_only=True)
class VideoRecipe(Recipe):
    """Train a per-frame video classifier, from a checkpoint or from nothing.

    Attributes:
        train: a folder of videos with metadata.jsonl (`file_name`, and `segments` in seconds or `label`), one with a
            folder for each class, a table with `video`, or a hub id.
        validation: data like `train`; without it, videos are held out of `train`, and both parts are written as tables
            to `training`, which `seqcore evaluate` reads.
        hold: videos to hold out when there is no validation data (a fifth, if that is less).
        weights: of a new model's pretrained image network: pretrained (downloaded), efficientnet-lite2 (from a
            package), or a file.
        image_stages: how many of a pretrained network's last stages are trained, -1 for all. With 0, what it gives of
            each frame is computed once and kept on disk, unless videos are to be changed by `flips` or `time_mask`.
        frames: folder for the decoded frames, or for what a frozen network gives of them; without it, in what
            `output` keeps of the training.
        narrow: with `init`, channels to keep of the last stage of its compact network, for a smaller file; 0 is all.
        balance: let frames of rare labels count more.
        flips: mirror every second video, where left and right mean the same.
        time_mask: hide a few frames in a row, so that the rest must do.
        bptt: frames through which gradients flow back, for long videos; 0 is all.
        composition: what to train on instead of `train`.
        model: what a new model is. With `init`, the checkpoint says, but for dropout, smoothing and median. Labels
            are those of the data unless they are named.
    """

    task = FrameClassifier
    unit = "videos"
    hold_divisor = 5
    train: str | None = None  # type: ignore[assignment]
    hold: int = 100
    weights: str | None = "pretrained"
    image_stages: int = 0
    frames: str | None = None
    narrow: int = 0
    balance: bool = False
    flips: bool = False
    time_mask: bool = False
    bptt: int = 0
    composition: Composition = Composition()
    model: FrameClassifierConfig = FrameClassifierConfig()  # noqa: RUF009

    def check(self) -> None:
        super().check()
        if (self.train is None) == (self.composition.photographs is None):
            raise SettingsError("name what to train on: --train, or --composition.photographs")
        if self.train is None and not self.validation:
            raise SettingsError("composed films need --validation: `seqcore corpus films` writes some")
        if self.image_stages < -1:
            raise SettingsError(f"--image-stages must be at least -1, but is {self.image_stages}")

    def read(self) -> tuple[Rows, Rows]:
        """Read as other recipes do, and write what was held out as tables; composed films need no rows yet."""
        if self.train is None:
            return [], self.read_rows(str(self.validation), "validation")
        rows, validation = super().read()
        if not self.validation and seqcore.training.is_first_process():
            for name, part in (("train", rows), ("validation", validation)):
                write_table(part, Path(self.output) / TRAINING / f"{name}.jsonl")
        return rows, validation

    def classes(self, row: Mapping[str, Any]) -> set[str]:
        return {label for _, _, label in row["segments"]}

    def make_task(self, rows: Rows, validation: Rows) -> FrameClassifier:
        """Load a classifier and give it the labels of the data, or make a new one.

        Raises:
            SettingsError: no such backbone or weights, or it cannot be narrowed.
        """
        old = FrameClassifier.from_pretrained(self.init, device="cpu") if self.init else None
        model = self._labelled(rows, old)
        if old is None:
            task = FrameClassifier.create(model, [], self.weights)
            say(f"new model: {len(model.labels)} labels")
        else:
            task, shared = FrameClassifier.adapt(old, model)
            say(f"{len(model.labels)} labels, {shared} of them known already")
        encoder = getattr(task.network.encoder, "encoder", None)
        if encoder is not None:
            encoder.train_last(None if self.image_stages == -1 else self.image_stages)
        return prune_channels(task, self.narrow) if self.narrow else task

    def _labelled(self, rows: Rows, old: FrameClassifier | None) -> FrameClassifierConfig:
        """The settings with labels: those that are named, else those of the checkpoint if they do, else the data's."""
        model = self.model
        if self.train is None and old is None:
            model = replace(model, labels=model.labels or LABELS)
        if old is not None and not model.labels:
            model = replace(model, aliases=model.aliases or old.config.aliases)
        there = {model.renamed.get(label, label) for row in rows for _, _, label in row["segments"]}
        if old is not None and there <= set(old.config.labels) and not model.labels:
            return replace(model, labels=old.config.labels, background=old.config.background)
        background = {model.background} if model.background else set()
        return replace(model, labels=model.labels or tuple(sorted(there | background)))

    def prepare(self, task: Task, rows: Rows, validation: Rows) -> tuple[Rows, Rows]:
        assert isinstance(task, FrameClassifier)
        task.flips, task.time_mask, task.bptt = self.flips, self.time_mask, self.bptt
        folder = Path(self.frames or Path(self.output) / TRAINING / "frames")
        with on_training_device(task, self.training):
            rows = self._composed(task, folder) if self.train is None else with_clips(task, rows, folder / "train")
            validation = with_clips(task, validation, folder / "validation")
        if self.balance:
            task.class_weights = task.label_weights(rows)
        return rows, validation

    def _composed(self, task: FrameClassifier, cache: Path) -> Rows:
        """Rows of films that are made when they are read."""
        settings = self.composition
        pool = load_pool(str(settings.photographs), settings.motion, cache)
        size = (settings.frames, task.view.height, task.view.width)
        first = self.training.seed * 1_000_000_007
        return [
            {"video": ComposedFilm(partial(compose, pool, first + number, *size), settings.frames)}
            for number in range(settings.films)
        ]


def write_table(rows: Rows, path: Path) -> None:
    """Write rows of video files as a table that `seqcore evaluate` reads.

    Raises:
        DataError: it cannot be written.
    """
    if not all(isinstance(row["video"], str) for row in rows):
        return
    lines = []
    for row in rows:
        segments = [{"start": start, "end": end, "label": label} for start, end, label in row["segments"]]
        mark = {"label": segments[0]["label"]} if segments[0]["end"] is None else {"segments": segments}
        lines.append(json.dumps({"video": str(Path(row["video"]).resolve()), **mark}))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from error


def with_clips(task: FrameClassifier, rows: Rows, folder: Path) -> Rows:
    """Rows with their frames, or what a frozen image network gives of them; made once and kept on disk."""
    reader = None if task.flips or task.time_mask else frozen_reader(task)
    try:
        films, progress = [row["video"] for row in rows], counted("videos are read")
        clips = cached_clips(films, task.view, folder, progress, reader)
    except InputError as error:
        raise DataError(f"row {error.number}: {error.message}") from error
    return [{**row, "video": clip} for row, clip in zip(rows, clips, strict=True)]
