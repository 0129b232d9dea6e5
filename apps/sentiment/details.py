"""Classified texts as HTML: the verdict on one, and a table of many."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from apps.ui.layout import scrolling

if TYPE_CHECKING:
    from seqcore.tasks.sentiment import Sentiment

MAX_BARS = 8
_MAX_SHOWN = 160  # characters of a text in a table


def verdict(result: "Sentiment") -> str:
    """The label, a bar for each class, and what is unusual about the answer."""
    shown = sorted(result.probabilities, key=lambda name: -result.probabilities[name])[:MAX_BARS]
    bars = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td><span class="sq-bar" style="--part:{value:.4f}"></span></td>'
        f"<td>{percent(value)}</td></tr>"
        for name, value in result.probabilities.items()
        if name in shown
    )
    others = len(result.probabilities) - len(shown)
    more = f"<p>{others} other labels are less likely.</p>" if others else ""
    notes = "".join(f'<p class="sq-caution">{escape(note)}</p>' for note in cautions(result))
    return (
        f'<div class="sq-verdict"><p class="sq-label"><strong>{escape(spoken(result.label))}</strong>'
        f"{' – unsure' * result.unsure}</p><table>{bars}</table>{more}{notes}</div>"
    )


def cautions(result: "Sentiment") -> list[str]:
    """What a reader of the answer should know."""
    notes = []
    if result.out_of_domain and any(letter.isalpha() for letter in result.text):
        notes.append("Out of its domain: this is no language that the model has learned, so the answer means little.")
    elif result.out_of_domain:
        notes.append("Out of its domain: there are no words here, so the answer means nothing.")
    elif result.unsure:
        notes.append(f"Unsure: {percent(result.probability)} is less than what counts as sure (see Settings).")
    if cut := result.characters_cut:
        last = f"last {cut:,} characters were" if cut > 1 else "last character was"
        notes.append(f"The {last} not read: the text is too long.")
    return notes


def percent(value: float) -> str:
    """A probability as people read it; never 0 or 100 % of what is not certain."""
    value = min(max(value, 0.0001), 0.9999)
    return f"{100 * value:.1f} %" if 0.005 <= value < 0.995 else f"{100 * value:.2f} %"


def spoken(label: str) -> str:
    """A label as people read it; several divided by commas."""
    return label.replace("|", ", ") or "none of the labels"


def table(rows: "Sequence[tuple[str, Sentiment]]") -> str:
    """Texts and their labels."""
    head = "<thead><tr><th>Text</th><th>Label</th><th>Probability</th></tr></thead>"
    listed = f'<table class="sq-results">{head}<tbody>{"".join(_row(*row) for row in rows)}</tbody></table>'
    return scrolling(listed, "Results")


def _row(text: str, result: "Sentiment") -> str:
    line = " ".join(text.split())
    line = line if len(line) <= _MAX_SHOWN else f"{line[: _MAX_SHOWN - 1]}…"
    doubt = "out of its domain" if result.out_of_domain else "unsure" if result.unsure else ""
    note = f"<small>{doubt}</small>" if doubt else ""
    return (
        f'<tr><td dir="auto">{escape(line) or "<em>(nothing)</em>"}</td><td>{escape(spoken(result.label))}{note}</td>'
        f"<td>{percent(result.probability)}</td></tr>"
    )
