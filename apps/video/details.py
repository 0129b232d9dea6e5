"""Labels of a video as HTML: a strip of segments, probabilities over time, and a picture of each."""

import base64
import colorsys
import io
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

    from seqcore.tasks.video import FrameLabels, Segment

MOST_PICTURES = 60
_MOST_CURVES = 8
_WIDTH, _STRIP, _CURVE = 1000, 34, 40
_GOLDEN = 0.618


def colour(number: int) -> str:
    """Of a class; neighbours differ."""
    red, green, blue = colorsys.hls_to_rgb((0.6 + number * _GOLDEN) % 1, 0.55, 0.6)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"


def timeline(found: "FrameLabels", labels: Sequence[str]) -> str:
    """A strip of coloured segments, and under it the probabilities of the classes that matter most."""
    end = found.times[-1] + 1 / found.fps
    number = {label: i for i, label in enumerate(labels)}
    strip = "".join(
        f'<rect x="{_WIDTH * one.start / end:.1f}" width="{max(1.5, _WIDTH * (one.end - one.start) / end):.1f}" '
        f'height="{_STRIP}" fill="{colour(number[one.label])}"><title>{escape(told(one))}</title></rect>'
        for one in found.segments
    )
    shares = found.probabilities.mean(0)
    order = [i for i in shares.argsort(descending=True).tolist() if float(found.probabilities[:, i].max()) > 0.2]
    curves = "".join(_curve(found, i, labels[i], row, end) for row, i in enumerate(order[:_MOST_CURVES]))
    height = _STRIP + 10 + _CURVE * min(len(order), _MOST_CURVES)
    spoken = f"{len(found.segments)} segments in {end:.1f} seconds"
    box = f'viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{spoken}"'
    drawn = f'<svg {box} class="sq-timeline">{strip}{curves}</svg>'
    names = "".join(
        f'<li><span style="background:{colour(i)}"></span>{escape(labels[i])}</li>' for i in order[:_MOST_CURVES]
    )
    note = "The label of every moment above, and how likely each of the main classes was beneath."
    return f'<div class="sq-note"><h3>Over time</h3><p>{note}</p></div>{drawn}<ul class="sq-legend">{names}</ul>'


def gallery(segments: "Sequence[Segment]", shown: "Sequence[Image]") -> str:
    """A picture from the middle of each segment, with its label."""
    parts = []
    for one, image in zip(segments, shown, strict=False):
        file = io.BytesIO()
        image.save(file, "JPEG", quality=80)
        data = base64.b64encode(file.getvalue()).decode()
        parts.append(
            f'<figure class="sq-look"><img src="data:image/jpeg;base64,{data}" alt="A frame of {escape(one.label)}">'
            f"<figcaption><span>{escape(one.label)}</span> <small>{one.start:.2f}–{one.end:.2f} s</small></figcaption>"
            "</figure>"
        )
    rest = len(segments) - len(shown)
    more = f'<p class="sq-more">{rest} more are in the files.</p>' if rest > 0 else ""
    return f'<div class="sq-note"><h3>Segments</h3></div><div class="sq-looks">{"".join(parts)}</div>{more}'


def told(segment: "Segment") -> str:
    """A segment in a line."""
    return f"{segment.start:.2f}–{segment.end:.2f} s: {segment.label}, {100 * segment.confidence:.0f} %"


def now(label: str | None, passed: Sequence[str], rate: float) -> str:
    """What a live picture shows, and what it has shown."""
    shown = escape(label or "…")
    past = "".join(f"<li>{escape(one)}</li>" for one in passed)
    said = f"{rate:.0f} frames a second" if rate else "waiting for the camera"
    return f'<div class="sq-note" role="status"><h3>{shown}</h3><p>{said}</p></div><ol class="sq-past">{past}</ol>'


def _curve(found: "FrameLabels", number: int, label: str, row: int, end: float) -> str:
    base = _STRIP + 10 + _CURVE * (row + 1) - 4
    step = max(1, len(found.times) // 1000)
    values = found.probabilities[:, number].tolist()
    points = [
        f"{_WIDTH * time / end:.1f},{base - (_CURVE - 8) * max(values[i * step : (i + 1) * step]):.1f}"
        for i, time in enumerate(found.times[::step])
    ]
    first, last = points[0].split(",")[0], points[-1].split(",")[0]
    shape = f"{first},{base} {' '.join(points)} {last},{base}"
    return f'<polygon points="{shape}" fill="{colour(number)}" opacity="0.85"><title>{escape(label)}</title></polygon>'
