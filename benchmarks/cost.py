"""What a million of anything costs on one core: python -m benchmarks.cost

Each model has a process of one thread, which answers made-up inputs as `seqcore.runtime.Predictor` hands them over:
sentences of about 12 words, reviews as long as those of IMDB (half have more than 174 words), the photographs and
the films of the apps' examples.

Prints how long importing and loading take, the memory, items a second of the processor, and from these, as
arithmetic, core hours a million and the time on machines of 16 cores.
"""

import argparse
import itertools
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
WHO = ("A young woman in a red coat", "Two men", "A brown dog", "A group of children", "The old man with the hat")
DOES = ("is walking", "are standing and talking", "is running very fast", "play with a ball", "looks at a book")
WHERE = (
    "through the snow.",
    "in front of a small shop.",
    "on the beach near the water.",
    "at the station.",
    "outside.",
)
SAYS = (
    "The plot is thin, but the actors are wonderful.", "I did not expect to like it, and yet I would see it again.",
    "Nothing happens for an hour, and when it does you no longer care!", "Who wrote these dialogues?",
    "The camera work is beautiful, the ending (I will not tell it) is a disappointment.",
    "My wife fell asleep, which tells you more about this film than any review of mine could do.",
)  # fmt: skip
MACHINES, CORES = 100, 16


def sentences(count: int) -> list[str]:
    """Such as describe photographs."""
    draw = random.Random(1)
    return [" ".join(map(draw.choice, (WHO, DOES, WHERE))) for _ in range(count)]


def reviews(count: int) -> list[str]:
    """Log-normal lengths, whose median and mean are those of IMDB: 174 and 231 words."""
    draw, texts = random.Random(1), []
    for _ in range(count):
        words = draw.lognormvariate(5.16, 0.75)
        sentences = [draw.choice(SAYS)]
        while sum(map(len, map(str.split, sentences))) < words:
            sentences.append(draw.choice(SAYS))
        texts.append(" ".join(sentences))
    return texts


def photographs(count: int) -> list[str]:
    """Paths, again and again."""
    paths = sorted((ROOT / "apps" / "captioner" / "examples").glob("*.jpg"))
    return [str(path) for path in itertools.islice(itertools.cycle(paths), count)]


def films(count: int) -> list[str]:
    """Paths, again and again."""
    paths = sorted((ROOT / "apps" / "video" / "examples").glob("*.mp4"))
    return [str(path) for path in itertools.islice(itertools.cycle(paths), count)]


class Kind(NamedTuple):
    """What is answered.

    Attributes:
        checkpoint: by which.
        inputs: makes so many.
        number: how many are measured.
        options: of `predict`.
    """

    checkpoint: str
    inputs: Callable[[int], Sequence[str]]
    number: int
    options: Mapping[str, Any]


KINDS = {
    "sentences": Kind("translator", sentences, 1024, {"source": "en", "target": "de"}),
    "reviews": Kind("sentiment", reviews, 512, {}),
    "photographs": Kind("captioner", photographs, 128, {}),
    "hours of film": Kind("video-shots", films, 8, {}),
}


def measure(name: str) -> dict[str, float]:
    """Seconds of the processor, and MB, in this process."""
    kind = KINDS[name]
    from seqcore.runtime import Predictor

    predictor = Predictor(ROOT / "checkpoints" / kind.checkpoint, device="cpu", **kind.options)
    inputs = kind.inputs(kind.number)
    predictor({"input": inputs[:2]})
    begin, begun = time.process_time(), time.perf_counter()
    answered = predictor({"input": inputs})
    used, wall = time.process_time() - begin, time.perf_counter() - begun
    assert not any(answered["error"])
    items: float = len(inputs)
    if name == "hours of film":
        items = sum(predictor.task.predict([film])[0].duration for film in set(inputs)) / 3600
        items *= len(inputs) / len(set(inputs))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"start": begin, "rate": items / used, "wall": wall / used, "memory": memory}


def row(name: str, measured: Mapping[str, float]) -> str:
    """A line of the table."""
    hours = 1e6 / measured["rate"] / 3600
    rate = f"{measured['rate']:.1f} a second" if measured["rate"] > 1 else f"{3600 * measured['rate']:.1f} an hour"
    return (
        f"| {name} | {measured['start']:.1f} | {measured['memory']:.0f} | {rate} | {hours:,.1f} | "
        f"{duration(hours / CORES)} | {duration(hours / CORES / MACHINES)} |"
    )


def duration(hours: float) -> str:
    """In the unit that suits it."""
    if hours > 72:
        return f"{hours / 24:,.0f} days"
    return f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.1f} min"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", choices=KINDS, help="this process itself, as JSON")
    chosen = parser.parse_args()
    if chosen.measure:
        print(json.dumps(measure(chosen.measure)))
        return
    print(f"| a million | start, s | MB | on a core | core hours | {CORES} cores | {MACHINES} × {CORES} cores |")
    print("|---|--:|--:|--:|--:|--:|--:|", flush=True)
    for name in KINDS:
        command = [sys.executable, "-m", "benchmarks.cost", "--measure", name]
        told = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, env=told, cwd=ROOT, stdout=subprocess.PIPE, check=True)
        print(row(name, json.loads(done.stdout)), flush=True)


if __name__ == "__main__":
    main()
