"""Tags of markup in a sentence, such as `<b>` or `&lt;b&gt;`: taken out before it is read, and which one ends which."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_DEPTH = 50  # of elements in one another, of which each is placed within the one around it
TAG = "\ue001"  # It is of Unicode's private use area, so no text means it.

_NAME = r"[A-Za-z][A-Za-z0-9:._-]{0,50}"
_BARE = "disabled|checked|selected|readonly|required|hidden|async|defer|autoplay|controls|loop|muted|multiple|open"
_VALUE = r"\"[^\"\n]{0,2000}\"|'[^'\n]{0,2000}'|[^\s\"'<>=]{1,500}"
_ATTRIBUTE = rf"[ \t]+(?:[A-Za-z_:@][\w:.@-]{{0,50}}[ \t]*=[ \t]*(?:{_VALUE})|(?:{_BARE})(?![\w-]))"
_WRITTEN_AS_TEXT = r"[ \t][^<>&\n]{0,500}(?:&(?:quot|amp|apos|#39);[^<>&\n]{0,500}){0,20}"
TAG_PATTERN = (
    rf"<(?:/{_NAME}[ \t]*|{_NAME}(?:{_ATTRIBUTE}){{0,30}}[ \t]*/?|!--[^<>\n]{{0,2000}}--|!DOCTYPE[^<>\n]{{0,200}})>"
    rf"|&lt;(?:/{_NAME}|{_NAME}(?:{_WRITTEN_AS_TEXT})?/?)&gt;"
)
_TAG = re.compile(TAG_PATTERN)
_HIDDEN = re.compile(TAG)
_TAG_NAME = re.compile(_NAME)
# The void elements of HTML, which nothing ends.
_EMPTY = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
_BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "br", "caption", "center", "dd", "details", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hr",
    "html", "legend", "li", "link", "main", "meta", "nav", "ol", "optgroup", "option", "p", "pre", "script", "section",
    "select", "style", "summary", "table", "tbody", "td", "textarea", "tfoot", "th", "thead", "title", "tr", "ul",
}  # fmt: skip
# These may stand within a word; words that others stand between are not joined when they are taken out.
_WITHIN_WORDS = {
    "a", "abbr", "b", "big", "code", "del", "em", "font", "i", "ins", "kbd", "mark", "s", "small", "span", "strong",
    "sub", "sup", "tt", "u", "var", "wbr",
}  # fmt: skip


@dataclass(frozen=True)
class Tag:
    """A tag and its place.

    Attributes:
        text: the tag as it was written.
        place: characters of the text without tags that stand before it; or tokens, where that is said.
        before, after: whether a blank stood there.
    """

    text: str
    place: int = 0
    before: bool = False
    after: bool = False

    @property
    def name(self) -> str:
        """What the tag is called, in small letters; empty for a comment."""
        match = _TAG_NAME.match(self.text, len(self._bracket) + self.closes)
        return match[0].lower() if match else ""

    @property
    def _bracket(self) -> str:
        return "&lt;" if self.text.startswith("&") else "<"

    @property
    def is_block(self) -> bool:
        """Text before it and behind it is on different lines."""
        return self.name in _BLOCKS or self.text.startswith("<!DOCTYPE")

    @property
    def closes(self) -> bool:
        """It ends an element."""
        return self.text.startswith("/", len(self._bracket))

    @property
    def opens(self) -> bool:
        """It begins an element that another one ends."""
        return (
            not self.closes and bool(self.name) and not self.text.endswith(("/>", "/&gt;")) and self.name not in _EMPTY
        )


def _may_hold_tags(text: str) -> bool:
    return "<" in text or "&lt;" in text


def tag_spans(text: str) -> list[tuple[int, int]]:
    """Find where tags begin and end."""
    return [match.span() for match in _TAG.finditer(text)] if _may_hold_tags(text) else []


def hide_tags(text: str) -> tuple[str, list[str]]:
    """Put `TAG` in the place of every tag, and give the tags in their order.

    Example:
        >>> hide_tags("a <b>big</b> dog") == (f"a {TAG}big{TAG} dog", ["<b>", "</b>"])
        True
    """
    text = text.replace(TAG, " ")
    return (_TAG.sub(TAG, text), _TAG.findall(text)) if _may_hold_tags(text) else (text, [])


def take_tags(text: str, tags: Sequence[str]) -> tuple[str, tuple[Tag, ...]]:
    """Take `TAG` out of a text in which tags are hidden, and tell where each one stood.

    Words that only a tag such as `<br>` parted get a blank; blanks on both sides of a tag become one.
    """
    first, *pieces = text.split(TAG)
    bare, taken = first, []
    for tag, piece in zip(tags, pieces, strict=True):
        before, after = not bare or bare[-1].isspace(), not piece or piece[0].isspace()
        found = Tag(tag, len(bare.rstrip()), before, after)
        taken.append(found)
        if before and bare:
            piece = piece.lstrip()
        elif not after and bare and found.name not in _WITHIN_WORDS:
            bare += " "
        bare += piece
    return bare, tuple(taken)


def show_tags(text: str, tags: Sequence[str]) -> str:
    """Put tags where `TAG` stands for them, in their order."""
    waiting = iter(tags)
    return _HIDDEN.sub(lambda _: next(waiting, ""), text) if tags else text


def without_tags(text: str) -> str:
    """A text as it is read: without its tags."""
    return take_tags(*hide_tags(text))[0] if _may_hold_tags(text) else text


def matching(tags: Sequence[Tag]) -> dict[int, int] | None:
    """Find which tag closes which: positions of opening tags with those of their closing ones.

    Tags without a partner, as those of an element that goes on in the next sentence, are left out.

    Returns:
        None where elements overlap, as in `<b><i></b></i>`, or are too deep in one another.
    """
    pairs: dict[int, int] = {}
    waiting: list[int] = []
    for number, tag in enumerate(tags):
        if tag.opens:
            waiting.append(number)
            if len(waiting) > MAX_DEPTH:
                return None
        elif tag.closes and waiting:
            if tags[waiting[-1]].name != tag.name:
                return None
            pairs[waiting.pop()] = number
    return pairs
