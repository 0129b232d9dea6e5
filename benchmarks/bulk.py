"""Answers by one process and by several: python -m benchmarks.bulk [--workers 2] [--rounds 3] [--task translator …]

Each bundled model answers made-up inputs as `seqcore predict` does: in one process on one core, and in several of
them (`seqcore.runtime.bulk`). Turns are interleaved, and medians are printed: inputs a second from the first that is
begun to the last that is done, the ratio, and apart from that how long several processes take to start, with torch and
the model; how much longer the processes work in all, as they share caches and memory and cut smaller chunks towards
the end, and how long one waits for the other; at last how many answers are the same to the digit. As many quiet cores
are wanted as there are workers.
"""

import argparse
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

from seqcore.checkpoint import Checkpoint, read_checkpoint
from seqcore.runtime.bulk import answer_chunks, chunk_sizes, planned
from seqcore.tasks import load

ROOT = Path(__file__).resolve().parent.parent
APPS = ROOT / "apps"
_WORDS = (
    "a the two young old man woman dog child boy girl people red blue shirt hat ball street park snow water sits runs "
    "plays stands walks jumps with in on near and under behind while looking holding wearing"
)


def sentences(count: int, shortest: int, longest: int) -> list[str]:
    """So many texts of so many words, the same each time."""
    rng = random.Random(0)
    texts = (" ".join(rng.choices(_WORDS.split(), k=rng.randint(shortest, longest))) for _ in range(count))
    return [f"{text.capitalize()}." for text in texts]


# A name → the checkpoint, what is answered, options, and what the inputs are called.
Case = tuple[str, Callable[[float], list[Any]], dict[str, Any], str]
CASES: dict[str, Case] = {
    "translator": (
        "translator", lambda size: sentences(int(1000 * size), 6, 20), {"source": "en", "target": "de"}, "sentences",
    ),
    "sentiment": ("sentiment", lambda size: sentences(int(600 * size), 30, 350), {}, "reviews"),
    "captioner": (
        "captioner",
        lambda size: [*map(str, sorted((APPS / "captioner" / "examples").glob("*.jpg")))] * int(60 * size),
        {}, "photographs",
    ),
    "video": (
        "video-shots",
        lambda size: [*map(str, sorted((APPS / "video" / "examples").glob("film-*.mp4")))] * int(20 * size),
        {}, "films",
    ),
}  # fmt: skip


def answer(task: Any, items: Sequence[Any], options: dict[str, Any]) -> list[Any]:
    """What `seqcore predict` writes for each of some inputs, and when they were begun and done."""
    from seqcore.errors import InputError

    begin = time.monotonic()  # It is the same clock in all processes.
    results = task.predict_each(items, **options)
    written = [str(result) if isinstance(result, InputError) else task.to_dict(result) for result in results]
    end = time.monotonic()
    return [(one, begin, end) for one in written]


class Turn(NamedTuple):
    """What came of answering all inputs once.

    Attributes:
        answers: one for each.
        start: seconds until the first input was begun.
        work: seconds from then until the last was done.
        busy: seconds that processes worked in all.
    """

    answers: list[Any]
    start: float
    work: float
    busy: float


def turn(task: Any, checkpoint: Checkpoint, inputs: Sequence[Any], options: dict[str, Any], workers: int) -> Turn:
    """Answer all inputs."""
    begin = time.monotonic()
    chunks = planned(inputs, *chunk_sizes(task, options), workers)
    answered = answer_chunks(task, checkpoint, partial(answer, options=options), chunks, workers)
    answers, begins, ends = zip(*(one for _, of_chunk in answered for one in of_chunk), strict=True)
    busy = sum(end - start for start, end in {*zip(begins, ends, strict=True)})
    return Turn([*answers], min(begins) - begin, max(ends) - min(begins), busy)


@contextmanager
def on_one_core() -> Iterator[None]:
    """Keep to one core, decoders of films and pictures as well, which else work beside in threads of their own."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def measure(name: str, workers: int, rounds: int, size: float) -> None:
    """Print what came of one model."""
    folder, make, options, what = CASES[name]
    inputs, checkpoint = make(size), read_checkpoint(ROOT / "checkpoints" / folder)
    task = load(checkpoint, device="cpu")
    turn(task, checkpoint, inputs[:8], options, 1)
    one, several = [], []
    for _ in range(rounds):
        with on_one_core():
            one.append(turn(task, checkpoint, inputs, options, 1))
        several.append(turn(task, checkpoint, inputs, options, workers))
    same = sum(a == b for a, b in zip(one[0].answers, several[0].answers, strict=True))
    alone, together = (statistics.median(taken.work for taken in turns) for turns in (one, several))
    start = statistics.median(taken.start for taken in several)
    ratios = [a.work / b.work for a, b in zip(one, several, strict=True)]
    loss = statistics.median(b.busy / a.busy for a, b in zip(one, several, strict=True))
    idle = statistics.median(1 - taken.busy / taken.work / workers for taken in several)
    print(
        f"{name:11} {len(inputs):5} {what}: one {len(inputs) / alone:6.1f}/s, {workers} workers "
        f"{len(inputs) / together:6.1f}/s: × {statistics.median(ratios):.2f} "
        f"({min(ratios):.2f} to {max(ratios):.2f}); they start in {start:.1f} s, work "
        f"× {loss:.2f} as long in all and are idle {idle:.0%} of the time; {same} answers are the same",
        flush=True,
    )


def main() -> None:
    """Measure each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=float, default=1.0, help="how many inputs, in multiples of the usual")
    parser.add_argument("--task", nargs="+", choices=CASES, default=[*CASES])
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    for name in chosen.task:
        measure(name, chosen.workers, chosen.rounds, chosen.size)


if __name__ == "__main__":
    main()
