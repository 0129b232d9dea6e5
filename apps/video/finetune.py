"""Train a per-frame video classifier on your own videos: ``python -m apps.video.finetune --help``."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from apps.commands import run
from apps.finetuning import announce, finish
from apps.video.compose import load_pool
from apps.video.composition import LABELS, compose
from seqcore.checkpoint import TRAINING
from seqcore.data import hold_out
from seqcore.errors import DataError, InputError, SettingsError
from seqcore.media.clips import cached_clips
from seqcore.tasks.video import ComposedFilm, FrameClassifier, FrameClassifierConfig
from seqcore.tasks.video.creation import frame_classifier_from, narrowed, new_frame_classifier
from seqcore.tasks.video.frozen import frozen_reader
from seqcore.tasks.video.training import class_weights
from seqcore.training import TrainingSettings, fit, is_first_process

Rows = Sequence[Mapping[str, Any]]
_WEIGHED = 2000  # videos by which labels are weighed


@dataclass(frozen=True)
class Columns:
    """Names of the columns in the data."""

    video: str = "video"
    segments: str = "segments"
    label: str = "label"


@dataclass(frozen=True)
class Composition:
    """Films composed for the training instead of ``train``: see :mod:`apps.video.composition`.

    Attributes:
        photographs: a folder of images; no films are composed without it.
        motion: a folder or table of videos with a camera that stands still.
        films: different ones; more than are ever read costs nothing.
        frames: of each.
    """

    photographs: str | None = None
    motion: str | None = None
    films: int = 100_000
    frames: int = 64


def finetune(
    output: str,
    train: str | None = None,
    validation: str | None = None,
    init: str | None = None,
    columns: Columns = Columns(),
    hold: int = 100,
    resume: bool = False,
    weights: str | None = "pretrained",
    image_stages: int = 0,
    frames: str | None = None,
    narrow: int = 0,
    balance: bool = False,
    flips: bool = False,
    hides: bool = False,
    bptt: int = 0,
    composition: Composition = Composition(),
    model: FrameClassifierConfig = FrameClassifierConfig(),  # noqa: B008
    training: TrainingSettings = TrainingSettings(),  # noqa: B008
) -> None:
    """Train a per-frame video classifier, from a checkpoint or from nothing.

    Args:
        train: a folder of videos with metadata.jsonl (``file_name``, and ``segments`` in seconds or ``label``), one
            with a folder for each class, a table with ``video``, or a hub id.
        output: folder for the checkpoint; logs and resumable state go to its ``training``.
        validation: like ``train``; without it, videos are held out of ``train``, and both parts are
            written as tables to ``training``, which ``seqcore evaluate`` reads.
        init: checkpoint to start from; without it, a new model is made.
        columns: where the columns have other names.
        hold: videos to hold out when there is no validation data (a fifth, if that is less).
        resume: go on with an interrupted run of the same output.
        weights: of a new model's pretrained image network: pretrained (downloaded), efficientnet-lite2 (from a
            package), or a file.
        image_stages: how many of a pretrained network's last stages are trained, -1 for all. With 0, what it gives of
            each frame is computed once and kept on disk, unless videos are to be changed by ``flips`` or ``hides``.
        frames: folder for the decoded frames, or for what a frozen network gives of them; without it, in what
            ``output`` keeps of the training.
        narrow: with ``init``, channels to keep of the last stage of its compact network, for a smaller file; 0 is all.
        balance: let frames of rare labels count more.
        flips: mirror every second video, where left and right mean the same.
        hides: hide a few frames in a row, so that the rest must do.
        composition: what to train on instead of ``train``.
        bptt: frames through which gradients flow back, for long videos; 0 is all.
        model: what a new model is. With ``init``, the checkpoint says, but for dropout, smoothing and median. Labels
            are those of the data unless they are named.
        training: how to train.
    """
    check_sources(train, validation, composition)
    rows, checks = read_data(train, validation, columns, hold, training.seed, Path(output))
    if train is None and not init:
        model = replace(model, labels=model.labels or LABELS)
    torch.manual_seed(training.seed)  # of the first weights
    task = make_task(rows, init, weights, model, image_stages, narrow)
    task.flips, task.hides, task.bptt = flips, hides, bptt
    place = Path(frames or Path(output) / TRAINING / "frames")
    if train is None:
        rows = composed(task, composition, training.seed, place)
    else:
        rows = with_clips(task, rows, place / "train")
    checks = with_clips(task, checks, place / "validation")
    if balance:
        task.class_weights = weigh(task, rows)
    announce(task, rows, checks, "videos")
    finish(fit(task, rows, checks, training, output, resume), output, "apps.video")


def check_sources(train: str | None, validation: str | None, composition: Composition) -> None:
    """Raises SettingsError unless there is one thing to train on and, where that is composed, one to validate on."""
    if (train is None) == (composition.photographs is None):
        raise SettingsError("name what to train on: --train, or --composition.photographs")
    if train is None and not validation:
        raise SettingsError("composed films need --validation: python -m apps.video.compose writes some")


def read_data(
    train: str | None, validation: str | None, columns: Columns, hold: int, seed: int, output: Path
) -> tuple[Rows, Rows]:
    """Rows to train and to validate on, checked; without ``train``, to validate on alone.

    Raises:
        DataError: data that cannot be read, or a row that lacks something.
    """
    given = {name: value for name, value in vars(columns).items() if value != name}
    rows: Rows = FrameClassifier.read_rows(train, columns=given) if train is not None else []
    if validation:
        return rows, FrameClassifier.read_rows(validation, columns=given, split="validation")
    rows, checks, numbers = hold_out(rows, max(1, min(hold, len(rows) // 5)), seed)
    if is_first_process():
        print(f"held out for validation, videos from 0: {numbers[:10]}{' …' if len(numbers) > 10 else ''}")
        for name, part in (("train", rows), ("validation", checks)):
            write_table(part, output / TRAINING / f"{name}.jsonl")
    return rows, checks


def composed(task: FrameClassifier, composition: Composition, seed: int, cache: Path) -> Rows:
    """Rows of films that are made when they are read."""
    assert composition.photographs is not None
    pool = load_pool(composition.photographs, composition.motion, cache)
    size = (composition.frames, task.view.height, task.view.width)
    return [
        {"video": ComposedFilm(partial(compose, pool, seed * 1_000_000_007 + number, *size), composition.frames)}
        for number in range(composition.films)
    ]


def write_table(rows: Rows, path: Path) -> None:
    """Rows of video files as a table that ``seqcore evaluate`` reads."""
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


def make_task(
    rows: Rows,
    init: str | None,
    weights: str | None,
    model: FrameClassifierConfig,
    image_stages: int,
    narrow: int,
) -> FrameClassifier:
    """Load a classifier and give it the labels of the data, or make a new one.

    Raises:
        SettingsError: no such backbone or weights, or it cannot be narrowed.
    """
    old = FrameClassifier.from_pretrained(init, device="cpu") if init else None
    names = model if model.labels or old is None else replace(model, aliases=model.aliases or old.config.aliases)
    there = {names.renamed.get(label, label) for row in rows for _, _, label in row["segments"]}
    labels = names.labels or tuple(sorted(there | ({model.background} if model.background else set())))
    if old is not None and there <= set(old.config.labels) and not model.labels:
        labels, names = old.config.labels, replace(names, background=old.config.background)
    names = replace(names, labels=labels)
    if old is None:
        task = new_frame_classifier(names, weights)
        said = f"new model: {len(labels)} labels"
    else:
        task, kept = frame_classifier_from(old, names)
        said = f"{len(labels)} labels, {kept} of them known already"
    encoder = getattr(task.network.encoder, "encoder", None)
    if encoder is not None:
        if image_stages < -1:
            raise SettingsError(f"image_stages must be at least -1, but is {image_stages}")
        encoder.train_last(None if image_stages == -1 else image_stages)
    if is_first_process():
        print(said)
    return narrowed(task, narrow) if narrow else task


def with_clips(task: FrameClassifier, rows: Rows, folder: Path) -> Rows:
    """Rows with their frames, or what a frozen image network gives of them; made once and kept on disk."""
    reader = None if task.flips or task.hides else frozen_reader(task)
    try:
        clips = cached_clips([row["video"] for row in rows], task.view, folder, reader=reader)
    except InputError as error:
        raise DataError(f"row {error.number}: {error.message}") from error
    return [{**row, "video": clip} for row, clip in zip(rows, clips, strict=True)]


def weigh(task: FrameClassifier, rows: Rows) -> torch.Tensor:
    """What a frame of each class counts, by how many there are."""
    counts = torch.zeros(len(task.config.labels))
    for row in rows[:_WEIGHED]:
        numbers = (
            task.numbers(row["video"].make()[1])
            if isinstance(row["video"], ComposedFilm)
            else task.example(row)["numbers"]
        )
        counts += torch.bincount(numbers, minlength=len(counts))
    return class_weights(counts)


def main() -> None:
    """The command line."""
    run(finetune, {"resume", "balance", "flips", "hides"})


if __name__ == "__main__":
    main()
