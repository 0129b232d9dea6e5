"""Speed and memory of the video classifier: python -m benchmarks.video CHECKPOINT

Frames a second of a film in a file, and where the time goes: decoding, image network, LSTM; the time that one frame of
a stream takes; and the memory that a minute and an hour take, each in a process of its own.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import seqcore
from seqcore.media.video import View, read_frames
from seqcore.media.video_writer import VideoWriter
from seqcore.tasks.video import FrameClassifier
from seqcore.tasks.video.reading import CHUNK

RATE = 25


def film(path: Path, frames: int, height: int = 360, width: int = 640) -> Path:
    """Blocks of noise that move, so that decoding has something to do."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 255, (height // 20, 2 * width // 20, 3), np.uint8).repeat(20, 0).repeat(20, 1)
    with VideoWriter(path, width, height, RATE, 28) as writer:
        for number in range(frames):
            begin = number * 3 % width
            writer.write(blocks[:, begin : begin + width], number / RATE)
    return path


def seconds(work: Callable[[], object], rounds: int = 5) -> float:
    """The median of some runs."""
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def peak(checkpoint: str, path: Path) -> float:
    """Megabytes that labelling a film takes at most, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.video", checkpoint, "--memory", str(path)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def parts(task: FrameClassifier, path: Path, frames: int) -> None:
    """Print where the time goes."""
    view: View = task.view
    pixels = torch.stack([frame for _, frame in read_frames(path, view)])
    network = task.network

    @torch.inference_mode()
    def see() -> torch.Tensor:
        return network.vectors(chunk.unsqueeze(0) for chunk in task._seen(pixels).split(CHUNK))

    vectors = see()
    whole = seconds(lambda: task.label(path))
    rows = {
        "decoding": seconds(lambda: sum(1 for _ in read_frames(path, view))),
        "image network": seconds(see),
        "LSTM": seconds(torch.inference_mode()(lambda: network.lstm(vectors))),
    }
    print("| a file of 640 × 360 | frames/s |\n|---|--:|")
    print(f"| all | {frames / whole:,.0f}, {frames / whole / RATE:.1f} × real time |")
    for name, value in rows.items():
        print(f"| {name} | {frames / value:,.0f} |")
    if task.config.bidirectional:
        return
    picture = np.zeros((360, 640, 3), np.uint8)
    taken, state = [], None
    for _ in range(200):
        started = time.perf_counter()
        _, state = task.step(picture, state)
        taken.append(time.perf_counter() - started)
    taken.sort()
    late = f"{task.config.lag} frames late"
    print(f"\nOne frame of a stream: median {1000 * taken[100]:.1f} ms, 95 % within {1000 * taken[190]:.1f} ms; {late}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("--memory", help="label this file and print the peak memory alone")
    options = parser.parse_args()
    task = seqcore.load(options.checkpoint, device="cpu")
    if not isinstance(task, FrameClassifier):
        parser.error(f"{options.checkpoint} holds no video classifier")
    if options.memory:
        task.label(options.memory)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    print(f"torch {torch.__version__}, {torch.get_num_threads()} thread(s)\n")
    with tempfile.TemporaryDirectory() as folder:
        parts(task, film(Path(folder) / "film.mp4", 500), 500)
        print("\n| length | peak memory, MB |\n|---|--:|")
        for name, minutes in (("1 minute", 1), ("1 hour", 60)):
            path = film(Path(folder) / f"{minutes}.mp4", minutes * 60 * RATE, 120, 160)
            print(f"| {name} | {peak(options.checkpoint, path):,.0f} |", flush=True)


if __name__ == "__main__":
    main()
