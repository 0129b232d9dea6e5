"""Pictures a second on their way into a training: python -m benchmarks.pictures [--workers 2]

Makes JPEG files that look like photographs, of 640 × 480 pixels as cameras and the web have them, and of 256 × 256 as
prepared data sets do, and reads them as the training of a captioner does: in batches of 64 squares of 224 pixels, in
the process that trains or by workers; not changed, changed at random where they are opened, or where the network
would be. A first epoch of each is not counted; the next ones are, in turns, each with the start of its workers; medians
are printed, in pictures a second. The last lines are of what comes before a training: files that are looked at, opened
images that are kept on disk, and grids of a frozen image network.
"""

import argparse
import copy
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from seqcore.media.ahead import usable_cores
from seqcore.media.augmentation import Augmentation
from seqcore.media.images import augment, cached_squares
from seqcore.recipes.captioning import check_images
from seqcore.tasks.captioning import Captioner, CaptionerConfig
from seqcore.tasks.captioning.features import cached_features
from seqcore.training.loaders import ResumableDataLoader, token_budget_loader

BATCH, SIZE = 64, 224
CUBIC = Image.Resampling.BICUBIC
SIZES = {"640 × 480": (640, 480), "256 × 256": (256, 256)}
CHANGED = Augmentation(crop=0.6, flips=True, light=0.2)


def photograph(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Noise of all sizes, the coarser the stronger, as in photographs (Field 1987), and edges of some shapes."""
    pixels = np.zeros((height, width, 3), np.float32)
    across, strength = 2, 1.0
    while across <= width:
        noise = rng.normal(size=(max(1, across * height // width), across, 3)).astype(np.float32)
        noise = 0.75 * noise.mean(2, keepdims=True) + 0.25 * noise
        bands = [Image.fromarray(noise[..., band]) for band in range(3)]
        pixels += strength * np.stack([np.asarray(band.resize((width, height), CUBIC)) for band in bands], 2)
        across, strength = 2 * across, 0.8 * strength
    rows, columns = np.mgrid[:height, :width]
    for _ in range(8):
        y, x, radius = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(0.05, 0.3) * height
        pixels[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] += rng.normal(size=3)
    pixels = 120 + 50 * (pixels - pixels.mean()) / pixels.std()
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def photographs(folder: Path, size: tuple[int, int], count: int) -> list[str]:
    """Files of that many photographs, from one seed."""
    folder.mkdir()
    rng = np.random.default_rng(21)
    for number in range(count):
        photograph(rng, *size).save(folder / f"{number}.jpg", quality=92)
    return sorted(map(str, folder.iterdir()))


def read(loader: ResumableDataLoader, change: Callable[[Tensor], Tensor]) -> float:
    """The seconds of an epoch."""
    began = time.perf_counter()
    for batch in loader:
        change(batch["images"])
    return time.perf_counter() - began


def same(images: Tensor) -> Tensor:
    """What is done to batches of images that are to stay as they are."""
    return images


def ways(captioner: Captioner, files: list[str], workers: int) -> dict[str, Callable[[], float]]:
    """What reads an epoch, by how images are changed."""
    readers: dict[str, Callable[[], float]] = {}
    for name, augmentation, change in (
        ("not changed", Augmentation(), same),
        ("changed where they are opened", CHANGED, same),
        ("changed where the network is", Augmentation(), augment),
    ):
        task = copy.copy(captioner)
        task.augmentation = augmentation
        examples = [task.example({"image": file, "captions": ["a dog on the grass"]}) for file in files]
        loader = token_budget_loader(task, examples, 10**6, 1, batch_rows=BATCH, workers=workers)
        readers[name] = partial(read, loader, change)
    return readers


def timed(work: Callable[[], object]) -> float:
    """The seconds that it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def before_training(captioner: Captioner, files: list[str], folder: Path) -> dict[str, Callable[[], float]]:
    """What is done with all files before a training begins, anew each time."""
    rows = [{"image": file} for file in files]
    some, encoder = files[: len(files) // 4], captioner.network.encoder.eval()

    def anew(keep: Callable[[str], object]) -> float:
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            return timed(partial(keep, cache))

    return {
        "looked at": lambda: timed(lambda: check_images(rows, "training")),
        "opened and kept": lambda: anew(lambda cache: cached_squares(files, SIZE, cache)),
        # Fewer of them, for this takes long.
        f"grids of {captioner.config.backbone}": lambda: (
            len(files) / len(some) * anew(lambda cache: cached_features(encoder, some, cache))
        ),
    }


def medians(readers: dict[Any, Callable[[], float]], rounds: int) -> dict[Any, float]:
    """The middle of some turns of each, taken in turns."""
    seconds: dict[Any, list[float]] = {name: [] for name in readers}
    for _ in range(rounds):
        for name, work in readers.items():
            seconds[name].append(work())
    return {name: statistics.median(values) for name, values in seconds.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2, help="the most workers")
    parser.add_argument("--pictures", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    config = CaptionerConfig(image_size=SIZE, vocab_size=300)
    captioner = Captioner.create(config, [{"captions": ["a dog on the grass", "a cat in the sun"]}])
    with tempfile.TemporaryDirectory() as name:
        print(f"torch {torch.__version__}, {usable_cores()} cores\n")
        print(f"| JPEG files | work | {' | '.join(f'{n} workers' for n in range(options.workers + 1))} |")
        print(f"|---|---|{'--:|' * (options.workers + 1)}")
        for label, size in SIZES.items():
            files = photographs(Path(name) / label, size, options.pictures)
            weight = statistics.mean(Path(file).stat().st_size for file in files) / 1000
            readers = {
                (way, workers): work
                for workers in range(options.workers + 1)
                for way, work in ways(captioner, files, workers).items()
            }
            for work in readers.values():
                work()
            middle = medians(readers, options.rounds)
            for way in dict.fromkeys(way for way, _ in middle):
                speeds = [f"{len(files) / middle[way, workers]:,.0f}" for workers in range(options.workers + 1)]
                print(f"| {label}, {weight:.0f} kB | {way} | {' | '.join(speeds)} |", flush=True)
            middle = medians(before_training(captioner, files, Path(name)), 3)
            for way, seconds in middle.items():
                print(f"| {label} | {way} | {len(files) / seconds:,.0f} {'| ' * options.workers}|", flush=True)


if __name__ == "__main__":
    main()
