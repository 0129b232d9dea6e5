"""Results → what a page shows of them: matplotlib figures as SVG, and small pieces of HTML.

Figures are made with the `Figure` object alone: pyplot keeps a global list of figures, which threads would share.
"""

import io
import re
import unicodedata
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from apps.ui.layout import part

# Text stays text in the SVG: the reader's own fonts draw it, so that every script and every emoji is legible.
matplotlib.rcParams["svg.fonttype"] = "none"
# Matplotlib measures text with a font that lacks many glyphs. The browser draws them, so its warning says nothing.
warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")

INK = "#010203"  # stands for the page's text colour, whatever that is: light and dark pages both
_ACCENT = (0.39, 0.40, 0.95)
_WARM = (0.85, 0.33, 0.03)
MAX_AXIS = 120
_POINTS_PER_INCH = 72.0


def piece_labels(pieces: Sequence[str]) -> list[str]:
    """Sentencepiece pieces as people read them: `▁Hun`, `de` → `Hun`, `·de`; marks in angle brackets."""
    labels = []
    for piece in pieces:
        if mark := re.fullmatch(r"</?(?:2)?([a-z]+)>", piece):
            labels.append(f"⟨{'end' if piece == '</s>' else mark[1]}⟩")
        elif piece.startswith("▁"):
            labels.append(piece[1:] or "␣")
        elif labels and any(character.isalnum() for character in piece):
            labels.append(f"·{piece}")
        else:
            labels.append(piece)
    return [_printable(label) for label in labels]


def attention_figure(source_tokens: Sequence[str], tokens: Sequence[str], attention: Any) -> Figure:
    """A heat map of attention: a row a target piece, a column a source piece, deeper colour for more of it.

    `attention` is (T, S), a tensor or an array. Cells keep a size that can be read: a long sentence makes a wide
    figure. Pieces after the first 120 of an axis are left out.
    """
    rows = piece_labels(tokens[:MAX_AXIS])
    columns = piece_labels(source_tokens[:MAX_AXIS])
    weights = [[float(weight) for weight in row[: len(columns)]] for row in attention[: len(rows)]]
    cell = min(max(560.0 / max(len(columns), 1), 15.0), 28.0)
    size = min(max(cell * 0.62, 8.5), 11.0)
    width, height = (max(len(labels), 1) * cell / _POINTS_PER_INCH for labels in (columns, rows))

    figure = Figure(figsize=(width, height), facecolor="none")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), facecolor="none")
    strongest = max((weight for row in weights for weight in row), default=0.0) or 1.0
    # Opacity carries the weight, so the same picture is right on a white page and on a black one.
    picture = [[(*_ACCENT, min(max(weight / strongest, 0.0), 1.0)) for weight in row] for row in weights]
    if rows and columns:
        axes.imshow(picture, interpolation="none", aspect="auto")
    # No mathematics in labels: a text may hold dollar signs.
    text: dict[str, Any] = {"fontsize": size, "color": INK, "parse_math": False}
    axes.set_xticks(range(len(columns)), columns, rotation=90, **text)
    axes.set_yticks(range(len(rows)), rows, **text)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, pad=4)
    for spine in axes.spines.values():
        spine.set(edgecolor=INK, alpha=0.15)
    return figure


@dataclass(frozen=True)
class Line:
    """A line of a chart: numbers over places, in one of the looks of `LOOKS`; or its points, not joined."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    look: str = "truth"
    joined: bool = True


# Told apart without colour too: by width, dashes and marks.
LOOKS: dict[str, dict[str, Any]] = {
    "truth": {"color": INK, "linewidth": 1.1, "alpha": 0.75},
    "first": {"color": _ACCENT, "linewidth": 1.9, "marker": "o", "markersize": 3.2},
    "second": {"color": _WARM, "linewidth": 1.6, "linestyle": (0, (4, 2)), "marker": "s", "markersize": 3.2},
}


def line_figure(
    lines: Sequence[Line], x_label: str, y_label: str, band: tuple[float, float] | None = None, at: float | None = None
) -> Figure:
    """Lines over one axis, named above it.

    Args:
        band: from where to where the ground is shaded.
        at: where a vertical line stands.
    """
    figure = Figure(figsize=(8.4, 2.9), facecolor="none")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), facecolor="none")
    if band is not None:
        axes.axvspan(*band, facecolor=(*_WARM, 0.16), edgecolor=(*_WARM, 0.9), linewidth=0.8, hatch="//", fill=True)
    if at is not None:
        axes.axvline(at, color=INK, linewidth=1.0, linestyle=":")
    for line in lines:
        apart: dict[str, Any] = {} if line.joined else {"linestyle": "none", "markersize": 7}
        axes.plot(line.x, line.y, label=line.label, **{**LOOKS[line.look], **apart})
    axes.margins(x=0.01)
    axes.set_xlabel(x_label, color=INK, fontsize=10, parse_math=False)
    axes.set_ylabel(y_label, color=INK, fontsize=10, parse_math=False)
    axes.tick_params(colors=INK, labelsize=9, length=3)
    for name, spine in axes.spines.items():
        spine.set(edgecolor=INK, alpha=0.3, visible=name in ("left", "bottom"))
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, frameon=False, labelcolor=INK, fontsize=10)
    return figure


def svg(figure: Figure, description: str) -> str:
    """A figure as inline SVG in the page's own text colour, with a description for those who cannot see it."""
    FigureCanvasSVG(figure)
    drawing = io.StringIO()
    figure.savefig(
        drawing, format="svg", transparent=True, bbox_inches="tight", pad_inches=0.05,
        metadata={"Creator": None, "Date": None, "Format": None, "Type": None},
    )  # fmt: skip
    text = drawing.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    return text.replace("<svg ", f'<svg role="img" aria-label="{escape(description)}" ', 1)


def confidence_strip(tokens: Sequence[str], probabilities: Sequence[float], looked_at: Sequence[str] = ()) -> str:
    """The pieces of a text in a row, each with its probability beneath and shaded by the doubt in it.

    A piece that is pointed at, or reached with the keyboard, says in a sentence what its shade says, and at which piece
    of the source (`looked_at`, one for each token, or none) the model looked most.
    """
    words: list[str] = []
    for place, (piece, label) in enumerate(zip(tokens, piece_labels(tokens), strict=True)):
        if piece == "</s>":
            continue
        probability = min(max(probabilities[place], 0.0), 1.0)
        shown = escape(label.removeprefix("·"))
        tip = f"“<span dir='auto'>{shown}</span>”: {100 * probability:.1f} % sure"
        if place < len(looked_at):
            tip += f", looked most at “<span dir='auto'>{escape(looked_at[place])}</span>”"
        chip = (
            f'<span class="sq-piece" style="--doubt:{1.0 - probability:.2f}" tabindex="0"><bdi>{shown}</bdi>'
            f'<small>{100 * probability:.0f}</small><span class="sq-tip" role="tooltip" dir="ltr">{tip}</span></span>'
        )
        # Pieces of one word stand close together and on one line.
        if piece.startswith("▁") or not words:
            words.append(chip)
        else:
            words[-1] += chip
    grouped = "".join(f'<span class="sq-word">{word}</span>' for word in words)
    return f'<div class="sq-strip" dir="{direction("".join(tokens))}">{grouped}</div>'


def direction(text: str) -> str:
    """Tell which way a text is written, `ltr` or `rtl`, by its first letter that says it (UAX 9)."""
    kinds = map(unicodedata.bidirectional, text)
    return "rtl" if next((kind for kind in kinds if kind in ("L", "R", "AL")), "L") != "L" else "ltr"


def ranking(results: Sequence[Any], title: str) -> str:
    """The best of a search as a table with their scores, if there are several; `title` heads their texts."""
    if len(results) == 1:
        return ""
    rows = "".join(
        f'<tr><td>{rank}</td><td dir="auto">{escape(_printable(result.text.strip())) or "<em>(nothing)</em>"}</td>'
        f"<td>{result.score:.3f}</td></tr>"
        for rank, result in enumerate(results, start=1)
    )
    note = "Scores are log-probabilities for the length: the nearer to 0, the better."
    return part("The best it found", note) + (
        f'<table class="sq-ranking"><thead><tr><th>#</th><th>{escape(title)}</th><th>Score</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _printable(text: str) -> str:
    """Control characters, which neither SVG nor HTML may hold, as the replacement sign."""
    return "".join("�" if unicodedata.category(character) in ("Cc", "Cs") else character for character in text)
