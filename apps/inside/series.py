"""The series that are forecast: two real ones that matplotlib ships, and one that asks for a long memory."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

MIN_GAP, MAX_GAP = 14, 20  # A mark is so many steps before its answer: more than the widest window.
MAX_WINDOW = 12
_BLOCKS, _NOISE, _SIGNAL, _PAUSE = 640, 0.05, 2.0, 4


@dataclass(frozen=True, eq=False)
class Series:
    """Numbers in time, of which the last are held out.

    Attributes:
        title, unit: what it is, and in what it is measured.
        source: where it comes from, and its licence.
        values: (T,) in its unit.
        inputs: (T,) what networks read and forecast: standardised values, or changes of their logarithm.
        shift, scale: an input times scale plus shift is a value, or a change.
        changes: whether inputs are changes.
        taught: (T,), which steps a network is taught: those that can be forecast at all.
        scored: (T,), which steps its error is measured on, where they are held out.
        begin: the first step that is held out.
        steps: of training.
        learning_rate: highest one of the training.
        remember: how long the LSTM's memories last at first; None: the forget bias is 1.
    """

    title: str
    unit: str
    source: str
    values: Tensor
    inputs: Tensor
    shift: float
    scale: float
    changes: bool
    taught: Tensor
    scored: Tensor
    begin: int
    steps: int
    learning_rate: float
    remember: int | None = None

    def restored(self, forecasts: Tensor) -> Tensor:
        """Forecasts of the held-out inputs (N,) → of the values."""
        values = forecasts * self.scale + self.shift
        return self.values[self.begin - 1 : -1] * values.exp() if self.changes else values

    def error(self, forecasts: Tensor) -> float:
        """Root mean squared error of forecasts of the held-out values (N,), in their unit."""
        scored = self.scored[self.begin :]
        return float((forecasts - self.values[self.begin :])[scored].square().mean().sqrt())


def memory_series() -> Series:
    """A mark of +1 or −1, some noise for 14 to 20 steps, a signal of 2, and then the mark again.

    Marks and signals come unannounced, so that they are neither taught nor scored; the repeated marks are scored.
    """
    rng = torch.Generator().manual_seed(1)
    values: list[float] = []
    kinds: list[int] = []
    begin = 0
    for block in range(_BLOCKS):
        if block == _BLOCKS - 40:
            begin = len(values)
        gap = int(torch.randint(MIN_GAP, MAX_GAP + 1, (1,), generator=rng))
        mark = 2.0 * int(torch.randint(0, 2, (1,), generator=rng)) - 1
        noise = (_NOISE * torch.randn(gap - 2 + _PAUSE, generator=rng)).tolist()
        values += [mark, *noise[_PAUSE:], _SIGNAL, mark, *noise[:_PAUSE]]
        kinds += [0, *[1] * (gap - 2), 0, 2, *[1] * _PAUSE]
    numbers, kind = torch.tensor(values), torch.tensor(kinds)
    return Series(
        "A mark to remember", "value", "Made by this page, the same every time.", numbers, numbers, 0.0, 1.0, False,
        kind > 0, kind == 2, begin, 400, 0.03, MAX_GAP,
    )  # fmt: skip


def brain_waves() -> Series:
    """800 samples of an electroencephalogram, one of its four channels."""
    import numpy as np

    values = torch.from_numpy(np.fromfile(_sample("eeg.dat"), "<f8")[::4].astype("float32"))
    return _real(
        "Brain waves", "amplitude", "EEG, first channel of eeg.dat: sample data of matplotlib, under its licence.",
        values, values, False, 200, 150,
    )  # fmt: skip


def share_price() -> Series:
    """Google's share price on 1,047 days, adjusted for splits and dividends; networks read its changes."""
    import numpy as np

    with np.load(_sample("goog.npz")) as table:
        values = torch.from_numpy(table["price_data"]["adj_close"].astype("float32"))
    changes = values.log().diff(prepend=values[:1].log())
    return _real(
        "Share price", "US dollars",
        "Google, daily, August 2004 to October 2008, goog.npz: sample data of matplotlib, under its licence.",
        values, changes, True, 250, 100,
    )  # fmt: skip


def _sample(name: str) -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "sample_data" / name


def _real(
    title: str, unit: str, source: str, values: Tensor, inputs: Tensor, changes: bool, held_out: int, steps: int
) -> Series:
    begin = len(values) - held_out
    shift, scale = float(inputs[:begin].mean()), float(inputs[:begin].std())
    everything = torch.ones(len(values), dtype=torch.bool)
    inputs = (inputs - shift) / scale
    return Series(
        title, unit, source, values, inputs, shift, scale, changes, everything, everything, begin, steps, 0.01
    )  # fmt: skip


_MADE: dict[str, Callable[[], Series]] = {
    "A mark to remember": memory_series, "Brain waves": brain_waves, "Share price": share_price,
}  # fmt: skip
TITLES = tuple(_MADE)


@functools.cache
def series(title: str) -> Series:
    """One of `TITLES`."""
    return _MADE[title]()
