"""Labels of a video as HTML: a strip of segments, probabilities over time, and a picture of each."""

import colorsys
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from apps.ui.layout import part, scrolling
from apps.ui.pictures import jpeg_uri
from apps.ui.progress import progress_bar

if TYPE_CHECKING:
    from PIL.Image import Image

    from seqcore.tasks.video import FrameLabels, Segment

MAX_PICTURES = 60
MAX_ROWS = 1000
# A click on anything that says when it is: the players go there, and the page is told.
PICK = """
element.addEventListener('click', event => {
  const chosen = event.target.closest('[data-at]');
  if (!chosen) return;
  const at = Number(chosen.dataset.at);
  for (const film of document.querySelectorAll('#video video, #film video')) { film.pause(); film.currentTime = at; }
  trigger('click', {at});
});
"""
_MAX_CURVES = 8
_TICKS = 4  # parts of the time under the curves
_WIDTH, _STRIP, _CURVE = 1000, 34, 40
_GOLDEN = 0.618


def colour(number: int) -> str:
    """Of a class; neighbours differ."""
    red, green, blue = colorsys.hls_to_rgb((0.6 + number * _GOLDEN) % 1, 0.55, 0.6)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"


def middle(segment: "Segment") -> float:
    """When the frame that stands for a segment is shown, in seconds."""
    return (segment.start + segment.end) / 2


def timeline(result: "FrameLabels", labels: Sequence[str]) -> str:
    """A strip of coloured segments, and under it the probabilities of the classes that matter most."""
    end = result.duration
    number = {label: i for i, label in enumerate(labels)}
    strip = "".join(
        f'<rect x="{_WIDTH * one.start / end:.1f}" width="{max(1.5, _WIDTH * (one.end - one.start) / end):.1f}" '
        f'height="{_STRIP}" fill="{colour(number[one.label])}" data-at="{middle(one)}">'
        f"<title>{escape(segment_title(one))}</title></rect>"
        for one in result.segments
    )
    shares = result.probabilities.mean(0)
    order = [i for i in shares.argsort(descending=True).tolist() if float(result.probabilities[:, i].max()) > 0.2]
    curves = "".join(_curve(result, i, labels[i], row, end) for row, i in enumerate(order[:_MAX_CURVES]))
    height = _STRIP + 10 + _CURVE * min(len(order), _MAX_CURVES)
    description = f"{len(result.segments)} segments in {end:.1f} seconds"
    box = f'viewBox="0 0 {_WIDTH} {height}" preserveAspectRatio="none" role="img" aria-label="{description}"'
    drawn = f'<svg {box} class="sq-timeline" style="height:{height}px">{strip}{curves}</svg>'
    ticks = "".join(f"<span>{end * part / _TICKS:.1f} s</span>" for part in range(_TICKS + 1))
    names = "".join(
        f'<li><span style="background:{colour(i)}"></span>{escape(labels[i])}</li>' for i in order[:_MAX_CURVES]
    )
    note = (
        "Above, the label of every moment: click on one to see it. Beneath, how likely each class was, in this order:"
    )
    head = f'{part("Over time", note)}<ul class="sq-legend">{names}</ul>'
    return f'{head}{drawn}<div class="sq-ticks" aria-hidden="true">{ticks}</div>'


def gallery(segments: "Sequence[Segment]", shown: "Sequence[Image]") -> str:
    """A picture from the middle of each segment, with its label; then a table of them."""
    parts = []
    for one, image in zip(segments, shown, strict=False):
        parts.append(
            f'<button type="button" class="sq-look" data-at="{middle(one)}" title="Look at it">'
            f'<img src="{jpeg_uri(image)}" alt="A frame of {escape(one.label)}">'
            f"<span><span>{escape(one.label)}</span> <small>{one.start:.2f}–{one.end:.2f} s</small></span></button>"
        )
    rest = len(segments) - len(shown)
    more = f'<p class="sq-more">Pictures of {rest} more are not shown.</p>' if rest > 0 else ""
    return f'{part("Segments")}<div class="sq-looks">{"".join(parts)}</div>{more}{_table(segments)}'


def _table(segments: "Sequence[Segment]") -> str:
    """Label, begin, end and confidence of each segment."""
    rows = "".join(
        f'<tr data-at="{middle(one)}"><td>{escape(one.label)}</td><td>{one.start:.2f}</td><td>{one.end:.2f}</td>'
        f"<td>{100 * one.confidence:.0f} %</td></tr>"
        for one in segments[:MAX_ROWS]
    )
    rest = len(segments) - MAX_ROWS
    more = f'<p class="sq-more">{rest:,} more are in the files.</p>' if rest > 0 else ""
    head = "<thead><tr><th>Label</th><th>From, s</th><th>To, s</th><th>How sure</th></tr></thead>"
    listed = f'<table class="sq-results">{head}<tbody>{rows}</tbody></table>'
    return scrolling(listed, "Segments", "sq-scroll sq-tall") + more


def bar(done: int, expected: int, seconds: float, title: str = "", over: bool = False) -> str:
    """How far it is, with frames a second; `expected` is 0 where a film does not say how long it is."""
    shown = progress_bar(done, max(expected, done, 1), seconds, "frame", "Labels", title, over)
    if not over and expected <= done:
        shown = f'<div class="sq-progress"><progress aria-label="Labels"></progress><p>{done:,} frames</p></div>'
    rate = f", {done / seconds:,.0f} a second" if done and seconds else ""
    return shown.replace("</p>", f"{rate}</p>")


def cut_short(result: "FrameLabels") -> str:
    """Said where a film ends before its end; nothing where it does not."""
    if result.cut_short is None:
        return ""
    told = result.cut_short.describe(result.duration, len(result.times))
    return f'<div class="sq-note" role="status"><h2>Not the whole film</h2><p>This film {escape(told)}.</p></div>'


def no_stream(model: str) -> str:
    """Said where a model that reads whole films is to follow a live picture."""
    message = f"{model} reads whole films, there and back. Record one under “Film”, or choose another model."
    head = "<h2>This model cannot follow a live picture</h2>"
    return f'<div class="sq-note" role="status">{head}<p>{escape(message)}</p></div>'


def segment_title(segment: "Segment") -> str:
    """A segment in a line."""
    return f"{segment.start:.2f}–{segment.end:.2f} s: {segment.label}, {100 * segment.confidence:.0f} %"


def live_label(label: str | None, passed: Sequence[str], rate: float) -> str:
    """What a live picture shows, and what it has shown."""
    shown = escape(label or "…")
    past = "".join(f"<li>{escape(one)}</li>" for one in passed)
    status = f"{rate:.0f} frames a second" if rate else "waiting for the camera"
    return f'<div class="sq-note" role="status"><h2>{shown}</h2><p>{status}</p></div><ol class="sq-past">{past}</ol>'


def _curve(result: "FrameLabels", number: int, label: str, row: int, end: float) -> str:
    base = _STRIP + 10 + _CURVE * (row + 1) - 4
    step = max(1, len(result.times) // 1000)
    values = result.probabilities[:, number].tolist()
    points = [
        f"{_WIDTH * time / end:.1f},{base - (_CURVE - 8) * max(values[i * step : (i + 1) * step]):.1f}"
        for i, time in enumerate(result.times[::step])
    ]
    first, last = points[0].split(",")[0], points[-1].split(",")[0]
    shape = f"{first},{base} {' '.join(points)} {last},{base}"
    return f'<polygon points="{shape}" fill="{colour(number)}" opacity="0.85"><title>{escape(label)}</title></polygon>'
