"""A classified text, as HTML: the verdict, what each word adds to it, and how it came about word by word."""

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqcore.tasks.sentiment import Sentiment

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _EDGE = 640.0, 190.0, 74.0, 8.0, 14.0  # of the chart, in its own units
_MOST_POINTS = 300  # that say something of their own
_WEAK = 0.15  # of the strongest contribution: what is less is neither drawn strongly nor reached with the keyboard


def verdict(result: "Sentiment") -> str:
    """The label, a bar for each class, and what is unusual about the answer."""
    bars = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td><span class="sq-bar" style="--part:{value:.4f}"></span></td>'
        f"<td>{percent(value)}</td></tr>"
        for name, value in result.probabilities.items()
    )
    notes = "".join(f'<p class="sq-caution">{escape(note)}</p>' for note in cautions(result))
    label = escape(result.label.replace("|", ", ")) or "none of the labels"
    return (
        f'<div class="sq-verdict"><p><strong>{label}</strong>{" – unsure" * result.unsure}</p>'
        f"<table>{bars}</table>{notes}</div>"
    )


def cautions(result: "Sentiment") -> list[str]:
    """What a reader of the answer should know."""
    notes = []
    if result.out_of_domain:
        notes.append(
            "This is not a language that the model has learned: its answer means little."
            if any(letter.isalpha() for letter in result.text)
            else "There are no words here: the answer means nothing."
        )
    elif result.unsure:
        notes.append("The probability is within the band that counts as unsure.")
    if result.characters_cut:
        notes.append(f"The last {result.characters_cut:,} characters were not read: the text is too long.")
    return notes


def percent(value: float) -> str:
    """A probability as people read it; never 100 % of what is not certain."""
    return f"{100 * min(value, 0.9999):.1f} %" if value < 0.995 else f"{100 * min(value, 0.9999):.2f} %"


def words(result: "Sentiment") -> str:
    """The text, each word coloured and underlined by what it adds."""
    if not result.attributions:
        return _part("What each word adds", "This text is too long for its words to be weighed one by one.")
    toward, against, sign = _directions(result)
    strongest = max(map(abs, result.attributions)) or 1.0
    spans = "".join(
        _word(word, sign * value / strongest, f"{toward if sign * value >= 0 else against} {abs(value):.2f}", after)
        for word, value, after in zip(result.tokens, result.attributions, _afterwards(result), strict=True)
    )
    legend = (
        f'<span class="sq-key sq-for">toward {escape(toward)}</span> '
        f'<span class="sq-key sq-against">toward {escape(against)}</span>'
    )
    note = (
        f"{legend} Integrated gradients: the log-odds of {escape(result.label or 'the likeliest label')} are "
        f"{result.logit:.2f}, of which a text without words has {result.baseline:.2f} and the words add the rest. "
        "Point at a word, or reach a strong one with Tab, for its part."
    )
    return f'{_part("What each word adds", note)}<p class="sq-words" dir="auto">{spans}</p>'


def chart(result: "Sentiment", labels: "Sequence[str]") -> str:
    """A line: the probability after each word, as the LSTM reads."""
    if not result.trajectory:
        return ""
    number = _shown(result, labels)
    values = [step[number] for step in result.trajectory]
    low = labels[0] if len(labels) == 2 else f"not {labels[number]}"
    across = (_WIDTH - _LEFT - _RIGHT) / max(1, len(values) - 1)
    points = [(_LEFT + i * across, _EDGE + (1 - value) * (_HEIGHT - 2 * _EDGE)) for i, value in enumerate(values)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    marks = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"><title>{escape(word.strip())}: {escape(labels[number])} '
        f"{percent(value)}</title></circle>"
        for (x, y), value, word in list(zip(points, values, result.tokens, strict=True))[:_MOST_POINTS]
        if len(points) <= _MOST_POINTS
    )
    described = (
        f"The probability of {labels[number]} after each of {len(values)} words; the last is {percent(values[-1])}"
    )
    drawing = (
        f'<svg role="img" aria-label="{escape(described)}" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" class="sq-chart">'
        f"{_rule(1, labels[number])}{_rule(0.5, '50 %', 'half')}{_rule(0, low)}"
        f'<polyline points="{line}" fill="none"></polyline>{marks}</svg>'
    )
    note = "The LSTM reads from left to right; after each word, this is what it would say if the text ended there."
    return _part("How the verdict came about", note) + drawing


def table(rows: "Sequence[tuple[str, Sentiment]]") -> str:
    """Texts and their labels."""
    body = "".join(
        f'<tr><td dir="auto">{escape(_short(text))}</td><td>{escape(result.label or "none")}'
        f"{' ?' * result.unsure}</td><td>{percent(result.probability)}</td></tr>"
        for text, result in rows
    )
    head = "<thead><tr><th>Text</th><th>Label</th><th>Probability</th></tr></thead>"
    listed = f'<table class="sq-results">{head}<tbody>{body}</tbody></table>'
    return f'<div class="sq-scroll" tabindex="0" role="region" aria-label="Results">{listed}</div>'


def _word(word: str, strength: float, said: str, after: str) -> str:
    kind = "sq-for" if strength >= 0 else "sq-against"
    strong = abs(strength) >= _WEAK
    lead = word[: len(word) - len(word.lstrip())]
    told = f"“{escape(word.strip())}”: toward {escape(said)}; so far {escape(after)}"
    return (
        f'{escape(lead)}<span class="sq-word-part {kind}" style="--strength:{abs(strength):.2f}"'
        f'{" tabindex=0" * strong}>{escape(word[len(lead) :])}<span class="sq-tip" role="tooltip">{told}</span></span>'
    )


def _directions(result: "Sentiment") -> tuple[str, str, int]:
    """What contributions speak for: which class the blue ones, which the orange ones, and the sign that turns them."""
    labels = list(result.probabilities)
    if len(labels) == 2 and "|" not in result.label and result.label in labels:
        return labels[1], labels[0], 1 if result.label == labels[1] else -1
    label = max(result.probabilities, key=lambda name: result.probabilities[name])
    return label, f"other than {label}", 1


def _shown(result: "Sentiment", labels: "Sequence[str]") -> int:
    if len(labels) == 2:
        return 1
    return max(range(len(labels)), key=lambda i: result.probabilities[labels[i]])


def _afterwards(result: "Sentiment") -> list[str]:
    labels = list(result.probabilities)
    number = _shown(result, labels)
    return [f"{labels[number]} {percent(step[number])}" for step in result.trajectory]


def _rule(value: float, label: str, kind: str = "") -> str:
    y = _EDGE + (1 - value) * (_HEIGHT - 2 * _EDGE)
    short = label if len(label) <= 11 else f"{label[:10]}…"
    return (
        f'<line x1="{_LEFT:.0f}" x2="{_WIDTH - _RIGHT:.0f}" y1="{y:.1f}" y2="{y:.1f}" class="{kind}"></line>'
        f'<text x="{_LEFT - 8:.0f}" y="{y + 4:.1f}" text-anchor="end">{escape(short)}</text>'
    )


def _part(title: str, note: str) -> str:
    return f'<div class="sq-note"><h3>{title}</h3><p>{note}</p></div>'


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else f"{line[:159]}…"
