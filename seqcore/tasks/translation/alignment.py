"""Where tags of the source belong in a translation: around the words that looked at what they were around."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from seqcore.text.item_patterns import MARKS
from seqcore.text.scripts import unspaced_class
from seqcore.text.tags import TAG, Tag, matching

# Words, points, and the characters of scripts that write words without blanks between them.
_WORD = rf"[^\W{unspaced_class}](?:[{MARKS}\u200c\u200d]|[^\W{unspaced_class}])*"
_UNIT = re.compile(rf"(?:{_WORD}(?:['’-]{_WORD})*|\S)[{MARKS}\u200c\u200d]*")


@dataclass(frozen=True)
class _Node:
    """A pair of tags, or a single tag, over tokens of the source.

    Attributes:
        tags: the numbers of one or two tags.
        first, last: the tokens that they are around, the last not counted; the same for a single tag.
    """

    tags: tuple[int, ...]
    first: int
    last: int
    children: tuple["_Node", ...] = ()


def insert_tags(text: str, surfaces: Sequence[str], attention: Tensor, tags: Sequence[Tag]) -> tuple[str, list[str]]:
    """Put tags into a translation by its attention: each one once, every element closed after it was opened.

    Args:
        text: the translation.
        surfaces: the part of the text that each of its T tokens wrote.
        attention: (T, S); the first of the S tokens read is a mark and the last one the end.
        tags: in their order, their places counted in tokens read, of which the mark is the first.

    Returns:
        The text with `TAG` where the tags belong, and the tags in the order of their places.
    """
    units = [match.span() for match in _UNIT.finditer(text)]
    looks = _looks(units, surfaces, attention)
    pairs = matching(tags)
    nodes = _nodes(range(len(tags)), {} if pairs is None else pairs, tags)
    loose = [number for number, tag in enumerate(tags) if pairs is None or _is_loose(number, tag, pairs)]
    events: list[tuple[int, int, bool]] = []  # of a tag: the unit that it stands before, its number, of a pair
    _arrange(nodes, 0, len(units), looks, set(loose), events)
    return _written(text, units, [(place, tags[number], paired) for place, number, paired in events])


def _is_loose(number: int, tag: Tag, pairs: dict[int, int]) -> bool:
    """Its partner is in another sentence, so that it must keep its order among others like it."""
    return (tag.opens or tag.closes) and number not in pairs and number not in pairs.values()


def _looks(units: Sequence[tuple[int, int]], surfaces: Sequence[str], attention: Tensor) -> Tensor:
    """How much each unit looked at all tokens before each place of the source: (U, S + 1)."""
    ends = list(accumulate(map(len, surfaces)))
    rows: list[Tensor] = []
    token = 0
    for begin, end in units:
        while token < len(ends) - 1 and ends[token] <= begin:
            token += 1
        last = token
        while last < len(ends) - 1 and ends[last] < end:
            last += 1
        rows.append(attention[token : last + 1].mean(0))
    weights = torch.stack(rows).double() if rows else attention.new_zeros(0, attention.shape[1]).double()
    weights[:, -1] = 0  # What looks at the end looks at no word.
    weights = weights / weights.sum(1, keepdim=True).clamp_min(1e-9)
    return torch.cat([weights.new_zeros(len(rows), 1), weights.cumsum(1)], 1)


def _nodes(numbers: Sequence[int], pairs: dict[int, int], tags: Sequence[Tag]) -> tuple[_Node, ...]:
    nodes = []
    position = 0
    while position < len(numbers):
        number = numbers[position]
        first = tags[number].place
        if number in pairs:
            inside = range(number + 1, pairs[number])
            nodes.append(_Node((number, pairs[number]), first, tags[pairs[number]].place, _nodes(inside, pairs, tags)))
            position += len(inside) + 2
        else:
            nodes.append(_Node((number,), first, first))
            position += 1
    return tuple(nodes)


def _arrange(
    nodes: Sequence[_Node], begin: int, end: int, looks: Tensor, loose: set[int], events: list[tuple[int, int, bool]]
) -> None:
    """Give nodes of one level their places between two units, one behind the other."""
    spans = []
    furthest = begin
    for node in nodes:
        span = _segment(node, begin, end, looks)
        if node.tags[0] in loose:
            furthest = max(furthest, span[0])
            span = furthest, furthest
        spans.append(span)
    reached = begin
    for first, last, node in sorted(
        ((*span, node) for span, node in zip(spans, nodes, strict=True)), key=lambda one: (one[0], one[2].tags)
    ):
        first, last = max(first, reached), max(last, reached)
        reached = last
        paired = len(node.tags) == 2
        events.append((first, node.tags[0], paired))
        if paired:
            _arrange(node.children, first, last, looks, loose, events)
            events.append((last, node.tags[1], True))


def _segment(node: _Node, begin: int, end: int, looks: Tensor) -> tuple[int, int]:
    """The run of units that look into an element more than elsewhere; for a single tag, the best cut between units."""
    tokens = looks.shape[1] - 1
    if node.first == node.last or begin == end:
        before = looks[begin:end, min(node.first, tokens)]
        # The units before the cut should look before the place, those behind it behind.
        gains = torch.cat([before.new_zeros(1), (2 * before - looks[begin:end, -1]).cumsum(0)])
        cut = begin + int(gains.argmax())
        return cut, cut
    first = 0 if node.first <= 1 else node.first
    last = tokens if node.last >= tokens - 1 else node.last
    best, place = -1.0, (begin, begin)
    total, start = 0.0, begin
    for unit in range(begin, end):
        if total <= 0:
            total, start = 0.0, unit
        total += float(looks[unit, last] - looks[unit, first]) - 0.5
        if total > best:
            best, place = total, (start, unit + 1)
    return place


def _written(
    text: str, units: Sequence[tuple[int, int]], events: Sequence[tuple[int, Tag, bool]]
) -> tuple[str, list[str]]:
    """Write the units with the tags between them, and with blanks where there were some."""
    pieces: list[str] = []
    order: list[str] = []
    waiting = list(reversed(events))
    for unit in range(len(units) + 1):
        gap = text[units[unit - 1][1] if unit else 0 : units[unit][0] if unit < len(units) else len(text)]
        # The blanks go before the first tag that had one before it, as an opening tag has, or else behind all tags.
        gone = False
        here: list[tuple[Tag, bool]] = []
        while waiting and waiting[-1][0] == unit:
            _, tag, paired = waiting.pop()
            here.append((tag, paired))
        for number, (tag, paired) in enumerate(here):
            blank_before = not tag.closes if paired else tag.before
            glued = not paired and not tag.before and not tag.after and not gap.strip() and len(here) == 1
            if glued and 0 < unit < len(units):
                gone = True  # As in one<br/>two.
            if blank_before and not gone:
                pieces.append(gap)
                gone = True
            pieces.append(TAG)
            order.append(tag.text)
            if not paired and tag.before and tag.after and 0 < unit < len(units) and number == len(here) - 1 and gap:
                pieces.append(" ")
        if not gone:
            pieces.append(gap)
        if unit < len(units):
            pieces.append(text[slice(*units[unit])])
    return "".join(pieces), order
