"""Why a text got its label, as HTML: what each word adds, and how the verdict moves while the LSTM reads."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from apps.sentiment.details import percent, spoken
from apps.ui.layout import part

if TYPE_CHECKING:
    from seqcore.tasks.sentiment import Sentiment

_WEAK = 0.15  # of the strongest contribution: what is less is not reached with the keyboard
_MAX_STEPS = 240  # of the chart that can be pointed at
_MAX_DOTS = 80


def reasons(result: "Sentiment", multi_label: bool = False) -> str:
    """Both, of a result with an explanation; nothing of a text without words."""
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


def _word(word: str, strength: float, part: str, so_far: str) -> str:
    kind = "sq-for" if strength >= 0 else "sq-against"
    inner = word.lstrip()
    lead = word[: len(word) - len(inner)]
    told = f"“{escape(inner)}”: {escape(part)}. Up to here: {escape(so_far)}"
    reached = ' tabindex="0"' if abs(strength) >= _WEAK else ""
    return (
        f'{escape(lead)}<span class="sq-word-part {kind}" style="--strength:{abs(strength):.2f}"{reached}>'
        f'{escape(inner)}<span class="sq-tip" role="tooltip">{told}</span></span>'
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
    told = f"The probability of {name} after each of {count:,} words; after the last it is {percent(values[-1])}"
    note = "The LSTM reads from left to right. This is what it would say if the text ended after each word."
    return (
        f'{part("How the verdict moves", note)}<div class="sq-course" role="img" aria-label="{escape(told)}">'
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
