"""The first page: the same bricks, joined in as many ways as there are kinds of sequence problem."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _GAP = 62, 16  # of a brick, and between two of them
_OUT, _STEP, _IN = (2, 30), (54, 36), (112, 30)  # the rows of a picture: top and height of their bricks
_HEIGHT = 144


@dataclass(frozen=True)
class UnrolledDiagram:
    """An LSTM, unrolled: what goes into each step from below, and what comes out above. An empty word is no brick."""

    into: Sequence[str]
    out: Sequence[str]
    step: str = "LSTM"


@dataclass(frozen=True)
class Card:
    """One way to join the bricks, and the page where that is at work."""

    title: str
    page: str
    kind: str
    summary: str
    diagram: UnrolledDiagram


def home_page(cards: Sequence[Card]) -> str:
    """The whole first page as HTML."""
    intro = (
        "One LSTM reads a sequence into a memory; another one, or a small head, turns that memory into an answer. "
        "Each blue brick is the LSTM at one step; what goes in stands below it, what comes out above."
    )
    listed = "".join(f'<li class="sq-card">{_card(card)}</li>' for card in cards)
    return f'<div class="sq-head"><h1>seqcore</h1><p>{intro}</p></div><ul class="sq-cards">{listed}</ul>'


def draw(diagram: UnrolledDiagram, description: str) -> str:
    """A diagram as SVG in the page's own colours, which `description` tells to those who cannot see it."""
    parts = []
    last = len(diagram.into) - 1
    for number, (word, answer) in enumerate(zip(diagram.into, diagram.out, strict=True)):
        left = 1 + number * (_WIDTH + _GAP)
        middle = left + _WIDTH // 2
        parts.append(_brick("step", left, _STEP, diagram.step))
        if word:
            parts += [_brick("in", left, _IN, word), _arrow(middle, _IN[0], middle, sum(_STEP))]
        if answer:
            parts += [_brick("out", left, _OUT, answer), _arrow(middle, _STEP[0], middle, sum(_OUT))]
        if number < last:
            height = _STEP[0] + _STEP[1] // 2
            parts.append(_arrow(left + _WIDTH, height, left + _WIDTH + _GAP, height))
    width = 2 + len(diagram.into) * (_WIDTH + _GAP) - _GAP
    box = f'viewBox="0 0 {width} {_HEIGHT}" width="{width}" height="{_HEIGHT}"'
    return f'<svg class="sq-bricks" role="img" aria-label="{escape(description)}" {box}>{"".join(parts)}</svg>'


def _card(card: Card) -> str:
    picture = draw(card.diagram, f"{card.kind}: {_as_sentence(card.diagram)}")
    return (
        f'{picture}<p class="sq-kind">{escape(card.kind)}</p>'
        f'<h2><a href="{escape(card.page)}">{escape(card.title)}</a></h2><p>{escape(card.summary)}</p>'
    )


def _as_sentence(diagram: UnrolledDiagram) -> str:
    """A picture in a sentence."""
    into, out = ([word for word in row if word] for row in (diagram.into, diagram.out))
    steps = f"{len(diagram.into)} steps of an LSTM" if len(diagram.into) > 1 else f"one {diagram.step}"
    return f"{', '.join(into)} into {steps}, and out comes {', '.join(out)}"


def _brick(kind: str, left: int, row: tuple[int, int], word: str) -> str:
    top, height = row
    place = f'x="{left + _WIDTH / 2:g}" y="{top + height / 2:g}"'
    return (
        f'<rect class="sq-{kind}" x="{left}" y="{top}" width="{_WIDTH}" height="{height}" rx="7"/>'
        f'<text class="sq-{kind}" {place} dy="0.35em" text-anchor="middle">{escape(word)}</text>'
    )


def _arrow(x: int, y: int, to_x: int, to_y: int) -> str:
    """A line with a head, to the right or upwards; it keeps a little away from both bricks."""
    if y == to_y:
        return f'<path d="M{x + 2} {y}H{to_x - 3}m-4 -4l4 4l-4 4"/>'
    return f'<path d="M{x} {y - 2}V{to_y + 3}m-4 4l4 -4l4 4"/>'
