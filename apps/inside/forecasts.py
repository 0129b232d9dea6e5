"""A fixed window and an LSTM learn to forecast a series, in seconds, and are measured on what was held out."""

import math
from collections.abc import Callable, Generator

import torch
from torch import Tensor, nn

from apps.inside.series import Series
from seqcore.nn import LSTMEncoder, WindowMLP, chrono_init_

HIDDEN_LSTM, HIDDEN_WINDOW = 24, 32
_ROWS, _LENGTH = 32, 50  # An LSTM learns from so many sequences a step; each holds several marks and their answers.
_WINDOWS_AT_ONCE = 512
_CLIP = 1.0

Training = Generator[tuple[int, int], None, Tensor]
"""Gives steps done and all steps, again and again, and in the end forecasts of the held-out values (N,)."""


class LSTMForecaster(nn.Module):
    """An LSTM that reads a series number by number, and a linear layer that says after each what comes next.

    Args:
        remember: steps that its memories shall last at first; without it, the forget bias is 1.
    """

    def __init__(self, hidden_size: int, remember: int | None = None) -> None:
        super().__init__()
        self.encoder = LSTMEncoder(1, hidden_size)
        self.output = nn.Linear(hidden_size, 1)
        if remember is not None:
            chrono_init_(self.encoder.stack.layers[0], remember)  # type: ignore[arg-type]

    def forward(self, series: Tensor) -> Tensor:
        """(B, T) → forecasts (B, T), the last one of what comes after the end."""
        return self.output(self.encoder(series.unsqueeze(2)).values).squeeze(2)


def windows(series: Tensor, width: int) -> Tensor:
    """(T,) → (T, width, 1): what a window sees when it ends at each step; zeros stand before the beginning."""
    return nn.functional.pad(series, (width - 1, 0)).unfold(0, width, 1).unsqueeze(2)


def train_lstm(series: Series, seed: int) -> Training:
    """Teach an LSTM, and let it read the series from its beginning to its end, one step ahead."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LSTMForecaster(HIDDEN_LSTM, remember=series.remember)
    rng = torch.Generator().manual_seed(seed)
    places = torch.arange(_LENGTH)

    def loss() -> Tensor:
        begins = torch.randint(0, series.begin - _LENGTH + 1, (_ROWS, 1), generator=rng)
        read, taught = series.inputs[begins + places], series.taught[begins + places][:, 1:]
        return (model(read[:, :-1]) - read[:, 1:])[taught].square().mean()

    yield from _steps(model, loss, series)
    with torch.inference_mode():
        return series.restored(model(series.inputs[None, :-1])[0, series.begin - 1 :])


def train_window(series: Series, width: int, seed: int) -> Training:
    """Teach a multilayer perceptron that sees the last `width` numbers."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = WindowMLP(1, width, HIDDEN_WINDOW, 1)
    rng = torch.Generator().manual_seed(seed)
    seen = windows(series.inputs[:-1], width)
    taught = series.taught[1 : series.begin].nonzero().squeeze(1)

    def loss() -> Tensor:
        chosen = taught[torch.randint(0, len(taught), (_WINDOWS_AT_ONCE,), generator=rng)]
        return (model(seen[chosen]).squeeze(1) - series.inputs[chosen + 1]).square().mean()

    yield from _steps(model, loss, series)
    with torch.inference_mode():
        return series.restored(model(seen[series.begin - 1 :]).squeeze(1))


def _steps(model: nn.Module, loss: Callable[[], Tensor], series: Series) -> Generator[tuple[int, int], None, None]:
    """Adam, its learning rate falling along a cosine to nothing."""
    optimizer = torch.optim.Adam(model.parameters(), series.learning_rate)
    for step in range(series.steps):
        for group in optimizer.param_groups:
            group["lr"] = series.learning_rate * (1 + math.cos(math.pi * step / series.steps)) / 2
        optimizer.zero_grad()
        loss().backward()
        nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
        optimizer.step()
        if step % 5 == 4:
            yield step + 1, series.steps


def repeated(series: Series) -> Tensor:
    """The simplest forecast of the held-out values: the one before."""
    return series.values[series.begin - 1 : -1]


def mean(series: Series) -> Tensor:
    """The mean of what was not held out, always."""
    taught = series.scored[: series.begin] if not bool(series.scored.all()) else slice(None)
    return series.values[: series.begin][taught].mean().expand(len(series.values) - series.begin)
