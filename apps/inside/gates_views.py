"""Gates → what the page shows of them: heat maps over all units, and one unit over the words or frames."""

from bisect import bisect_left
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from apps.ui.figures import INK, MAX_AXIS, piece_labels, svg
from apps.ui.layout import part, scrolling

if TYPE_CHECKING:
    from torch import Tensor

    from apps.inside.readings import Reading, Track

MAX_UNITS = 48
_POINTS_PER_INCH = 72.0
_ROW, _GAP = 3.5, 28.0  # A unit is so many points high, and two maps are so many apart.
_GATE, _ABOVE, _BELOW = (0.39, 0.40, 0.95), (0.23, 0.51, 0.96), (0.98, 0.45, 0.09)
_WEAK = 0.15  # What is less is not reached with the keyboard.
_LEGEND = '<span class="sq-key sq-for">above 0</span> <span class="sq-key sq-against">below 0</span> '
_MAPS = (
    ("forget", "Forget gate: full colour keeps the cell, none empties it"),
    ("input", "Input gate: full colour writes into the cell"),
    ("output", "Output gate: full colour lets the cell speak"),
    ("cell", "Cell state, tanh(c): blue above 0, orange below"),
)


def varying_units(track: "Track") -> list[int]:
    """The units whose cell varies most over the steps, 48 at most, the liveliest first."""
    spread = track.trace.cell[0].tanh().std(0, correction=0)
    return [int(unit) for unit in spread.argsort(descending=True, stable=True)[:MAX_UNITS]]


def maps(reading: "Reading", track: "Track", unit: int) -> str:
    """Heat maps of the three gates and the cell, a row a unit, a column a step; the chosen unit is framed."""
    units, total = varying_units(track), track.trace.cell.shape[2]
    steps = len(reading.steps) if reading.times else min(len(reading.steps), MAX_AXIS)
    drawing = svg(_figure(reading, track, units, steps, unit), _described(reading, track, unit))
    cut = f" The first {steps} of {len(reading.steps)} pieces are shown." if steps < len(reading.steps) else ""
    shown = f"the {len(units)} of {total} units" if len(units) < total else f"all {total} units"
    note = (
        f"{escape(track.name)}: {shown} whose cell varies most, the liveliest above. A row is a unit, a column a "
        f"{_step(reading)}. The frame is the unit chosen above.{cut}"
    )
    return part("All gates", note) + scrolling(drawing, "Heat maps of the gates")


def unit_view(reading: "Reading", track: "Track", unit: int) -> str:
    """What one unit's cell holds: the text coloured by it (Karpathy 2015), or a curve over a film."""
    return _curve(reading, track, unit) if reading.times else _words(reading, track, unit)


def _figure(reading: "Reading", track: "Track", units: Sequence[int], steps: int, chosen: int) -> Figure:
    cell = 640.0 / max(steps, 1) if reading.times else min(max(640.0 / max(steps, 1), 15.0), 30.0)
    width, height = max(steps, 1) * cell, len(units) * _ROW
    whole = len(_MAPS) * height + (len(_MAPS) - 1) * _GAP
    figure = Figure(figsize=(width / _POINTS_PER_INCH, whole / _POINTS_PER_INCH), facecolor="none")
    for place, (gate, title) in enumerate(_MAPS):
        bottom = whole - (place + 1) * height - place * _GAP
        axes = figure.add_axes((0.0, bottom / whole, 1.0, height / whole), facecolor="none")
        values = getattr(track.trace, gate)[0, :steps][:, list(units)]
        axes.imshow(_colours(values, gate == "cell"), interpolation="none", aspect="auto")
        _label(axes, reading, steps, place, cell)
        axes.set_title(title, loc="left", fontsize=10, color=INK, weight="bold", pad=6)
        if chosen in units:
            row = units.index(chosen)
            frame = Rectangle((-0.5, row - 0.5), steps, 1, fill=False, edgecolor=INK, linewidth=0.9, clip_on=False)
            axes.add_patch(frame)
            axes.set_yticks([row], [f"unit {chosen}"], fontsize=9, color=INK)
        else:
            axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set(edgecolor=INK, alpha=0.15)
    return figure


def _label(axes: Any, reading: "Reading", steps: int, place: int, cell: float) -> None:
    """Steps by name: pieces above the first map, seconds beneath the last."""
    axes.tick_params(length=0, pad=4)
    axes.set_xticks([])
    if reading.times and place == len(_MAPS) - 1:
        last = reading.times[steps - 1]
        marks = [last * part / 5 for part in range(6)]
        places = [min(bisect_left(reading.times, mark), steps - 1) for mark in marks]
        axes.set_xticks(places, [f"{mark:.1f} s" for mark in marks], fontsize=9, color=INK)
    elif not reading.times and place == 0:
        axes.xaxis.tick_top()
        size = min(max(cell * 0.62, 9.0), 11.0)
        names = piece_labels(reading.steps[:steps])
        axes.set_xticks(range(steps), names, rotation=90, fontsize=size, color=INK, parse_math=False)


def _colours(values: "Tensor", two_sided: bool) -> Any:
    """(T, U) → a picture (U, T, 4) whose opacity is the value, so that it is right on white pages and on black ones."""
    import torch

    values = values.T
    if not two_sided:
        opacity, red, green, blue = values, *(torch.full_like(values, part) for part in _GATE)
    else:
        values = values.tanh()
        sides = zip(_ABOVE, _BELOW, strict=True)
        red, green, blue = (torch.where(values >= 0, above, below) for above, below in sides)
        opacity = values.abs()
    return torch.stack([red, green, blue, opacity.clamp(0, 1)], -1).numpy()


def _words(reading: "Reading", track: "Track", unit: int) -> str:
    values = track.trace.cell[0, :, unit].tanh().tolist()
    labels = piece_labels(reading.steps)
    spans = "".join(
        _word(piece, label, value, _unit_state(track, place, unit))
        for place, (piece, label, value) in enumerate(zip(reading.steps, labels, values, strict=True))
    )
    when = "as it was written" if reading.written else "after it was read"
    note = (
        f"{_LEGEND}– what the cell of unit {unit} holds, tanh(c), with each piece {when}: the further from 0, the "
        "deeper the colour and the thicker the line. Point at a piece, or reach it with Tab, for its gates."
    )
    return f'{part(f"Unit {unit}", note)}<p class="sq-words" dir="auto">{spans}</p>'


def _word(piece: str, label: str, value: float, state: str) -> str:
    kind = "sq-for" if value >= 0 else "sq-against"
    shown = escape(label.removeprefix("·"))
    blank = " " if piece.startswith(("▁", "<")) else ""
    reached = ' tabindex="0"' if abs(value) >= _WEAK else ""
    return (
        f'{blank}<span class="sq-word-part {kind}" style="--strength:{abs(value):.2f}"{reached}>{shown}'
        f'<span class="sq-tip" role="tooltip">“{shown}”: {state}</span></span>'
    )


def _curve(reading: "Reading", track: "Track", unit: int) -> str:
    values = track.trace.cell[0, :, unit].tanh().tolist()
    count = len(values)
    heights = [50 - 50 * value for value in values]
    line = " ".join(f"{(i + 0.5) / count * 100:.2f},{height:.2f}" for i, height in enumerate(heights))
    every = -(-count // 240)
    steps = "".join(
        f'<span style="--y:{heights[i]:.1f}%"><span class="sq-tip">{reading.times[i]:.2f} s, '
        f"{escape(reading.steps[i])}: {_unit_state(track, i, unit)}</span></span>"
        for i in range(0, count, every)
    )
    changes = "".join(
        f'<line x1="{i / count * 100:.2f}" x2="{i / count * 100:.2f}" y1="0" y2="100"></line>'
        for i in range(1, count)
        if reading.steps[i] != reading.steps[i - 1]
    )
    stills = "".join(f'<img src="{still}" alt="">' for still in reading.stills)
    description = f"The cell of unit {unit} over {count} frames, from {min(values):+.2f} to {max(values):+.2f}"
    note = (
        f"What the cell of unit {unit} holds, tanh(c), after each frame. Thin lines stand where the model changes its "
        "label. Point at the curve for the label and the gates."
    )
    axis = "".join(f"<span>{end}</span>" for end in ("+1", "0", "−1"))
    return (
        f'{part(f"Unit {unit}", note)}<div class="sq-stills">{stills}</div>'
        f'<div class="sq-course sq-unit" role="img" aria-label="{description}">'
        f'<div class="sq-axis">{axis}</div><div class="sq-plot"><svg viewBox="0 0 100 100" preserveAspectRatio="none">'
        f'{changes}<polyline points="{line}"></polyline></svg><div class="sq-steps">{steps}</div></div></div>'
    )


def _unit_state(track: "Track", place: int, unit: int) -> str:
    """A unit at a step, in a line."""
    trace = track.trace
    cell = f"{float(trace.cell[0, place, unit].tanh()):+.2f}".replace("-", "−")
    gates = (f"{name} {float(getattr(trace, name)[0, place, unit]):.2f}" for name in ("forget", "input", "output"))
    return f"cell {cell}, {', '.join(gates)}"


def _described(reading: "Reading", track: "Track", unit: int) -> str:
    """The maps for those who cannot see them."""
    means = {gate: float(getattr(track.trace, gate).mean()) for gate in ("forget", "input", "output")}
    averages = ", ".join(f"{gate} gate {mean:.2f}" for gate, mean in means.items())
    return (
        f"Heat maps over {len(reading.steps)} {_step(reading)}s of {track.name}: the gates and the cell of each unit. "
        f"On average: {averages}. Unit {unit} is framed."
    )


def _step(reading: "Reading") -> str:
    return "frame" if reading.times else "piece"
