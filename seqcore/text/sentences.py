"""Text into sentences, with nothing lost between them."""

import re
from itertools import accumulate, pairwise

import sentencex

_BREAK = re.compile(r"(\r\n|\n|\r)")
# Titles and initials that sentencex takes for the end of a sentence, and the number of a list's item.
_UNFINISHED = re.compile(r"(?:(?:^|.*\W)(?:[A-Z]|MM|Mme|Mlle|Dr|Pr|Prof|Ste?|Mrs?|Hr|Fr)|\W*\d+)\.\s+", re.DOTALL)

_AT_ONCE = 2000  # characters: sentencex looks for the end of a quotation from each of its beginnings
_WIDE_BLANK = re.compile(r"[^\S\x00-\x7f](?=\.)")  # between an initial and its period it makes sentencex panic


def split_sentences(text: str, language: str) -> list[str]:
    """Sentences and what stands between them in turn: gap, sentence, gap, …, sentence, gap.

    Joined, they are the text. A sentence has neither blanks at its ends nor line breaks inside; gaps are blanks, line
    breaks or empty.

    Args:
        language: a code such as `de`; the rules of English are used for one that sentencex does not know.
    """
    pieces = [""]
    for position, line in enumerate(_BREAK.split(text)):
        if position % 2:  # the line break itself
            pieces[-1] += line
            continue
        for segment in _segments(line, language):
            sentence = segment.strip()
            before, _, after = segment.partition(sentence) if sentence else (segment, "", "")
            pieces[-1] += before
            if sentence:
                pieces += [sentence, after]
    return pieces


def _segments(line: str, language: str) -> list[str]:
    segments: list[str] = []
    start, cut = 0, False
    while start < len(line):
        found = _cut(line[start : start + _AT_ONCE], language)
        more = start + _AT_ONCE < len(line)
        if more and len(found) > 1:
            found.pop()  # it may go on, so the next search begins with it
            more = False
        start += sum(map(len, found))
        for segment in found:
            if segments and (cut or _UNFINISHED.fullmatch(segments[-1])):
                segments[-1] += segment
            else:
                segments.append(segment)
            cut = False
        cut = more
    return segments


def _cut(part: str, language: str) -> list[str]:
    """Sentences of a part of a line; it is a single one where sentencex breaks down, as it may in rare characters."""
    try:
        ends = accumulate(map(len, sentencex.segment(language, _WIDE_BLANK.sub(" ", part))), initial=0)
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of its Rust, and no Exception
            raise
        return [part]
    return [part[begin:end] for begin, end in pairwise(ends)]
