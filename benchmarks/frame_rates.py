"""The same moves at several frame rates: python -m benchmarks.frame_rates CHECKPOINT

A camera pans, tilts, zooms or stands still over made-up pictures, for 1.6 seconds. How many frames get the right label,
as the checkpoint reads films, and with every frame seen (`frame_rate` 0); and where such shots are joined, how many
cuts are said to begin on their very frame.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import interpolate

import seqcore
from seqcore.media.clips import Clip
from seqcore.recipes.films.camera import CameraPath, film
from seqcore.tasks.video import FrameClassifier

RATES = (24, 25, 30, 50, 60, 120)
SPEEDS = (0.06, 0.08)  # Of the picture, in a second; in a zoom, its size.
SECONDS = 1.6
PICTURES = 8
SIZE = 0.4  # Half of what is seen; the picture goes from -1 to 1.
MOVES: Mapping[str, tuple[int, int, int]] = {
    "still": (0, 0, 0), "pan left": (-1, 0, 0), "pan right": (1, 0, 0), "tilt up": (0, -1, 0), "tilt down": (0, 1, 0),
    "zoom in": (0, 0, -1), "zoom out": (0, 0, 1),
}  # fmt: skip


def picture(seed: int) -> Tensor:
    """Coarse, middling and fine spots of colour: uint8 (3, 256, 256)."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.zeros(3, 256, 256)
    for cells, weight in ((6, 1.0), (20, 0.6), (64, 0.4)):
        spots = torch.rand(1, 3, cells, cells, generator=generator)
        values += weight * interpolate(spots, size=(256, 256), mode="bicubic", align_corners=False)[0]
    return ((values - values.min()) / (values.max() - values.min()) * 255).to(torch.uint8)


def shot(task: FrameClassifier, source: Tensor, move: str, speed: float, rate: int) -> Tensor:
    """One move over a picture: uint8 (T, 3, height, width)."""
    across, down, closer = MOVES[move]
    times = torch.arange(round(SECONDS * rate)) / rate - SECONDS / 2
    way, size = 2 * SIZE * speed * times, SIZE * torch.exp(closer * speed * times)
    path = CameraPath(across * way, down * way, size, ())
    return film(source, path, task.config.height, task.config.width).round().clamp(0, 255).to(torch.uint8)


def label(task: FrameClassifier, frames: Tensor, rate: int) -> Sequence[str]:
    """What a classifier says of each frame."""
    (result,) = task.predict([Clip(frames, tuple(number / rate for number in range(len(frames))), rate)])
    return result.labels


def right_moves(task: FrameClassifier, speed: float, rate: int) -> float:
    """Per cent of the frames of all moves over all pictures."""
    right = count = 0
    for seed in range(PICTURES):
        for move in MOVES:
            labels = label(task, shot(task, picture(seed), move, speed, rate), rate)
            right, count = right + labels.count(move), count + len(labels)
    return 100 * right / count


def exact_cuts(task: FrameClassifier, rate: int) -> tuple[int, int, int]:
    """Cuts that are said to begin where one is, that there are, and that are said, in a film of one shot a move."""
    shots = [shot(task, picture(seed), move, SPEEDS[-1], rate) for seed, move in enumerate(MOVES)]
    labels = label(task, torch.cat(shots), rate)
    begins = [number for number, pair in enumerate(pairwise(labels), 1) if pair[0] != "cut" == pair[1]]
    wanted = [len(shots[0]) * number for number in range(1, len(shots))]
    return sum(begin in wanted for begin in begins), len(wanted), len(begins)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    task = seqcore.load(parser.parse_args().checkpoint, FrameClassifier, device="cpu")
    config = task.config
    print("| frames a second | " + " | ".join(f"{speed:.0%} a second, all seen" for speed in SPEEDS) + " | cuts |")
    print("|--:|" + "--:|" * (len(SPEEDS) + 1))
    for rate in RATES:
        cells = []
        for speed in SPEEDS:
            both = []
            for frame_rate in (config.frame_rate, 0.0):
                task.config = replace(config, frame_rate=frame_rate)
                both.append(right_moves(task, speed, rate))
            cells.append(f"{both[0]:.1f}, {both[1]:.1f}")
        task.config = config
        exact, there, said = exact_cuts(task, rate)
        print(f"| {rate} | {' | '.join(cells)} | {exact} of {there}, {said} said |", flush=True)


if __name__ == "__main__":
    main()
