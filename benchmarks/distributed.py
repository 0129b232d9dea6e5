"""What Ray Data costs beside the work, on this machine: python -m benchmarks.distributed

Sentences are translated by examples/distributed.py: 16 of them, which shows the start alone, then more with one actor
and with two; and by `seqcore.runtime.Predictor` in this process. Prints seconds by the clock, and the most memory that
all processes together had, pages that they share counted once.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pyarrow
from pyarrow import parquet

from benchmarks.cost import ROOT, sentences

CHECKPOINT = ROOT / "checkpoints" / "translator"


def descendants(process: psutil.Process) -> Iterator[float]:
    """MB of a process and all below it."""
    for one in (process, *process.children(recursive=True)):
        try:
            yield one.memory_full_info().pss / 2**20
        except psutil.Error:
            continue


def run(folder: Path, workers: int, rows: int) -> tuple[float, float]:
    """Seconds, and MB."""
    name = f"{workers}-{rows}"
    parquet.write_table(pyarrow.table({"source": sentences(rows)}), folder / f"{name}.parquet")
    command = [sys.executable, str(ROOT / "examples" / "distributed.py"), str(CHECKPOINT)]
    command += [str(folder / f"{name}.parquet"), str(folder / name), "--workers", str(workers), "--batch-size", "256"]
    begin, memory = time.perf_counter(), 0.0
    options = ["--options", '{"source": "en", "target": "de"}']
    with subprocess.Popen(
        [*command, *options], env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        while process.poll() is None:
            memory = max(memory, sum(descendants(psutil.Process(process.pid))))
            time.sleep(1)
    if process.returncode:
        raise SystemExit(f"{command[1]} failed: run it by hand")
    return time.perf_counter() - begin, memory


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2048)
    rows = parser.parse_args().rows
    print("| | rows | s | MB |\n|---|--:|--:|--:|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for workers, some in ((2, 16), (1, rows), (2, rows)):
            seconds, memory = run(Path(folder), workers, some)
            print(f"| Ray, {workers} actor{'s' * (workers > 1)} | {some} | {seconds:.1f} | {memory:,.0f} |", flush=True)
    from seqcore.runtime import Predictor

    predictor = Predictor(CHECKPOINT, device="cpu", source="en", target="de")
    predictor({"source": sentences(2)})
    texts, begin = sentences(rows), time.perf_counter()
    for start in range(0, rows, 256):
        predictor({"source": texts[start : start + 256]})
    memory = sum(descendants(psutil.Process()))
    print(f"| this process, without its start | {rows} | {time.perf_counter() - begin:.1f} | {memory:,.0f} |")


if __name__ == "__main__":
    main()
