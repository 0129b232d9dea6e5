"""Training in every precision, how fast and how right: python -m benchmarks.gpu

Of a translator target tokens, of a language model pieces, of the captioner's second stage (its image network trained,
too) and third stage (self-critical) images a second, forward and backward pass and AdamW together, and the norm of the
gradient of the loss times 1e-8, as a part of what it should be: 1 is right, 0 is a gradient that float16 has lost.
Batches are random and are on the device beforehand, so that no processor is measured. Without a GPU it says so, and
runs the same on the CPU at toy size, where only torch's own mixed precision differs.
"""

import argparse
import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import seqcore
from benchmarks.dtypes import sentences
from benchmarks.translate import interleaved
from seqcore.nn.precision import RecurrentPrecision, recurrent_precision
from seqcore.tasks.base import Loss
from seqcore.tasks.captioning import Captioner, self_critical
from seqcore.tasks.language import LanguageModelConfig
from seqcore.tasks.language.network import LanguageNetwork
from seqcore.tasks.translation import TranslationNetwork, TranslatorConfig

CHECKPOINT = Path(__file__).resolve().parents[1] / "checkpoints" / "captioner"
TINY = 1e-8
FLOAT16_SCALE = 2.0**16  # What the loss is multiplied by at first, as torch's GradScaler does.


@dataclass(frozen=True)
class Way:
    """A precision: the type of autocast, if any, and what recurrent layers compute in."""

    name: str
    autocast: torch.dtype | None = None
    recurrent: RecurrentPrecision = "float32"


WAYS = (
    Way("32-true"),
    Way("bf16-mixed (auto)", torch.bfloat16),
    Way("bf16-mixed, LSTMs in bfloat16", torch.bfloat16, "bfloat16"),
    Way("bf16-mixed, LSTMs as torch has them", torch.bfloat16, "autocast"),
    Way("16-mixed", torch.float16),
    Way("16-mixed, LSTMs as torch has them", torch.float16, "autocast"),
)


@dataclass(frozen=True)
class Work:
    """One kind of training.

    Attributes:
        unit: what is counted, and how many of it a step has.
        loss: that of a batch, always the same.
    """

    name: str
    unit: str
    count: int
    network: nn.Module
    loss: Callable[[], Loss]


def works(device: str, toy: bool) -> Iterator[Work]:
    """Every kind of training, at the size of the bundled models."""
    rows, length = (2, 6) if toy else (256, 26)
    config = TranslatorConfig() if not toy else TranslatorConfig(vocab_size=300, encoder_hidden_size=16)
    translator = TranslationNetwork(config, 0).to(device)
    source, target = (torch.randint(4, config.vocab_size, (rows, length), device=device) for _ in range(2))
    batch = {"source": source, "source_lengths": torch.full((rows,), length), "target": target}
    yield Work("translator", "target tokens", rows * (length - 1), translator, lambda: translator(batch))
    streams, bptt, width = (2, 10, 16) if toy else (256, 70, 640)
    of_texts = LanguageModelConfig(vocab_size=8000, embedding_size=320, hidden_size=width, num_layers=2)
    model = LanguageNetwork(of_texts, 0).to(device)
    pieces = torch.randint(4, of_texts.vocab_size, (streams, bptt + 1), device=device)
    yield Work("language model", "pieces", streams * bptt, model, lambda: model({"tokens": pieces}))
    yield from captioners(device, 2 if toy else 64)


def captioners(device: str, images: int) -> Iterator[Work]:
    """The captioner's second and third stage."""
    task = seqcore.load(CHECKPOINT, Captioner, device=device)
    task.augments = False
    side = task.config.image_size
    captions = sentences(2 * images)
    texts = zip(captions[::2], captions[1::2], strict=True)
    rows = [{"image": torch.zeros(3, side, side, dtype=torch.uint8), "captions": [*each]} for each in texts]
    for name, stages, critical in (("captioner, second stage", 4, False), ("captioner, third stage", 0, True)):
        task.network.encoder.train_last(stages)
        prepared = self_critical(task, rows) if critical else rows
        batch = task.collate([task.example(row) for row in prepared])
        placed = {key: value.to(device) for key, value in batch.items()}
        placed["images"] = torch.randint(0, 256, placed["images"].shape, dtype=torch.uint8, device=device)
        yield Work(name, "images", images, task.network, lambda placed=placed: task.loss(placed))  # type: ignore[misc]


def gradient_norm(work: Work, way: Way, device: str, scale: float) -> float:
    """The norm of the gradient of the loss times `scale`, as 16-mixed scales it."""
    backward(work, way, device, scale)
    factor = FLOAT16_SCALE if way.autocast == torch.float16 else 1.0
    norms = [weight.grad.norm() / factor for weight in work.network.parameters() if weight.grad is not None]
    return float(torch.stack(norms).norm())


def backward(work: Work, way: Way, device: str, scale: float = 1.0) -> None:
    """Leave the gradients of a batch in the network."""
    torch.manual_seed(0)  # The same is dropped, and the same captions are drawn.
    work.network.zero_grad()
    with ExitStack() as contexts:
        if way.autocast is not None:
            contexts.enter_context(torch.autocast(device, way.autocast))
        contexts.enter_context(recurrent_precision(way.recurrent))
        loss = work.loss()
        total: Tensor = loss.total * (scale / loss.count)
    total *= FLOAT16_SCALE if way.autocast == torch.float16 else 1.0
    total.backward()  # type: ignore[no-untyped-call]


def measure(work: Work, device: str, rounds: int) -> Iterator[str]:
    """The rows of the table, a precision each."""
    optimizer = torch.optim.AdamW([weight for weight in work.network.parameters() if weight.requires_grad], 1e-6)
    work.network.train()
    ways = WAYS if device == "cuda" else WAYS[:2]
    wanted = gradient_norm(work, WAYS[0], device, 1.0) * TINY
    parts = {way.name: gradient_norm(work, way, device, TINY) / wanted for way in ways}

    def step(way: Way) -> Callable[[], Any]:
        def run() -> None:
            backward(work, way, device)
            optimizer.step()
            if device == "cuda":
                torch.cuda.synchronize()

        return run

    seconds = interleaved({way.name: step(way) for way in ways}, rounds)
    for name, each in seconds.items():
        yield f"| {work.name} | {name} | {work.count / statistics.median(each):,.0f} {work.unit} | {parts[name]:.2f} |"


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    where = torch.cuda.get_device_name() if device == "cuda" else "no GPU here: the CPU, at toy size"
    print(f"torch {torch.__version__}, {where}\n")
    print("| training | precision | a second | gradient of the loss times 1e-8 |\n|---|---|--:|--:|")
    torch.manual_seed(0)
    for work in works(device, toy=device == "cpu"):
        for row in measure(work, device, options.rounds if device == "cuda" else 2):
            print(row, flush=True)


if __name__ == "__main__":
    main()
