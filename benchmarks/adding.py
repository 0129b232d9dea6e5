"""The adding problem (Hochreiter & Schmidhuber 1997): python -m benchmarks.adding --length 50 100

Every step shows a random number and a marker; two steps are marked, one in either half, and the target is the sum of
their numbers. Always answering 1 has a mean squared error of 1/6 = 0.167; below 0.01 the problem counts as solved.
Our LSTM is trained until it is there, and then a plain RNN and a fixed-window MLP, of as many parameters, with the same
optimiser on five times as many sequences.
"""

import argparse
import csv
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from apps.inside.adding import SOLVED_BELOW
from seqcore.nn import LSTMEncoder, LSTMLayer, PlainRNN, WindowMLP, chrono_init_

NAMES = ("LSTM", "plain RNN", "window MLP")
WINDOW = 10


@dataclass(frozen=True)
class Result:
    """One trained network: its size, what it cost, and its error on sequences it has not seen.

    Attributes:
        length, seed: of the problem.
        network: its name.
        error: mean squared.
    """

    length: int
    seed: int
    network: str
    parameters: int
    steps: int
    seconds: float
    error: float


class Regressor(nn.Module):
    """A recurrent network, and a linear layer over its last step: (B, T, 2) → (B,)."""

    def __init__(self, reader: nn.Module, width: int) -> None:
        super().__init__()
        self.reader, self.output = reader, nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        values, *_ = self.reader(x)
        return self.output(values[:, -1]).squeeze(1)


class WindowRegressor(WindowMLP):
    """(B, T, 2) → (B,)."""

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        return super().forward(x, lengths).squeeze(1)


def adding_batch(rows: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Numbers in [0, 1] beside markers 0 or 1, (rows, length, 2), and the sums of the two marked, (rows,)."""
    numbers = torch.rand(rows, length, generator=generator)
    markers = torch.zeros(rows, length)
    for first, last in ((0, length // 2), (length // 2, length)):
        markers.scatter_(1, torch.randint(first, last, (rows, 1), generator=generator), 1)
    return torch.stack([numbers, markers], -1), (numbers * markers).sum(1)


def create(name: str, hidden: int, length: int, chrono: bool) -> nn.Module:
    """The LSTM with so many hidden units, or one of the others with as many parameters, as nearly as can be."""
    encoder = LSTMEncoder(2, hidden)
    lstm = Regressor(encoder, hidden)
    if name == "LSTM":
        if chrono:
            chrono_init_(cast(LSTMLayer, encoder.stack.layers[0]), length)
        return lstm
    size = parameters(lstm)
    if name == "plain RNN":  # n² + 4 n, and n + 1 for the output
        width = round((25 / 4 + size - 1) ** 0.5 - 5 / 2)
        return Regressor(PlainRNN(2, width), width)
    return WindowRegressor(2, WINDOW, round((size - 1) / (2 * WINDOW + 2)), 1)


def parameters(model: nn.Module) -> int:
    """How many numbers it learns."""
    return sum(weight.numel() for weight in model.parameters())


def solve(
    name: str,
    length: int,
    steps: int,
    seed: int = 1,
    hidden: int = 64,
    rows: int = 64,
    learning_rate: float = 1e-2,
    clip: float = 1.0,
    chrono: bool = True,
    goal: float = 0.005,
    every: int = 50,
    seconds: float = float("inf"),
) -> Result:
    """Train one network on fresh sequences for at most `steps` steps, or until its error is below `goal`.

    Args:
        rows: sequences a step, and 1,000 unseen ones to measure the mean squared error with, `every` so many steps.
        clip: largest norm of a gradient.
        chrono: the LSTM's first biases are for this length; otherwise the forget bias is 1.
        seconds: the longest it may take.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = create(name, hidden, length, chrono)
    optimizer = torch.optim.Adam(model.parameters(), learning_rate)
    unseen = adding_batch(1000, length, generator)
    begin, error, step = time.perf_counter(), float("inf"), 0
    while step < steps and error >= goal and time.perf_counter() - begin < seconds:
        for _ in range(min(every, steps - step)):
            x, y = adding_batch(rows, length, generator)
            optimizer.zero_grad()
            nn.functional.mse_loss(model(x), y).backward()
            nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            step += 1
        with torch.inference_mode():
            error = float(nn.functional.mse_loss(model(unseen[0]), unseen[1]))
    return Result(length, seed, name, parameters(model), step, time.perf_counter() - begin, error)


def markdown_row(result: Result) -> str:
    """A row of the report."""
    return (
        f"| {result.length:,} | {result.seed} | {result.network} | {result.parameters:,} | {result.steps:,} | "
        f"{result.seconds:.0f} | {result.error:.4f} | {'yes' if result.error < SOLVED_BELOW else 'no'} |"
    )


def write_figures(path: Path, results: list[Result]) -> None:
    """Write a CSV file as the page Inside shows it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Result)], lineterminator="\n")
        writer.writeheader()
        for result in results:
            writer.writerow({**asdict(result), "seconds": round(result.seconds), "error": round(result.error, 4)})


def main() -> None:
    """Print a Markdown table, row by row as they are measured."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--length", type=int, nargs="+", default=[50, 100], help="steps a sequence, T")
    parser.add_argument("--seed", type=int, nargs="+", default=[1])
    parser.add_argument("--hidden", type=int, default=64, help="hidden units of the LSTM")
    parser.add_argument("--learning-rate", type=float, default=1e-2)
    parser.add_argument("--steps", type=int, default=10_000, help="the most training steps")
    parser.add_argument("--chances", type=int, default=5, help="times the LSTM's steps that the others get")
    parser.add_argument("--seconds", type=float, default=1500, help="the most seconds a network")
    parser.add_argument("--forget-bias-1", action="store_true", help="start as LSTMLayer does, not for this length")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--figures", type=Path, help="also write a CSV file, such as apps/inside/adding.csv")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"torch {torch.__version__}, {arguments.threads} thread(s); always answering 1: {1 / 6:.4f}\n")
    print("| T | seed | network | parameters | steps | seconds | mean squared error | solved |")
    print("|--:|--:|---|--:|--:|--:|--:|---|", flush=True)
    results = []
    for result in measured(arguments):
        print(markdown_row(result), flush=True)
        results.append(result)
    if arguments.figures:
        write_figures(arguments.figures, results)


def measured(arguments: argparse.Namespace) -> Iterator[Result]:
    """Train every network on every problem. The first is the LSTM, whose steps say how many the others get."""
    for length in arguments.length:
        for seed in arguments.seed:
            steps = arguments.steps
            for name in NAMES:
                result = solve(
                    name, length, steps, seed, arguments.hidden, learning_rate=arguments.learning_rate,
                    chrono=not arguments.forget_bias_1, seconds=arguments.seconds,
                )  # fmt: skip
                if name == "LSTM":
                    steps = arguments.chances * result.steps
                yield result


if __name__ == "__main__":
    main()
