"""What bfloat16 gains and changes: python -m benchmarks.dtypes

Each bundled model answers the same inputs in float32 and in bfloat16, one at a time and in batches. Printed are inputs
a second in both, the ratio, and how many answers are the same; `dtype="auto"` goes by the rows of batches. Sentences
and reviews are put together from words at random, photographs and films are the examples of the pages. Runs are
interleaved; medians are printed. What a processor without some instructions would do is seen by ONEDNN_MAX_CPU_ISA,
such as AVX512_CORE.
"""

import argparse
import random
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

import seqcore
from benchmarks.translate import interleaved, ratio
from seqcore.tasks.base import Task
from seqcore.tasks.device import computes_in_bfloat16

ROOT = Path(__file__).resolve().parents[1]
# Of each model how many inputs at a time; of films always one, whose frames are read some at a time.
BATCHES = {
    "translator": (1, 8, 32), "sentiment": (1, 8, 32), "language-model": (1, 32), "captioner": (1, 16),
    "video-shots": (1,), "video-lipreading": (1,),
}  # fmt: skip
WHO = (
    "a man",
    "two men",
    "a young woman",
    "a child in a red shirt",
    "a brown dog",
    "three people",
    "a girl with a hat",
)
DOES = ("plays the guitar", "runs", "is riding a horse", "looks at the camera", "jumps", "sits on a bench")
WHERE = ("in the snow", "near the water", "on a busy street", "under a tree", "in front of a house", "at the beach")
SAYS = (
    "The plot is thin.",
    "I loved every minute of it.",
    "The actors are wonderful.",
    "It is far too long, and the end is silly.",
    "What a waste of time!",
    "The music saves it.",
    "I would not see it again.",
    "A small masterpiece.",
)


def sentences(count: int) -> list[str]:
    """Captions, as those of Multi30k."""
    rng = random.Random(0)
    parts = [[rng.choice(part) for part in (WHO, DOES, WHERE)] for _ in range(count)]
    return [f"{' '.join(part[: rng.randint(2, 3)])}.".capitalize() for part in parts]


def reviews(count: int) -> list[str]:
    """Texts of 2 to 60 sentences, about as long as IMDB's."""
    rng = random.Random(0)
    return [" ".join(rng.choices(SAYS, k=int(rng.triangular(2, 60, 15)))) for _ in range(count)]


def inputs_of(task: Task, batch: int) -> list[Any]:
    """What a model is asked, enough for two batches of texts."""
    if task.name == "captioning":
        photographs = sorted((ROOT / "apps/captioner/examples").glob("*.jpg"))
        return [task.read(path) for path in photographs * (batch // len(photographs) + 1)][: max(4, batch)]  # type: ignore[attr-defined]
    if task.name == "video":
        return [str(path) for path in sorted((ROOT / "apps/video/examples").glob("*.mp4"))]
    count = max(8, 2 * batch)
    return sentences(count) if task.name == "translation" else reviews(count)


def answers(task: Task, inputs: Sequence[Any], batch: int) -> list[Any]:
    """Of all inputs, so many at a time."""
    options = {} if task.name == "video" else {"batch_size": batch}
    return task.predict(list(inputs), **options)


def same(one: Any, other: Any) -> float:
    """The part of an answer that is the same: the words of a text or label, or of a film's frames."""
    if hasattr(one, "labels"):
        return statistics.mean(a == b for a, b in zip(one.labels, other.labels, strict=True))
    if hasattr(one, "perplexity"):
        return float(abs(one.perplexity / other.perplexity - 1) < 0.01)
    name = "text" if hasattr(one, "score") else "label"
    return float(getattr(one, name) == getattr(other, name))


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(BATCHES), help="of the bundled ones (default: all)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    device = torch.device(options.device)
    native = "has" if computes_in_bfloat16(device) else "has no"
    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} thread(s), {device} {native} instructions for bfloat16\n"
    )
    print(
        "| model | at a time | float32 a second | bfloat16 a second | ratio | same answers |\n|---|--:|--:|--:|--:|--:|"
    )
    for model in options.models:
        tasks = {
            dtype: seqcore.load(ROOT / "checkpoints" / model, device=device, dtype=dtype)
            for dtype in (torch.float32, torch.bfloat16)
        }
        for batch in BATCHES[model]:
            inputs = inputs_of(tasks[torch.float32], batch)
            runs: dict[str, Callable[[], Any]] = {
                str(dtype): partial(answers, task, inputs, batch) for dtype, task in tasks.items()
            }
            seconds = interleaved(runs, options.rounds)
            exact, rounded = seconds.values()
            pairs = zip(*(answers(task, inputs, batch) for task in tasks.values()), strict=True)
            alike = statistics.mean(same(*pair) for pair in pairs)
            speeds = " | ".join(f"{len(inputs) / statistics.median(each):,.1f}" for each in (exact, rounded))
            print(f"| {model} | {batch} | {speeds} | {ratio(exact, rounded):.2f} | {alike:.0%} |", flush=True)


if __name__ == "__main__":
    main()
