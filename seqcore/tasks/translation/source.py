"""A text as a translator reads it: sentences, with what it must not touch taken out of them."""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from seqcore.text import Tokenizer
from seqcore.text.compatibility import plain_letters
from seqcore.text.entities import PLACEHOLDER, mask_entities
from seqcore.text.item_patterns import foreign, hint_pattern, unbroken_pattern
from seqcore.text.sentences import split_sentences
from seqcore.text.tags import Tag, hide_tags, tag_spans, take_tags, without_tags

_WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True)
class Part:
    """What is decoded at once: a sentence, or a part of one that is longer than the model reads.

    Attributes:
        tokens: with the language mark first and the end last.
        items: what its placeholders stand for.
        shouted: the sentence is written in capitals throughout. The model reads it in small letters.
        tags: of markup, their places counted in tokens.
    """

    tokens: tuple[int, ...]
    items: tuple[str, ...] = ()
    shouted: bool = False
    tags: tuple[Tag, ...] = ()


class SourceReader:
    """Turns texts into parts for one target language.

    Args:
        mark: the target language's number, or none for a tokenizer without marks.
        max_length: tokens of a part at most, the mark counted and the end not.
        scripts: what the model reads and writes; what is in others is copied.
    """

    def __init__(
        self, tokenizer: Tokenizer, mark: Sequence[int], max_length: int, scripts: tuple[str, ...] = ("latin",)
    ) -> None:
        self.tokenizer, self.mark, self.max_length, self.scripts = tokenizer, list(mark), max_length, scripts
        self.protects = tokenizer.has(PLACEHOLDER)

    def read(self, text: str, language: str) -> list[str | list[Part]]:
        """What is to be copied as it is, and the parts of each sentence, in turn."""
        pieces: list[str | list[Part]] = []
        for position, piece in enumerate(split_marked(text, language, self.scripts)):
            if not position % 2:
                pieces.append(piece)
                continue
            before, sentence, after = _margins(plain_letters(piece), self.scripts)
            plain = mask_entities(without_tags(sentence), self.scripts)[0].replace(PLACEHOLDER, "")
            if any(character.isalpha() for character in plain):
                pieces += [before, self.parts(sentence), after]
            else:
                pieces.append(piece)
        return pieces

    def parts(self, sentence: str) -> list[Part]:
        """A sentence in parts that are cut between words where it is longer than the model reads."""
        text, hidden = hide_tags(sentence)
        text, items = mask_entities(text, self.scripts) if self.protects else (text, ())
        shouted = text.isupper() and len(_WORD.findall(text)) > 1
        text, tags = take_tags(_sentence_case(text) if shouted else text, hidden)
        tokens = self.tokenizer.encode(text)
        waiting = list(self._counted_in_tokens(text, tags)) if tags else []
        placeholder = self.tokenizer.token_to_id(PLACEHOLDER) if self.protects else None
        room = self.max_length - len(self.mark)
        parts = []
        begin = 0
        while begin < len(tokens):
            cut = min(begin + room, len(tokens))
            if cut < len(tokens):
                cut = begin + _word_before(room, tokens[begin : cut + 1], self.tokenizer.starts_word)
            held = tokens[begin:cut].count(placeholder) if placeholder is not None else 0
            here = _tags_before(cut, waiting, cut == len(tokens))
            waiting = waiting[len(here) :]
            moved = tuple(replace(tag, place=tag.place - begin + len(self.mark)) for tag in here)
            parts.append(Part((*self.mark, *tokens[begin:cut], self.tokenizer.eos_id), items[:held], shouted, moved))
            begin, items = cut, items[held:]
        return parts

    def _counted_in_tokens(self, text: str, tags: Sequence[Tag]) -> list[Tag]:
        """Tags with the number of tokens before them as their places."""
        ends: list[int] = []
        place = 0
        for surface in self.tokenizer.encode_with_surfaces(text)[1]:
            ends.append(place + len(surface.rstrip()))
            place += len(surface)
        return [replace(tag, place=bisect_right(ends, tag.place)) for tag in tags]


def _tags_before(cut: int, tags: Sequence[Tag], last: bool) -> list[Tag]:
    """The first tags, as far as they belong to the tokens before a cut: all that are left in the last part."""
    count = 0
    while count < len(tags) and (last or tags[count].place < cut or (tags[count].place == cut and tags[count].closes)):
        count += 1
    return list(tags[:count])


def split_marked(text: str, language: str, scripts: tuple[str, ...] = ("latin",)) -> list[str]:
    """Split as `split_sentences` does, as if tags of markup were not there; no sentence ends within an item.

    A tag that begins or ends a block, such as `<p>` or `<br>`, is a line break, and so in a gap; one that opens right
    before a sentence or closes right behind it is part of it.

    Example:
        >>> split_marked("<p>Look. <b>A dog</b> runs.</p>", "en")
        ['<p>', 'Look.', ' ', '<b>A dog</b> runs.', '</p>']
    """
    tags = tag_spans(text)
    if not tags:
        return _whole(split_sentences(text, language), text, scripts)
    bare: list[str] = []
    origins: list[int] = []  # of each character without tags: its place in the text
    place = 0
    for begin, end in [*tags, (len(text), len(text))]:
        bare.append(text[place:begin])
        origins += range(place, begin)
        if begin < end and Tag(text[begin:end]).is_block:
            bare.append("\n")
            origins.append(begin)
        place = end
    opening = {end: begin for begin, end in tags if not Tag(text[begin:end]).closes}
    closing = {begin: end for begin, end in tags if not Tag(text[begin:end]).opens}
    blocks = {begin for begin, end in tags if Tag(text[begin:end]).is_block}
    pieces: list[str] = []
    place = done = 0
    for piece in split_sentences("".join(bare), language):
        place += len(piece)
        if len(pieces) % 2 == 0:
            pieces.append("")  # The gap ends where the sentence begins, which the next round knows.
            continue
        first, last = origins[place - len(piece)], origins[place - 1] + 1
        while first in opening and opening[first] >= done and opening[first] not in blocks:
            first = opening[first]
        while last in closing and last not in blocks:
            last = closing[last]
        pieces[-1] = text[done:first]
        pieces.append(text[first:last])
        done = last
    pieces[-1] = text[done:]
    return _whole(pieces, text, scripts)


def _whole(pieces: Sequence[str], text: str, scripts: tuple[str, ...]) -> list[str]:
    """Sentences and gaps, with those joined that end within an item."""
    searched = len(pieces) > 3 and hint_pattern(scripts).search(text)
    spans = [match.span() for match in unbroken_pattern().finditer(text)] if searched else []
    if not spans:
        return list(pieces)
    joined = [pieces[0]]
    place = len(pieces[0])
    for sentence, gap in zip(pieces[1::2], pieces[2::2], strict=True):
        number = bisect_right(spans, (place,)) - 1
        within = len(joined) > 1 and number >= 0 and spans[number][0] < place < spans[number][1]
        if within and not set(joined[-1]) & set("\r\n"):
            before = joined.pop()
            joined[-1] += before + sentence
        else:
            joined.append(sentence)
        joined.append(gap)
        place += len(sentence) + len(gap)
    return joined


@lru_cache(maxsize=64)
def _margin_patterns(scripts: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Bullets and emoji around a sentence, which are no part of it, before it and after it."""
    run = foreign(scripts)
    before = re.compile(rf"(?:[-*•·>#]+\s+|\s|{run})*")
    return before, re.compile(rf"(?:{run}\s*)?")  # of the text backwards: a search for its end would try every place


def _margins(sentence: str, scripts: tuple[str, ...]) -> tuple[str, str, str]:
    """What stands before it, the sentence itself, and what stands after it."""
    first, last = _margin_patterns(scripts)
    before = first.match(sentence)[0]  # type: ignore[index]
    rest = sentence[len(before) :]
    cut = len(rest) - len(last.match(rest[::-1])[0])  # type: ignore[index]
    return before, rest[:cut], rest[cut:]


def _word_before(cut: int, tokens: Sequence[int], starts_word: Callable[[int], bool]) -> int:
    return next((place for place in range(cut, cut // 2, -1) if starts_word(tokens[place])), cut)


def _sentence_case(text: str) -> str:
    lowered = text.lower()
    first = next((place for place, character in enumerate(lowered) if character.isalpha()), 0)
    return lowered[:first] + lowered[first : first + 1].upper() + lowered[first + 1 :]
