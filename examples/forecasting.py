"""Forecasting: a task of your own in one file, trained by truncated BPTT, then saved, loaded and served as any other.
python -m examples.forecasting run         # trains in seconds; with --resume it goes on where it was stopped
seqcore predict run series.txt --import examples.forecasting --steps 5      # a line of numbers is a series
"""

import sys
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

import seqcore
from seqcore.errors import numbered


class Carried(NamedTuple):  # from chunk to chunk: the LSTM's state, and the last value (B, 1), to see how it changed
    lstm: seqcore.LSTMState
    value: torch.Tensor


@dataclass(frozen=True)
class ForecasterConfig:  # what config.json holds
    hidden_size: int = 32


class Forecaster(seqcore.Task):
    name, Config, fields, monitor = "forecasting", ForecasterConfig, {"series": str}, ("rmse", "min")  # less is better
    stateful, stream_fields, state_types = True, ("series",), (Carried,)  # how truncated BPTT and --resume treat it

    def __init__(self, config):
        self.config, size = config, config.hidden_size
        self.network = nn.ModuleDict({"encoder": seqcore.LSTMEncoder(2, size), "head": nn.Linear(size, 1)})

    def forecast(self, series, state=None):  # (B, T) → the next value after each (B, T), and the state to carry on
        changes = series.diff(dim=1, prepend=state.value if state else series[:, :1])
        memory = self.network["encoder"](torch.stack([series, changes], -1), state=state and state.lstm)
        ahead = series + self.network["head"](memory.values).squeeze(-1)
        return ahead, Carried(memory.state.detach(), series[:, -1:])

    def example(self, row):
        try:
            return {"series": torch.tensor([float(value) for value in row["series"].split() or [row["series"]]])}
        except ValueError as error:
            raise seqcore.InputError(f"a series is numbers with spaces between: {error}") from error

    def collate(self, examples):
        return {"series": nn.utils.rnn.pad_sequence([one["series"] for one in examples], True, float("nan"))}

    def loss(self, batch, state=None):  # chunks of all series, one after the other; see `stateful`
        series, reset = batch["series"], batch.get("reset")
        predicted, after = self.forecast(series[:, :-1].nan_to_num(), None if reset is None or reset.all() else state)
        errors = (predicted - series[:, 1:])[~series[:, 1:].isnan()]  # where a shorter series is padded is no value
        return seqcore.Loss(errors.square().sum(), errors.numel(), after)

    @torch.inference_mode()
    def predict(self, inputs, *, steps: int = 3):  # so `steps` is a flag of `seqcore predict`, too
        """Args:
        steps: how many values to write on
        """
        results = [[] for _ in inputs]
        for place, series in enumerate(inputs):
            with numbered(place, len(inputs)):  # an InputError then says which series it is about
                values, state = self.example({"series": series})["series"][None].to(self.device), None
            for _ in range(steps):
                ahead, state = self.forecast(values, state)
                results[place].append((values := ahead[:, -1:]).item())
        return results

    def to_text(self, result):
        return " ".join(f"{value:.3f}" for value in result)

    def to_dict(self, result):
        return {"forecast": [round(value, 4) for value in result]}

    def inputs(self, rows):  # what is scored is the last value of each
        return [row["series"].rpartition(" ")[0] for row in rows], {}

    def compute_metrics(self, predictions, rows):
        errors = [values[0] - float(row["series"].split()[-1]) for values, row in zip(predictions, rows, strict=True)]
        return {"rmse": (sum(error**2 for error in errors) / len(errors)) ** 0.5}


def made_up_series(count, seed):  # waves of different lengths and heights
    step, height, begin = torch.rand(3, count, 1, generator=torch.Generator().manual_seed(seed))
    waves = (0.5 + height) * torch.sin(6 * begin + (0.4 + 0.4 * step) * torch.arange(48))
    return [{"series": " ".join(f"{value:.3f}" for value in wave)} for wave in waves.tolist()]


def train(output, resume=False, **hooks):
    torch.manual_seed(1)
    sizes = {"epochs": 12, "batch_tokens": 256, "bptt": 16, "warmup_steps": 10, "save_every": 10}
    settings = seqcore.TrainingSettings(learning_rate=0.01, precision="32-true", **sizes)
    series = made_up_series(120, 1), made_up_series(20, 2)
    return seqcore.fit(Forecaster(ForecasterConfig()), *series, settings, output, resume, **hooks)


if __name__ == "__main__":
    print(train(sys.argv[1], "--resume" in sys.argv))
