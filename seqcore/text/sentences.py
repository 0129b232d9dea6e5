"""Text into sentences, with nothing lost between them."""

import re

import sentencex

_BREAK = re.compile(r"(\r\n|\n|\r)")
# Titles and initials that sentencex takes for the end of a sentence, and the number of a list's item.
_UNFINISHED = re.compile(r"(?:(?:^|.*\W)(?:[A-Z]|MM|Mme|Mlle|Dr|Pr|Prof|Ste?|Mrs?|Hr|Fr)|\W*\d+)\.\s+", re.DOTALL)


def split_sentences(text: str, language: str) -> list[str]:
    """Sentences and what stands between them in turn: gap, sentence, gap, …, sentence, gap.

    Joined, they are the text. A sentence has neither blanks at its ends nor line breaks inside; gaps are blanks, line
    breaks or empty.

    Args:
        language: a code such as ``de``; the rules of English are used for one that sentencex does not know.
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
    for segment in sentencex.segment(language, line):
        if segments and _UNFINISHED.fullmatch(segments[-1]):
            segments[-1] += segment
        else:
            segments.append(segment)
    return segments
