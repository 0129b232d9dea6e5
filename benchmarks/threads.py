"""How many threads a process should have, alone and beside others: python -m benchmarks.threads --neighbours 1

Each setting is a process of its own, which does the same work: a sentence and 32 sentences translated, a review, four
photographs, a film, and a step of training. The settings take turns. Neighbours are processes that compute all the
time, each on a core of its own. A thread that waits for the others spins for a while, and then sleeps: by default
GCC's OpenMP spins 300,000 times; `passive` is OMP_WAIT_POLICY=PASSIVE, not at all; `brief` is what the command line and
the pages set, see `seqcore.runtime.threads`.

Prints a table for each number of neighbours: the median milliseconds of a piece of work, and those of the processor.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from seqcore.runtime.threads import BRIEF_WAITS

ROOT = Path(__file__).resolve().parent.parent
SENTENCES = (
    "Two men are playing guitar.", "A brown dog runs through the snow.", "A child in a red coat is climbing a tree.",
    "People are waiting for a train at the station in the rain.",
)  # fmt: skip
REVIEW = " ".join(
    12 * ["The plot is thin, but the actors are wonderful and the music carries every scene, to the very end."]
)


class Setting(NamedTuple):
    """What a process may do with the cores."""

    threads: int
    waits: str = ""  # or brief, or passive

    def __str__(self) -> str:
        return f"{self.threads} thread{'s' * (self.threads > 1)}{', ' * bool(self.waits)}{self.waits}"

    @property
    def environment(self) -> dict[str, str]:
        """What the process is told before it imports torch."""
        told = {name: value for name, value in os.environ.items() if name not in BRIEF_WAITS}
        waits = {"": {}, "brief": BRIEF_WAITS, "passive": {"OMP_WAIT_POLICY": "PASSIVE"}}[self.waits]
        return {**told, **waits, "OMP_NUM_THREADS": str(self.threads)}


def works() -> Iterator[tuple[str, Callable[[], Any]]]:
    """What is measured, each loaded when the one before is done."""
    import torch

    import seqcore

    torch.manual_seed(1)
    translator = seqcore.load(ROOT / "checkpoints" / "translator", seqcore.Translator, device="cpu")
    yield "a sentence", lambda: translator.translate(SENTENCES[0], "en", "de")
    yield "32 sentences", lambda: translator.translate(8 * [*SENTENCES], "en", "de")
    classifier = seqcore.load(ROOT / "checkpoints" / "sentiment", seqcore.SentimentClassifier, device="cpu")
    yield "a review", lambda: classifier.classify(REVIEW)
    captioner = seqcore.load(ROOT / "checkpoints" / "captioner", seqcore.Captioner, device="cpu")
    photos = sorted((ROOT / "apps" / "captioner" / "examples").glob("*.jpg"))[:4]
    yield f"{len(photos)} photographs", lambda: captioner.caption(photos)
    shots = seqcore.load(ROOT / "checkpoints" / "video-shots", seqcore.FrameClassifier, device="cpu")
    film = ROOT / "apps" / "video" / "examples" / "film-1.mp4"
    yield "a film", lambda: shots.label(film)

    optimizer = torch.optim.AdamW(translator.network.parameters())
    translator.network.train()
    rows = [{"source": text, "target": text, "source_lang": "en", "target_lang": "de"} for text in 10 * [*SENTENCES]]
    batch = translator.collate([translator.example(row) for row in rows])

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = translator.loss(batch)
        (loss.total / loss.count).backward()
        optimizer.step()

    yield "a step of training", step


def measure(seconds: float) -> dict[str, list[float]]:
    """Milliseconds of each work, and those of the processor: medians over so many seconds."""
    medians = {}
    for name, work in works():
        work()
        wall: list[float] = []
        processor: list[float] = []
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(wall) < 3:
            begin, used = time.perf_counter(), time.process_time()
            work()
            wall.append(1000 * (time.perf_counter() - begin))
            processor.append(1000 * (time.process_time() - used))
        medians[name] = [statistics.median(wall), statistics.fmean(processor)]
    return medians


@contextmanager
def busy(neighbours: int) -> Iterator[None]:
    """So many processes that compute, from the first core on."""
    code = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"
    cores = sorted(os.sched_getaffinity(0))
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(cores[number % len(cores)])]) for number in range(neighbours)
    ]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def table(settings: Sequence[Setting], neighbours: int, rounds: int, seconds: float) -> str:
    """What each setting needs beside so many neighbours, as Markdown."""
    cells: dict[str, dict[Setting, list[list[float]]]] = defaultdict(lambda: defaultdict(list))
    with busy(neighbours):
        for _ in range(rounds):
            for setting in settings:
                command = [sys.executable, "-m", "benchmarks.threads", "--measure", "--seconds", str(seconds)]
                done = subprocess.run(command, env=setting.environment, cwd=ROOT, stdout=subprocess.PIPE, check=True)
                for name, medians in json.loads(done.stdout).items():
                    cells[name][setting].append(medians)
    heads = [f"{setting}: wall | processor" for setting in settings]
    lines = [f"| {neighbours} busy beside, ms | {' | '.join(heads)} |", f"|---|{'--:|' * 2 * len(settings)}"]
    for name, of_setting in cells.items():
        medians = [[statistics.median(values) for values in zip(*runs, strict=True)] for runs in of_setting.values()]
        lines.append(f"| {name} | {' | '.join(f'{wall:.0f} | {used:.0f}' for wall, used in medians)} |")
    return "\n".join(lines)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neighbours", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each work, of each process")
    parser.add_argument("--measure", action="store_true", help="this process itself, as JSON")
    chosen = parser.parse_args()
    if chosen.measure:
        print(json.dumps(measure(chosen.seconds)))
        return
    settings = [Setting(threads, waits) for threads in chosen.threads for waits in ("", "brief", "passive")]
    settings = [setting for setting in settings if setting.threads > 1 or not setting.waits]  # One waits for nobody.
    for neighbours in chosen.neighbours:
        print(table(settings, neighbours, chosen.rounds, chosen.seconds), "\n", flush=True)


if __name__ == "__main__":
    main()
