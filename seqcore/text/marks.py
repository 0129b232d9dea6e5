"""Markup inside a text: it goes through a translator as tags and code, and comes back as it was written."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

_TAG = re.compile(r"(<b id=\"\d+\">|</b>|<w?br id=\"\d+\"/>|`x\d+`)")
_FIRST_MARK = 0x100000  # A plane for private use begins there: no text means its characters.
_PLACED = re.compile("[\U00100000-\U0010fffd]")
_SIGN = re.compile(r"[*_~]+")
_PUNCTUATION = re.compile(r"[\s.!?…:;]*\Z")


@dataclass(frozen=True)
class Mark:
    """A piece of markup.

    Attributes:
        raw: as it stands in the text.
        role: it stands alone, or begins or ends something; a sign that could do either is decided by its company.
        key: the same of what can be a pair, such as `i` of `<i>` and `</i>`.
        outer: at an end of the text, where it stands alone, it is none of a translator's business.
        link: what it encloses would lose its sense without it.
        place: what it is in a sentence, where it stands alone: no part of it, a `word`, or the `end` of a line.
    """

    raw: str
    role: Literal["alone", "open", "close", "either"] = "alone"
    key: str = ""
    outer: bool = False
    link: bool = False
    place: Literal["", "word", "end"] = ""


def paired(parts: "Iterable[str | Mark]") -> "list[str | Mark]":
    """Decide which marks are pairs, properly nested; each pair has a key of its own then.

    One without a partner stands alone; where it is only a sign, such as `*`, it is text.
    """
    resolved = list(parts)
    waiting: list[tuple[int, str]] = []
    depths: dict[str, list[int]] = {}
    for place, part in enumerate(resolved):
        if isinstance(part, str) or part.role == "alone":
            continue
        if part.role != "open" and depths.get(part.key):
            depth = depths[part.key][-1]
            begin = _mark(resolved[waiting[depth][0]])
            resolved[waiting[depth][0]] = replace(begin, role="open", key=f"{place}")
            resolved[place] = replace(part, role="close", key=f"{place}")
            for at, key in reversed(waiting[depth:]):
                depths[key].pop()
                if at != waiting[depth][0]:
                    resolved[at] = _without_partner(_mark(resolved[at]))
            del waiting[depth:]
        elif part.role != "close":
            depths.setdefault(part.key, []).append(len(waiting))
            waiting.append((place, part.key))
        else:
            resolved[place] = _without_partner(part)
    for place, _ in waiting:
        resolved[place] = _without_partner(_mark(resolved[place]))
    return list(_joined(resolved))


def peeled(parts: "list[str | Mark]") -> "tuple[str, list[str | Mark], str]":
    """What of marks and blanks stands before and after a text or encloses all of it, and what is between."""
    begin, end, before, after = 0, len(parts), "", ""
    parts = list(parts)
    while begin < end:
        first, last = parts[begin], parts[end - 1]
        if isinstance(first, str) and (not first or first[0].isspace()):
            parts[begin] = first.lstrip()
            before += first[: len(first) - len(first.lstrip())]
            begin += not parts[begin]
        elif isinstance(last, str) and (not last or last[-1].isspace()):
            parts[end - 1] = last.rstrip()
            after = last[len(last.rstrip()) :] + after
            end -= not parts[end - 1]
        elif isinstance(first, Mark) and first.role == "alone" and first.outer:
            before, begin = before + first.raw, begin + 1
        elif isinstance(last, Mark) and last.role == "alone" and last.outer:
            after, end = last.raw + after, end - 1
        elif isinstance(first, Mark) and isinstance(last, Mark) and first.role == "open" and first.key == last.key:
            before, begin, after, end = before + first.raw, begin + 1, last.raw + after, end - 1
        else:
            break
    return before, parts[begin:end], after


class MarkedText:
    """A text whose marks are HTML's tags, which translators are used to; what stands for a word is code.

    Args:
        parts: text and marks, as `paired` gives them.

    Attributes:
        text: what a translator is given.

    Example:
        >>> star = Mark("**", "either", "**")
        >>> marked = MarkedText(paired(["A ", star, "big", star, " dog."]))
        >>> marked.text
        'A <b id="1">big</b> dog.'
        >>> marked.expand(marked.place('Ein <b id="1"> großer </b> Hund.'))
        'Ein **großer** Hund.'
    """

    def __init__(self, parts: "list[str | Mark]") -> None:
        self._parts = parts
        self._partners: dict[int, int] = {}  # from the beginning to the end of each pair
        begun: dict[str, int] = {}
        names: dict[int, str] = {}
        number = 0
        for place, part in enumerate(parts):
            if isinstance(part, str):
                continue
            if part.role == "close":
                self._partners[begun[part.key]] = place
                names[place] = "</b>"
            else:
                begun[part.key] = place
                number += 1
                names[place] = _tag(part).format(number)
        self._places = {name: place for place, name in names.items() if name != "</b>"}
        self.text = "".join(part if isinstance(part, str) else names[place] for place, part in enumerate(parts))

    def place(self, answer: str) -> str:
        """A translation on one line, with a character of private use in the place of each mark.

        What came back twice, without its partner, or around nothing is set right: a mark that is missing follows at
        the end, and what was formatting is around the whole.
        """
        pieces: list[str | int] = []
        once: set[int] = set()
        waiting: list[int] = []
        for piece in _TAG.split(" ".join(_PLACED.sub(" ", answer).split())):
            place = self._partners[waiting.pop()] if piece == "</b>" and waiting else self._places.get(piece)
            if place is not None and place not in once:
                once.add(place)
                pieces.append(place)
                waiting += [place] if place in self._partners else []
            elif not _TAG.fullmatch(piece):
                pieces.append(piece)
        pieces = self._in_pairs(pieces)
        text = "".join(piece if isinstance(piece, str) else _character(piece) for piece in pieces)
        return self._completed(self._tightened(text), {piece for piece in pieces if isinstance(piece, int)})

    def expand(self, placed: str) -> str:
        """The marks as they were written, in a text that `place` gave or in a part of it."""
        return _PLACED.sub(lambda match: self._written(ord(match[0]) - _FIRST_MARK), placed)

    def _written(self, place: int) -> str:
        parts = self._parts[place : place + 1]
        if place >= len(self._parts):  # It is a link with all that it encloses.
            begin = place - len(self._parts)
            parts = self._parts[begin : self._partners[begin] + 1]
        return "".join(part if isinstance(part, str) else part.raw for part in parts)

    def _in_pairs(self, pieces: "list[str | int]") -> "list[str | int]":
        """Without the pairs of which one mark is missing, or that are around nothing."""
        present = {piece for piece in pieces if isinstance(piece, int)}
        lost = {place for pair in self._partners.items() for place in pair if not present >= {*pair}}
        begins = {end: begin for begin, end in self._partners.items()}
        content = [0]
        for piece in pieces:
            if isinstance(piece, str):
                content[-1] += bool(piece.strip())
            elif piece in self._partners and piece not in lost:
                content.append(0)
            elif piece in begins and piece not in lost:
                inside = content.pop()
                content[-1] += inside
                if not inside:
                    lost.update((piece, begins[piece]))
            else:
                content[-1] += piece not in lost
        return [piece for piece in pieces if piece not in lost]

    def _tightened(self, text: str) -> str:
        """Move blanks out of pairs, inside which they would change what signs mean."""
        if self._partners:
            begin, end = ("".join(map(_character, places)) for places in (self._partners, self._partners.values()))
            text = re.sub(rf"([{begin}]+)( +)", r"\2\1", text)
            text = re.sub(rf"( +)([{end}]+)", r"\2\1", text)
        return re.sub(" {2,}", " ", text).strip()

    def _completed(self, text: str, present: set[int]) -> str:
        body = _PUNCTUATION.sub("", text)
        used = {_mark(self._parts[place]).raw for place in present}
        around, following = "", ""
        for place, part in enumerate(self._parts):
            if isinstance(part, str) or place in present or part.role == "close":
                continue
            if part.role == "alone":
                following += f" {_character(place)}"
            elif part.link:
                following += f" {_character(len(self._parts) + place)}"
            elif not (_SIGN.fullmatch(part.raw) and part.raw in used):
                around, used = around + _character(place), used | {part.raw}
        ends = "".join(_character(self._partners[ord(sign) - _FIRST_MARK]) for sign in reversed(around))
        return around + (body + following + text[len(body) :]).strip() + ends


def balanced_lines(text: str, count: int) -> list[str]:
    """Break a text at blanks into lines of similar length: as many as `count`, or fewer where words are lacking.

    Where blanks do not divide it, as in Chinese, characters do.

    Example:
        >>> balanced_lines("Zwei Männer spielen auf der Straße Gitarre.", 2)
        ['Zwei Männer spielen auf', 'der Straße Gitarre.']
    """
    words, blank = text.split(), " "
    if len(words) < count and any("\u2e80" <= character <= "\uffef" for character in text):
        words, blank = list(text), ""
    narrow, wide = max(map(len, words), default=0), len(text)
    while narrow < wide:
        middle = (narrow + wide) // 2
        if len(_wrapped(words, blank, middle)) <= count:
            wide = middle
        else:
            narrow = middle + 1
    lines = _wrapped(words, blank, wide)
    while len(lines) < min(count, len(words)):
        place = max(range(len(lines)), key=lambda at: (len(lines[at]) > 1, sum(map(len, lines[at]))))
        half = len(lines[place]) // 2
        lines[place : place + 1] = [lines[place][:half], lines[place][half:]]
    return [blank.join(line) for line in lines]


def _wrapped(words: list[str], blank: str, width: int) -> list[list[str]]:
    """Lines that are filled up to a width."""
    lines: list[list[str]] = []
    room = 0
    for word in words:
        if lines and len(blank) + len(word) <= room:
            lines[-1].append(word)
            room -= len(blank) + len(word)
        else:
            lines.append([word])
            room = width - len(word)
    return lines


def _tag(mark: Mark) -> str:
    if mark.role == "open":
        return '<b id="{}">'
    return {"word": "`x{}`", "end": '<br id="{}"/>'}.get(mark.place, '<wbr id="{}"/>')


def _character(place: int) -> str:
    return chr(_FIRST_MARK + place)


def _mark(part: "str | Mark") -> Mark:
    assert isinstance(part, Mark)
    return part


def _without_partner(mark: Mark) -> "str | Mark":
    return mark.raw if _SIGN.fullmatch(mark.raw) else replace(mark, role="alone", link=False)


def _joined(parts: "Iterable[str | Mark]") -> "Iterator[str | Mark]":
    """Texts that follow each other as one."""
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += part
            continue
        if text:
            yield text
        text = ""
        yield part
    if text:
        yield text
