"""Three small networks, and how far back through time their gradients reach."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from apps.ui.figures import INK, svg
from apps.ui.layout import scrolling

if TYPE_CHECKING:
    from seqcore.explain import GradientFlow

HIDDEN, INPUT, SEQUENCES = 32, 8, 4
_SPREAD = 0.3  # The standard deviation of the numbers that are read.
_SEED = 1
_MIN_NORM = 1e-16  # What is less is beneath the chart.
_POINTS_PER_INCH = 72.0


@dataclass(frozen=True)
class Kind:
    """A network that is compared: its name, and how its line is drawn, so that it can be told without colour."""

    name: str
    colour: str
    dashes: str | tuple[int, tuple[int, ...]]
    marker: str


KINDS = (
    Kind("LSTM", "#3b82f6", "solid", "o"),
    Kind("LSTM, forget bias 0", "#0d9488", (0, (6, 2)), "s"),
    Kind("Plain RNN", "#ea580c", (0, (2, 1)), "^"),
)


@dataclass(frozen=True)
class Measured:
    """A network's gradient, whole and truncated."""

    kind: Kind
    whole: "GradientFlow"
    cut: "GradientFlow"


@functools.lru_cache(64)
def measure(length: int, depth: int, gain: float, truncation: int) -> tuple[Measured, ...]:
    """Make the three networks, the same every time, and measure them on the same sequences.

    Args:
        gain: what the recurrent matrices, which start orthogonal, are multiplied by.
        truncation: steps that a gradient may go back; 0 is all.
    """
    import torch

    from seqcore.explain import gradient_flow
    from seqcore.nn import LSTMStack, PlainRNN

    rng = torch.Generator().manual_seed(_SEED)
    x = _SPREAD * torch.randn(SEQUENCES, length, INPUT, generator=rng, dtype=torch.float64)
    direction = torch.randn(HIDDEN, generator=rng, dtype=torch.float64)
    direction /= direction.norm()
    measured = []
    for kind in KINDS:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_SEED)
            plain = kind.name == "Plain RNN"
            network = PlainRNN(INPUT, HIDDEN, depth) if plain else LSTMStack(INPUT, HIDDEN, depth, residual=False)
        for name, weight in network.double().named_parameters():
            if "weight_hh" in name:
                weight.data *= gain
            elif "bias_ih" in name and kind.name.endswith("0"):
                weight.data.zero_()
        whole = gradient_flow(network, x, direction)
        cut = gradient_flow(network, x, direction, truncation) if 0 < truncation < length else whole
        measured.append(Measured(kind, whole, cut))
    return tuple(measured)


def chart(measured: Sequence[Measured], truncation: int) -> str:
    """The norms over the distance from the end, on a scale where each line counts ten times the one beneath."""
    length = len(measured[0].whole.norms)
    figure = Figure(figsize=(520 / _POINTS_PER_INCH, 300 / _POINTS_PER_INCH), facecolor="none")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), facecolor="none")
    axes.set_yscale("log")
    low, high = _limits(measured)
    axes.set_ylim(low, high)
    axes.set_xlim(0, max(length - 1, 1))
    cut = truncation if 0 < truncation < length else length
    for one in measured:
        _line(axes, one, cut, length)
    _name(axes, measured, low, high)
    if cut < length:
        axes.axvline(cut - 0.5, color=INK, linewidth=1)
        axes.annotate(
            "truncated: exactly 0 beyond", (cut - 0.5, 1), (4, -12), xycoords=("data", "axes fraction"),
            textcoords="offset points", fontsize=9.5, color=INK,
        )  # fmt: skip
    axes.axhline(1, color=INK, linewidth=0.7, alpha=0.4)
    axes.set_xlabel("steps before the end", fontsize=10.5, color=INK)
    axes.set_title("norm of ∂loss/∂h", loc="left", fontsize=10.5, color=INK)
    axes.tick_params(colors=INK, labelsize=10, which="both")
    axes.minorticks_off()
    axes.grid(color=INK, alpha=0.1, linewidth=0.7)
    for side, spine in axes.spines.items():
        spine.set(edgecolor=INK, alpha=0.3, visible=side in ("left", "bottom"))
    return svg(figure, _described(measured, cut))


def _line(axes: "object", one: Measured, cut: int, length: int) -> None:
    norms = one.whole.norms.tolist()
    every = max(1, length // 8)
    look = {"color": one.kind.colour, "linestyle": one.kind.dashes, "marker": one.kind.marker, "markevery": every}
    axes.plot(range(cut), norms[:cut], linewidth=2.2, markersize=5.5, **look)  # type: ignore[attr-defined]
    if cut < length:  # Draw thinly what the truncation takes away.
        axes.plot(  # type: ignore[attr-defined]
            range(cut - 1, length), norms[cut - 1 :], linewidth=1, markersize=3, alpha=0.45, **look
        )


def _name(axes: "object", measured: Sequence[Measured], low: float, high: float) -> None:
    """Each line's name beside where it ends, or leaves the chart; names that would touch are moved apart."""
    span = math.log10(high / low)
    heights = [math.log10(max(float(one.whole.norms[-1]), low) / low) / span for one in measured]
    places = [min(max(height, 0.02), 0.98) for height in heights]
    ends = sorted(zip(places, measured, strict=True), key=lambda end: end[0])
    height = -1.0
    for place, one in ends:
        height = max(place, height + 0.07)
        gone = "↓ " if float(one.whole.norms[-1]) < low else ""
        axes.annotate(  # type: ignore[attr-defined]
            f"{gone}{one.kind.name}", (1, height), (8, -4), xycoords="axes fraction", textcoords="offset points",
            fontsize=10.5, color=INK, weight="bold",
        )  # fmt: skip


def _limits(measured: Sequence[Measured]) -> tuple[float, float]:
    """Whole powers of ten around all lines, but not beneath what is worth looking at."""
    values = [value for one in measured for value in one.whole.norms.tolist() if value > 0]
    low = 10 ** math.floor(math.log10(max(min(values), _MIN_NORM)))
    return min(low, 0.1), max(10 ** math.ceil(math.log10(max(values)) + 0.01), 10.0)


def figures(measured: Sequence[Measured], threshold: float) -> str:
    """The same in figures: what is left, and the gradient of the weights before and after."""
    from seqcore.explain import clipped_norm

    length = len(measured[0].whole.norms)
    places = sorted({min(10, length - 1), (length - 1) // 2, length - 1} - {0})
    head = "".join(f"<th>{place} steps back</th>" for place in places)
    rows = "".join(
        f'<tr><th scope="row">{escape(one.kind.name)}</th>'
        + "".join(f"<td>{readable(float(one.whole.norms[place]))}</td>" for place in places)
        + f"<td>{readable(one.whole.weights)}</td><td>{readable(one.cut.weights)}</td>"
        + f"<td>{readable(clipped_norm(one.cut, threshold))}</td></tr>"
        for one in measured
    )
    table = (
        f'<table class="sq-figures"><caption>∂loss/∂h at some distances, and the gradient of all weights</caption>'
        f"<thead><tr><th>Network</th>{head}<th>weights</th><th>truncated</th><th>and clipped</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )
    return scrolling(table, "Figures")


def summary(measured: Sequence[Measured], threshold: float, truncation: int) -> str:
    """What clipping and truncation changed, in words."""
    length = len(measured[0].whole.norms)
    clipped = [one for one in measured if one.cut.weights > threshold]
    if clipped:
        parts = [f"of the {_inline(one)} from {readable(one.cut.weights)} to {readable(threshold)}" for one in clipped]
        clipping = f"Clipping at {threshold:g} shortens the gradient {_listed(parts)}, and keeps its direction."
    else:
        clipping = f"Clipping at {threshold:g} changes nothing: every gradient is shorter."
    if not 0 < truncation < length:
        return f"{clipping} Truncation is off: each gradient goes back all {length} steps."
    parts = [f"{readable(float(one.whole.norms[truncation]))} for the {_inline(one)}" for one in measured]
    return (
        f"{clipping} Truncation lets nothing through from {truncation} steps back and more: there the norm is exactly "
        f"0, and would have been {_listed(parts)}."
    )


def readable(value: float) -> str:
    """A number that may be very large or very small, as people read it."""
    if value == 0 or 0.01 <= value < 10000:
        return f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"
    mantissa, exponent = f"{value:.1e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa} · 10{raised}"


def _inline(one: Measured) -> str:
    return one.kind.name.replace("Plain", "plain").replace(",", " with")


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _described(measured: Sequence[Measured], cut: int) -> str:
    """The chart for those who cannot see it."""
    length = len(measured[0].whole.norms)
    ends = "; ".join(f"{one.kind.name} {readable(float(one.whole.norms[-1]))}" for one in measured)
    stops = f" Truncation cuts them off after {cut} steps." if cut < length else ""
    return (
        f"Line chart, logarithmic: the norm of the gradient over the distance from the end. All begin at 1; "
        f"{length - 1} steps back are left: {ends}.{stops}"
    )
