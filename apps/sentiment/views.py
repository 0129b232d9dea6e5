"""Classified texts as HTML: the verdict on one and the reasons for it, and a table of many."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from apps.ui.layout import part, scrolling

if TYPE_CHECKING:
    from seqcore.tasks.sentiment import Sentiment

MAX_BARS = 8
_MAX_SHOWN = 160  # Characters of a text in a table.
_WEAK = 0.15  # Of the strongest contribution: what is less is not reached with the keyboard.
_MAX_STEPS = 240  # Of the chart that can be pointed at.
_MAX_DOTS = 80


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
    body = "".join(_row(*row) for row in rows)
    return scrolling(f'<table class="sq-results">{head}<tbody>{body}</tbody></table>', "Results")


def _row(text: str, result: "Sentiment") -> str:
    line = " ".join(text.split())
    line = line if len(line) <= _MAX_SHOWN else f"{line[: _MAX_SHOWN - 1]}…"
    doubt = "out of its domain" if result.out_of_domain else "unsure" if result.unsure else ""
    note = f"<small>{doubt}</small>" if doubt else ""
    return (
        f'<tr><td dir="auto">{escape(line) or "<em>(nothing)</em>"}</td><td>{escape(spoken(result.label))}{note}</td>'
        f"<td>{percent(result.probability)}</td></tr>"
    )


def reasons(result: "Sentiment", multi_label: bool = False) -> str:
    """What each word adds, and how the verdict moves while the LSTM reads; nothing of a text without words."""
    return _words(result, multi_label) + _chart(result, multi_label) if result.tokens else ""


def _words(result: "Sentiment", multi_label: bool) -> str:
    """The text, each word coloured and underlined by what it adds."""
    title = "What each word adds"
    if not result.attributions:
        return part(title, "This text is too long for its words to be weighed one by one.")
    label = _likeliest(result)
    names = list(result.probabilities)
    # Of two classes the second is always blue, whichever the verdict is; else blue speaks for the likeliest label.
    two = len(names) == 2 and not multi_label
    sides = (f"toward {names[1]}", f"toward {names[0]}") if two else (f"toward {label}", f"away from {label}")
    sign = -1.0 if two and label == names[0] else 1.0
    strongest = max(map(abs, result.attributions)) or 1.0
    spans = "".join(
        _word(word, sign * value / strongest, f"{abs(value):.2f} {sides[sign * value < 0]}", so_far)
        for word, value, so_far in zip(result.tokens, result.attributions, _verdicts(result, multi_label), strict=True)
    )
    legend = "".join(
        f'<span class="sq-key {kind}">{escape(side)}</span> '
        for kind, side in zip(("sq-for", "sq-against"), sides, strict=True)
    )
    logit, baseline, added = (
        f"{value:+.2f}".replace("-", "−") for value in (result.logit, result.baseline, result.logit - result.baseline)
    )
    note = (
        f"{legend}– the stronger, the deeper the colour and the thicker the line. The log-odds of {escape(label)} are "
        f"{logit}: {baseline} for a text that says nothing, and {added} from the words (integrated gradients). "
        "Point at a word, or reach a strong one with Tab, for its part."
    )
    return f'{part(title, note)}<p class="sq-words" dir="auto">{spans}</p>'


def _word(word: str, strength: float, share: str, so_far: str) -> str:
    kind = "sq-for" if strength >= 0 else "sq-against"
    inner = word.lstrip()
    lead = word[: len(word) - len(inner)]
    tip = f"“{escape(inner)}”: {escape(share)}. Up to here: {escape(so_far)}"
    reached = ' tabindex="0"' if abs(strength) >= _WEAK else ""
    return (
        f'{escape(lead)}<span class="sq-word-part {kind}" style="--strength:{abs(strength):.2f}"{reached}>'
        f'{escape(inner)}<span class="sq-tip" role="tooltip">{tip}</span></span>'
    )


def _chart(result: "Sentiment", multi_label: bool) -> str:
    """A line: the probability after each word. Every step of a text that is not too long tells its word."""
    names = list(result.probabilities)
    two = len(names) == 2 and not multi_label
    name = names[1] if two else _likeliest(result)
    values = [step[names.index(name)] for step in result.trajectory]
    count = len(values)
    line = " ".join(f"{(i + 0.5) / count * 100:.2f},{100 * (1 - value):.2f}" for i, value in enumerate(values))
    verdicts = _verdicts(result, multi_label)
    every = -(-count // _MAX_STEPS)
    steps = "".join(
        f'<span style="--y:{100 * (1 - values[i]):.1f}%"><span class="sq-tip">After “{escape(result.tokens[i].strip())}'
        f"” (word {i + 1:,} of {count:,}): {escape(verdicts[i])}</span></span>"
        for i in range(every - 1, count, every)
    )
    ends = (name, names[0]) if two else (f"{name}: 100 %", "0 %")
    axis = "".join(f"<span>{escape(end)}</span>" for end in (ends[0], "50 %", ends[1]))
    description = f"The probability of {name} after each of {count:,} words; after the last it is {percent(values[-1])}"
    note = "The LSTM reads from left to right. This is what it would say if the text ended after each word."
    return (
        f'{part("How the verdict moves", note)}<div class="sq-course" role="img" aria-label="{escape(description)}">'
        f'<div class="sq-axis">{axis}</div><div class="sq-plot"><svg viewBox="0 0 100 100" preserveAspectRatio="none">'
        f'<polyline points="{line}"></polyline></svg>'
        f'<div class="sq-steps{" sq-dots" * (count <= _MAX_DOTS)}">{steps}</div></div></div>'
    )


def _verdicts(result: "Sentiment", multi_label: bool) -> list[str]:
    """What the verdict would be after each word."""
    names = list(result.probabilities)
    return [_verdict(names, step, multi_label) for step in result.trajectory]


def _verdict(names: Sequence[str], step: Sequence[float], multi_label: bool) -> str:
    if multi_label:
        chosen = [name for name, value in zip(names, step, strict=True) if value >= 0.5]
        return spoken("|".join(chosen))
    best = max(range(len(names)), key=step.__getitem__)
    return f"{names[best]}, {percent(step[best])}"


def _likeliest(result: "Sentiment") -> str:
    """The label whose log-odds are explained."""
    return max(result.probabilities, key=lambda name: result.probabilities[name])
