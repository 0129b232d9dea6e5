"""Entities that a translator must not touch, as numbers, addresses and emoji: they travel as placeholders."""

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from seqcore.text.item_patterns import hint_pattern, item_pattern
from seqcore.text.scripts import is_unspaced, script_of
from seqcore.text.tags import without_tags

PLACEHOLDER = "\ue000"  # It is of Unicode's private use area, so no text means it.
LATIN = ("latin",)
_NAMES_EVERY = 16
_NAME = re.compile(r"(?<!\w)[A-Z][a-zà-öø-ÿ]{2,}(?!\w)")
_ATTACHING = ("arabic", "hebrew", "hangul")  # Short words of these are written together with a number.


def mask_entities(text: str, scripts: tuple[str, ...] = LATIN) -> tuple[str, tuple[str, ...]]:
    """Put `PLACEHOLDER` in the place of every item, and give the items in their order (Crego et al. 2016).

    Args:
        text: of any length.
        scripts: what is read and written; words of other scripts are items.

    Example:
        >>> masked, items = mask_entities("Call 555-1234 at 9:30.")
        >>> masked == f"Call {PLACEHOLDER} at {PLACEHOLDER}.", items
        (True, ('555-1234', '9:30'))
        >>> unmask_entities(f"Um {PLACEHOLDER} anrufen.", ["9:30"])
        'Um 9:30 anrufen.'
    """
    items: list[str] = []

    def take(match: re.Match[str]) -> str:
        items.append(match[0])
        return PLACEHOLDER

    text = text.replace(PLACEHOLDER, " ")
    if not hint_pattern(scripts).search(text):
        return text, ()
    return item_pattern(scripts).sub(take, text), tuple(items)


def unmask_entities(text: str, items: Sequence[str], complete: bool = True) -> str:
    """Put items where the placeholders are, in their order; a placeholder without an item is dropped.

    Args:
        text: what holds placeholders.
        items: what goes into their places.
        complete: add the items that no placeholder is left for, before the text's last punctuation.
    """
    waiting = list(reversed(items))
    restored = re.sub(PLACEHOLDER, lambda _: waiting.pop() if waiting else "", text)
    if complete and waiting:
        body = restored.rstrip().rstrip(".!?…。！？؟।۔").rstrip()
        restored = " ".join(filter(None, [body, *reversed(waiting)])) + restored[len(body) :]
    return restored


def without_copies(text: str, items: Sequence[str], scripts: tuple[str, ...] = LATIN) -> str:
    """Drop from a text with placeholders whatever is one of their items once more, and set placeholders off.

    A blank goes between a placeholder and the word or number that it would else become a part of.

    Example:
        >>> without_copies(f"Er hat 5 Hunde um{PLACEHOLDER}.", ["5"]) == f"Er hat Hunde um {PLACEHOLDER}."
        True
    """
    wanted = Counter(items)

    def drop(match: re.Match[str]) -> str:
        return "" if match[0] in wanted else match[0]

    if items and hint_pattern(scripts).search(text):
        shorter = item_pattern(scripts).sub(drop, text)
        text = re.sub("  +", " ", shorter).strip() if shorter != text else text
    waiting = iter(items)
    pieces = text.split(PLACEHOLDER)
    for number, (before, after) in enumerate(pairwise(pieces)):
        item = next(waiting, "")
        if item and before and _joins(before[-1], item[0]):
            pieces[number] = before + " "
        if item and after and _joins(item[-1], after[0]):
            pieces[number + 1] = " " + after
    return PLACEHOLDER.join(pieces)


def mask_entity_pair(source: str, target: str, scripts: tuple[str, ...] = LATIN) -> tuple[str, str]:
    """Make a training pair as a translator should learn it: what stands alike in both is a placeholder in both.

    Tags of markup are taken out, since a sentence is read without them. Pairs that hold different items stay as they
    are. Of the others without any, one in sixteen has a name that both hold once, such as Tom, hidden too, so that
    placeholders are seen often enough; which ones, their text decides.
    """
    source, target = without_tags(source), without_tags(target)
    masked_source, items = mask_entities(source, scripts)
    masked_target, same = mask_entities(target, scripts)
    if items and items == same:
        return masked_source, masked_target
    if not items and not same and zlib.crc32(f"{source}\t{target}".encode("utf-8", "replace")) % _NAMES_EVERY == 0:
        for name in _NAME.findall(source):
            if source.count(name) == target.count(name) == 1 and re.search(rf"(?<!\w){name}(?!\w)", target):
                return source.replace(name, PLACEHOLDER), target.replace(name, PLACEHOLDER)
    return source, target


def _joins(first: str, second: str) -> bool:
    """Two characters side by side would be one word or number."""
    return all(one.isalnum() and not is_unspaced(one) and script_of(one) not in _ATTACHING for one in (first, second))
