"""What saving a run's state costs: python -m benchmarks.saving [--folder FOLDER] [--step 37]

A line a size, in megabytes: the median seconds of ten saves, synced as in training, and the per cent of a run's time
that goes into them, every 200 steps of so many milliseconds and every minute. A state is the weights and AdamW's two
moments of them: three times a checkpoint in 32 bits.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch

from seqcore.training.resuming import AtomicCheckpointIO

SIZES = (10, 35, 70, 140)
SAVES = 10


def seconds_of_a_save(megabytes: int, folder: Path) -> float:
    """The median over some saves to the same place."""
    state = {str(number): torch.rand(megabytes * 1_000_000 // 4 // 20) for number in range(20)}
    files, seconds = AtomicCheckpointIO(), []
    for _ in range(SAVES):
        began = time.perf_counter()
        files.save_checkpoint(state, folder / "last.ckpt")
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="on the disk to measure (default: that of temporary files)")
    parser.add_argument("--step", type=float, default=37, help="milliseconds of a training step (default: 37)")
    options = parser.parse_args()
    print(f"   MB  s a save  % every 200 steps of {options.step:g} ms  % every minute")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for megabytes in SIZES:
            seconds = seconds_of_a_save(megabytes, Path(folder))
            shares = [100 * seconds / (seconds + between) for between in (0.2 * options.step, 60.0)]
            print(f"{megabytes:5}  {seconds:8.2f}  {shares[0]:26.1f}  {shares[1]:14.1f}", flush=True)


if __name__ == "__main__":
    main()
