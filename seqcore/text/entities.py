"""Entities that a translator must not touch, as numbers, addresses and emoji: they travel as placeholders."""

import re
import zlib
from collections.abc import Sequence

PLACEHOLDER = "\ue000"  # It is of Unicode's private use area, so no text means it.
_NAMES_EVERY = 16

_SPEECH = r"\x00-\u036f\u1e00-\u1eff\u2000-\u206f\u20a0-\u20bf\u2100\u2116\u2122\ue000"  # Latin, marks, currencies
# Every character has one place in this, so that no text can make the search try one split after another.
FOREIGN = rf"\ufe0f?[^\s\ufe0f{_SPEECH}](?:[\u200d\ufe0f\s]*[^\s\ufe0f{_SPEECH}])*\ufe0f?"
_PROTECTED = re.compile(
    "|".join(
        (
            r"(?:https?://|ftp://|www\.)[^\s<>\"]*[^\s<>\".,;:!?)\]}'»“”]",
            r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+",  # mail
            r"(?<!\w)[@#]\w+",  # handles and tags
            r"(?<!\w)[A-Z][A-Z0-9-]{0,30}\d[A-Z0-9-]{0,30}(?!\w)",  # codes, such as A4
            r"(?<![\w.,])\d+(?:[.,:/-]\d+)*(?!\w)",  # numbers, dates, times of day
            FOREIGN,
        )
    )
)
_NAME = re.compile(r"(?<!\w)[A-Z][a-zà-öø-ÿ]{2,}(?!\w)")


def mask_entities(text: str) -> tuple[str, tuple[str, ...]]:
    """Put `PLACEHOLDER` in the place of every item, and give the items in their order (Crego et al. 2016).

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

    return _PROTECTED.sub(take, text.replace(PLACEHOLDER, " ")), tuple(items)


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
        body = restored.rstrip().rstrip(".!?…").rstrip()
        restored = " ".join(filter(None, [body, *reversed(waiting)])) + restored[len(body) :]
    return restored


def mask_entity_pair(source: str, target: str) -> tuple[str, str]:
    """Make a training pair as a translator should learn it: what stands alike in both is a placeholder in both.

    Pairs that hold different items stay as they are. Of the others without any, one in sixteen has a name that both
    hold once, such as Tom, hidden too, so that placeholders are seen often enough; which ones, their text decides.
    """
    masked_source, items = mask_entities(source)
    masked_target, same = mask_entities(target)
    if items and items == same:
        return masked_source, masked_target
    if not items and not same and zlib.crc32(f"{source}\t{target}".encode("utf-8", "replace")) % _NAMES_EVERY == 0:
        for name in _NAME.findall(source):
            if source.count(name) == target.count(name) == 1 and re.search(rf"(?<!\w){name}(?!\w)", target):
                return source.replace(name, PLACEHOLDER), target.replace(name, PLACEHOLDER)
    return source, target
