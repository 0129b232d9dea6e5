"""Markdown: its paragraphs, headings and cells of tables as texts, and all of its marks around them."""

import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from seqcore.text.inline import IMAGE, escaped, read_inline
from seqcore.text.marks import MarkedText, balanced_lines, peeled
from seqcore.text.segments import Document, Segment

MAX_MARKS = 1000  # A paragraph with more of them is no prose, and stays as it is.
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")
_FRONT_MATTER = re.compile(r"(---|\+\+\+)[ \t]*\r?\n(?:.*?\r?\n)?(?:\1|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_BACKSLASH = re.compile(r"(?<!\\)(?:\\\\)*\\\Z")
# The box of a task, the kind of a call-out, the number of a footnote, the colon of a definition.
_PREFIX = re.compile(r"\[[ xX]\][ \t]+|\[![A-Za-z]+\][ \t]*|\[\^[^\]\s]+\]:[ \t]*|:[ \t]+")
_HASHES = re.compile(r"#{1,6}[ \t]+")
# Where a line of a translation would begin another block than a paragraph.
_BLOCK = re.compile(
    r"\A(\d{1,9}(?=[.)](?:\s|\Z))"
    r"|(?=[-+*](?:\s|\Z)|#{1,6}(?:\s|\Z)|>|=+\s*\Z|-+\s*\Z|~~~|```[^`]*\Z|[|:\s-]*-[|:\s-]*\Z))"
)
# Tags that begin a block wherever a line begins with them (CommonMark, HTML blocks 1 to 6).
_TAGS = (
    "address article aside base basefont blockquote body caption center col colgroup dd details dialog dir div dl dt "
    "fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hr html iframe legend li link "
    "main menu menuitem nav noframes ol optgroup option p param pre script search section style summary table tbody td "
    "textarea tfoot th thead title tr track ul"
)
_HTML_BLOCK = re.compile(rf"<(?:[!?]|/?(?:{_TAGS.replace(' ', '|')})(?:[\s>]|/>|\Z))", re.IGNORECASE)


class Span(NamedTuple):
    """A part of a line."""

    line: int
    begin: int
    end: int


def parse_markdown(text: str) -> Document:
    """Find what is to be read in Markdown (CommonMark, with tables).

    A paragraph is one text, and its translation is broken into as many lines; hard line breaks divide it. Code, HTML
    blocks, front matter, addresses and definitions of references are none.

    Args:
        text: the file, with its own line breaks.
    """
    front = _FRONT_MATTER.match(text)
    skipped = front.end() if front else 0
    lines = _LINE.findall(text[skipped:])
    environment: dict[str, Any] = {}
    plain = "".join(line.rstrip("\r\n") + "\n" for line in lines)
    tokens = _parser().parse(plain, environment)
    references = {*environment.get("references", {})}
    pieces: list[str | Segment] = [text[:skipped]]
    at = (0, 0)  # How much is in pieces already: a line, and a place in it.
    for place, token in enumerate(tokens):
        if token.type != "inline" or not token.map:
            continue
        kind = _kind(tokens[place - 1])
        for spans in _spans(token, kind, lines, at):
            pieces.append(_between(lines, at, (spans[0].line, spans[0].begin)))
            pieces.append(_segment(lines, spans, kind, references))
            at = (spans[-1].line, spans[-1].end)
    return Document([*pieces, _between(lines, at, (len(lines), 0))])


@lru_cache(maxsize=1)
def _parser() -> Any:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table").disable("inline")


def _kind(opening: Any) -> Literal["cell", "title", "paragraph"]:
    """What holds a text; a heading with a line beneath is divided like a paragraph."""
    if opening.type in {"th_open", "td_open"}:
        return "cell"
    return "title" if opening.type == "heading_open" and opening.markup.startswith("#") else "paragraph"


def _spans(token: Any, kind: str, lines: Sequence[str], at: tuple[int, int]) -> "Iterator[list[Span]]":
    """Where the content of a token stands, in parts that hard line breaks divide."""
    spans: list[Span] = []
    contents = token.content.split("\n")
    for number, content in enumerate(contents, token.map[0]):
        line = lines[number].rstrip("\r\n").replace("\0", "\ufffd").rstrip()
        stripped = content.strip()
        cursor = at[1] if at[0] == number else 0
        if kind == "cell":
            stripped = stripped.replace("|", r"\|")
            begin = line.find(stripped, cursor)
        elif kind == "title" and (hashes := _HASHES.search(line, cursor)):
            begin = line.find(stripped, hashes.end())
        else:
            begin = len(line) - len(stripped) if line.endswith(stripped) else -1
        if begin < cursor:  # It is written in a way that is not understood here, so it is left alone.
            return
        is_last = number == token.map[0] + len(contents) - 1
        breaks = not is_last and (content.endswith("  ") or _BACKSLASH.search(content) is not None)
        end = begin + len(stripped) - (breaks and stripped.endswith("\\"))
        spans.append(Span(number, begin, end))
        if breaks:
            yield spans
            spans = []
    if spans:
        yield spans


def _between(lines: Sequence[str], begin: tuple[int, int], end: tuple[int, int]) -> str:
    if begin[0] == end[0]:
        return lines[begin[0]][begin[1] : end[1]] if begin[0] < len(lines) else ""
    last = lines[end[0]][: end[1]] if end[0] < len(lines) else ""
    return lines[begin[0]][begin[1] :] + "".join(lines[begin[0] + 1 : end[0]]) + last


def _segment(lines: Sequence[str], spans: "list[Span]", kind: str, references: Collection[str]) -> "str | Segment":
    """The text in a part of a paragraph, a heading or a cell; what has no words is a string."""
    raw = _between(lines, (spans[0].line, spans[0].begin), (spans[-1].line, spans[-1].end))
    gaps = [_between(lines, (one.line, one.end), (other.line, other.begin)) for one, other in pairwise(spans)]
    content = " ".join(lines[span.line][span.begin : span.end].strip() for span in spans)
    content = content.replace(r"\|", "|") if kind == "cell" else content
    first = _PREFIX.match(content) if kind == "paragraph" else None
    start, content = (first[0], content[first.end() :]) if first else ("", content)
    picture = IMAGE.fullmatch(content)
    end = content[picture.end("alt") :] if picture else ""
    parts, escapes = read_inline(picture["alt"] if picture else content, references)
    before, parts, after = peeled(parts)
    start, end = start + "![" * bool(picture) + before, after + end
    marked = MarkedText(parts)
    words = "".join(part for part in parts if isinstance(part, str))
    if len(parts) > MAX_MARKS or not any(character.isalpha() for character in words):
        return raw

    def write(answer: str) -> str:
        broken = balanced_lines(escaped(marked.place(answer), escapes), len(spans))
        if not broken:
            return raw
        written = [marked.expand(line) for line in broken]
        if any(_HTML_BLOCK.match(line) for line in written[1:]):
            written = [" ".join(written)]
        written[0] = start + written[0]
        written[-1] += end
        if kind == "paragraph":  # A line must not begin another block.
            written = [_BLOCK.sub(r"\1\\", line, count=1) for line in written]
        text = "".join(line + gap for line, gap in zip(written, [*gaps[: len(written) - 1], ""], strict=True))
        return text.replace("|", r"\|") if kind == "cell" else text

    return Segment(raw, marked.text, write)
