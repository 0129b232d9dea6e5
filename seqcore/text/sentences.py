"""Sentences of a text, with nothing lost between them."""

import re
from itertools import accumulate, pairwise

import sentencex

_BREAK = re.compile(r"(\r\n|\n|\r)")
# Titles and initials that sentencex takes for the end of a sentence, and the number of a list's item.
_UNFINISHED = re.compile(
    r"(?:(?:^|.*\W)(?:[A-Z\u0590-\u06ff]|MM|Mme|Mlle|Dr|Pr|Prof|Ste?|Mrs?|Hr|Fr)|\W*\d+)\.\s+", re.DOTALL
)

# The ends of sentences of Khmer and Tibetan, which sentencex does not know.
_ENDS = re.compile("(?<=[។៕།༎] )(?=[^ ])")

# Characters given at once: sentencex looks for the end of a quotation from each of its beginnings.
MAX_CHARS = 2000
# Between an initial and its period such a blank makes sentencex panic.
_WIDE_BLANK = re.compile(r"[^\S\x00-\x7f](?=\.)")


def split_sentences(text: str, language: str) -> list[str]:
    """Split a text into sentences and what stands between them: gap, sentence, gap, …, sentence, gap.

    Joined, they are the text. A sentence has neither blanks at its ends nor line breaks inside; gaps are blanks, line
    breaks or empty.

    Args:
        text: of any length.
        language: a code such as `de`; the rules of English are used for one that sentencex does not know.

    Example:
        >>> split_sentences("Good morning, Mr. Fox.  How are you?", "en")
        ['', 'Good morning, Mr. Fox.', '  ', 'How are you?', '']
    """
    pieces = [""]
    for position, line in enumerate(_BREAK.split(text)):
        if position % 2:  # It is the line break itself.
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
        cuts = _cut(line[start : start + MAX_CHARS], language)
        more = start + MAX_CHARS < len(line)
        if more and len(cuts) > 1:
            cuts.pop()  # It may go on, so the next search begins with it.
            more = False
        start += sum(map(len, cuts))
        for segment in cuts:
            if segments and (cut or _UNFINISHED.fullmatch(segments[-1])):
                segments[-1] += segment
            else:
                segments.append(segment)
            cut = False
        cut = more
    return segments


def _cut(part: str, language: str) -> list[str]:
    """Cut a part of a line into sentences; it is a single one where rare characters break sentencex."""
    try:
        ends = accumulate(map(len, sentencex.segment(language, _WIDE_BLANK.sub(" ", part))), initial=0)
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # It comes from Rust, and is no Exception.
            raise
        return [part]
    return [segment for begin, end in pairwise(ends) for segment in _ENDS.split(part[begin:end])]
