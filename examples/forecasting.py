"""Forecasting: a task of your own in one file, trained by truncated BPTT, then saved, loaded and served as any other.

python -m examples.forecasting run              # trains in seconds; with --resume it goes on where it was stopped
seqcore predict run series.txt --import examples.forecasting --steps 5      # a line of numbers is a series
"""

import math
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from seqcore.errors import InputError
from seqcore.nn import LSTMEncoder, LSTMState
from seqcore.tasks import Loss, Task
from seqcore.training import FitResult, TrainingSettings, fit


class Carried(NamedTuple):
    """What is carried from chunk to chunk: the LSTM's state, and the last value (B, 1), to see how it changed."""

    lstm: LSTMState
    value: Tensor


@dataclass(frozen=True)
class ForecasterConfig:
    """The size of the network."""

    hidden_size: int = 32


class Network(nn.Module):
    """Reads values and their changes, and says for each what comes next."""

    def __init__(self, config: ForecasterConfig) -> None:
        super().__init__()
        self.encoder = LSTMEncoder(2, config.hidden_size)
        self.head = nn.Linear(config.hidden_size, 1)

    def forward(self, series: Tensor, state: Carried | None = None) -> tuple[Tensor, Carried]:
        """(B, T) → the next value after each (B, T), and the state, cut off from its graph."""
        changes = series.diff(dim=1, prepend=series[:, :1] if state is None else state.value)
        memory = self.encoder(torch.stack([series, changes], -1), state=None if state is None else state.lstm)
        return series + self.head(memory.values).squeeze(-1), Carried(memory.state.detach(), series[:, -1:])


class Forecaster(Task):
    """A deep LSTM that reads a series and writes on."""

    name, Config, fields, monitor = "forecasting", ForecasterConfig, {"series": str}, ("rmse", "min")
    stateful, stream_fields, state_types = True, ("series",), (Carried,)

    def __init__(self, config: ForecasterConfig) -> None:
        self.config, self.network = config, Network(config)

    def example(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"series": _numbers(row["series"])}

    def lengths(self, example: Mapping[str, Any]) -> Sequence[int]:
        return (len(example["series"]),)

    def collate(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        return {"series": nn.utils.rnn.pad_sequence([one["series"] for one in examples], True, math.nan)}

    def loss(self, batch: Mapping[str, Tensor], state: Carried | None = None) -> Loss:
        series, reset = batch["series"], batch.get("reset")
        predicted, after = self.network(series[:, :-1].nan_to_num(), None if reset is None or reset.all() else state)
        errors = (predicted - series[:, 1:])[~series[:, 1:].isnan()]  # Where a shorter series is padded is no value.
        return Loss(errors.square().sum(), errors.numel(), after)

    @torch.inference_mode()
    def predict(self, inputs: Sequence[str], *, steps: int = 3) -> list[list[float]]:
        """Say what comes after each series, value by value.

        Args:
            steps: how many values to write on
        """
        forecasts: list[list[float]] = []
        for number, series in enumerate(inputs, 1):
            values, state = _numbers(series, number)[None].to(self.device), None
            forecasts.append([])
            for _ in range(steps):
                predicted, state = self.network(values, state)
                values = predicted[:, -1:]
                forecasts[-1].append(values.item())
        return forecasts

    def to_text(self, result: list[float]) -> str:
        return " ".join(f"{value:.3f}" for value in result)

    def to_dict(self, result: list[float]) -> dict[str, Any]:
        return {"forecast": [round(value, 4) for value in result]}

    def inputs(self, rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], dict[str, list[Any]]]:
        return [row["series"].rpartition(" ")[0] for row in rows], {}  # What is scored is the last value of each.

    def compute_metrics(self, predictions: Sequence[list[float]], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        errors = [values[0] - float(row["series"].split()[-1]) for values, row in zip(predictions, rows, strict=True)]
        return {"rmse": math.sqrt(sum(error**2 for error in errors) / len(errors))}


def _numbers(series: str, number: int | None = None) -> Tensor:
    try:
        return torch.tensor([float(value) for value in series.split() or [series]])
    except ValueError as error:
        raise InputError(f"a series is numbers with spaces between: {error}", number) from error


def made_up_series(count: int, seed: int) -> list[dict[str, str]]:
    """Waves of different lengths and heights with a little noise."""
    rng, rows = random.Random(seed), []
    for _ in range(count):
        step, height, begin = rng.uniform(0.4, 0.8), rng.uniform(0.5, 1.5), rng.uniform(0, 6)
        values = (height * math.sin(begin + step * time) + rng.gauss(0, 0.02) for time in range(48))
        rows.append({"series": " ".join(f"{value:.3f}" for value in values)})
    return rows


def train(output: str, resume: bool = False, **hooks: Any) -> FitResult:
    """Train on made-up series, and save the best weights."""
    torch.manual_seed(1)
    settings = TrainingSettings(
        epochs=12, batch_tokens=256, bptt=16, warmup_steps=10, learning_rate=0.01, precision="32-true", save_every=10
    )
    task, rows, validation = Forecaster(ForecasterConfig()), made_up_series(120, 1), made_up_series(20, 2)
    return fit(task, rows, validation, settings, output, resume, **hooks)


if __name__ == "__main__":
    print(train(sys.argv[1], "--resume" in sys.argv))
