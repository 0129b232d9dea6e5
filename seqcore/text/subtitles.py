"""Subtitles, SubRip (`.srt`) and WebVTT (`.vtt`): what is said in each cue, and times and settings around it."""

import re
from collections.abc import Iterator

from seqcore.text.marks import Mark, MarkedText, balanced_lines, paired, peeled
from seqcore.text.segments import Document, Segment

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")
_EXACT = r"\d+:\d+:\d+(?:[.,:;]\d+)?"
# Other arrows are taken for one between times that have hours: what is said may hold 10:30 -> 11:00.
_TIMES = re.compile(
    r"\s*(?:(?:\d+:)?\d+:\d+(?:[.,]\d+)?\s*-->\s*(?:\d+:)?\d+:\d+(?:[.,]\d+)?"
    rf"|{_EXACT}\s*(?:-{{1,3}}\s?>|[–—―]\s?>|→)\s*{_EXACT})(?!\S)"
)
_NOT_SAID = ("WEBVTT", "NOTE", "STYLE", "REGION")
_DASH = re.compile(r"\s*(?:-{1,2}|[–—‐‑])\s*(?=[^\s\d-])")
_VOICE = re.compile(r"\s*<v[\s.>]", re.IGNORECASE)
_MARK = re.compile(
    r"<(?P<closes>/?)(?P<name>[A-Za-z]+)[^<>]*>"
    r"|<\d[\d:.]*>"  # the time of a word, in karaoke
    r"|\{\\[^{}]*\}|\{[A-Za-z]:[^{}]*\}|\\[Nnh](?![a-z])"  # of other formats, and players know them all the same
    r"|&(?:#\d+|#[xX][0-9A-Fa-f]+|\w+);"
)
_READ = {"&amp;": "&", "&nbsp;": " ", "&quot;": '"', "&apos;": "'", "&#39;": "'"}


def parse_subtitles(text: str, is_vtt: bool = False) -> Document:
    """Find what is said in subtitles: each speaker of a cue is a segment, however many lines it has.

    A translation is broken into as many lines. Times, numbers, settings, notes, styles, formatting at the ends and the
    dashes of speakers are no part of it.

    Args:
        text: the file, with its own line breaks.
        is_vtt: of WebVTT, where a blank line ends a cue; in SubRip one may stand inside.
    """
    pieces: list[str | Segment] = []
    block: list[str] = []
    in_cue = False
    lines = _LINE.findall(text)
    for number, line in enumerate(lines):
        if _TIMES.match(line):
            pieces += [*_spoken(block, is_vtt), line] if in_cue else [*block, line]
            block, in_cue = [], True
        elif in_cue and _begins_cue(line, lines[number + 1 : number + 2]):
            pieces += [*_spoken(block, is_vtt), line]
            block = []
        elif not line.strip():
            pieces += [*(_spoken(block, is_vtt) if in_cue else block), line]
            block, in_cue = [], in_cue and not is_vtt
        else:
            block.append(line)
    return Document([*pieces, *(_spoken(block, is_vtt) if in_cue else block)])


def lacks_times(text: str) -> bool:
    """Whether there is something that would be said in a cue, but no line with the times of any."""
    blocks = (block.strip("\ufeff \t\r\n") for block in re.split(r"\n\s*\n", text.replace("\r", "\n")))
    said = any(block and not block.startswith(_NOT_SAID) for block in blocks)
    return said and not any(_TIMES.match(line) for line in _LINE.findall(text))


def _begins_cue(line: str, following: list[str]) -> bool:
    """Whether it is the number of a cue, whose times follow."""
    return line.strip().isdigit() and bool(following) and bool(_TIMES.match(following[0]))


def _spoken(lines: list[str], is_vtt: bool) -> "Iterator[str | Segment]":
    """The pieces of a cue's lines."""
    speakers: list[list[str]] = []
    for line in lines:
        if not speakers or _DASH.match(line) or _VOICE.match(line):
            speakers.append([])
        speakers[-1].append(line)
    for said_lines in speakers:
        yield from _speech(said_lines, is_vtt)


def _speech(lines: list[str], is_vtt: bool) -> "Iterator[str | Segment]":
    """What one speaker says."""
    raw = "".join(lines)
    texts = [line.rstrip("\r\n") for line in lines]
    ends = [line[len(text) :] for line, text in zip(lines, texts, strict=True)]
    dash = _DASH.match(raw)
    begin = dash[0] if dash else ""
    texts[0] = texts[0][len(begin) :]
    # Where each line is formatted by itself, so is each line of the translation.
    read = [peeled(_parts(text, is_vtt)) for text in texts]
    around = {(before, after) for before, _, after in read}
    wraps = len(texts) > 1 and len(around) == 1 and around != {("", "")}
    if wraps:
        ((before, after),) = around
        marked = MarkedText(paired(part for _, parts, _ in read for part in (*parts, " ")))
        start, end = begin, ""
    else:
        first, parts, last = peeled(_parts(" ".join(texts), is_vtt))
        marked, before, after = MarkedText(parts), "", ""
        start, end = begin + first, last
    text = " ".join(marked.text.split())
    if not any(character.isalpha() for character in text):
        yield raw
        return

    def write(answer: str) -> str:
        broken = balanced_lines(_written(marked.place(answer), is_vtt), len(lines))
        if not broken:
            return raw
        written = [before + marked.expand(line) + after for line in broken]
        breaks = [*ends[: len(broken) - 1], end + ends[-1]]
        return start + "".join(line + stop for line, stop in zip(written, breaks, strict=True))

    yield Segment(raw, text, write)


def _parts(text: str, is_vtt: bool) -> "list[str | Mark]":
    parts: list[str | Mark] = []
    at = 0
    for match in _MARK.finditer(text):
        raw, name = match[0], (match["name"] or "").lower()
        if raw.startswith("&") and not is_vtt:
            continue
        parts.append(text[at : match.start()])
        at = match.end()
        if raw in _READ:
            parts.append(_READ[raw])
        elif name:
            parts.append(Mark(raw, "close" if match["closes"] else "open", name, outer=True))
        else:
            parts.append(Mark(raw, outer=not raw.startswith("&"), place="end" if raw in {r"\N", r"\n"} else ""))
    return paired([*parts, text[at:]])


def _written(text: str, is_vtt: bool) -> str:
    """A translation without what would be no text in a cue."""
    if not is_vtt:
        return text.replace("-->", "→")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("-->", "--&gt;")
