"""What stands inside a paragraph of Markdown: code, links, emphasis, tags and the like, as marks."""

import re
from collections.abc import Collection, Iterator

from seqcore.text.marks import Mark, paired

# All of these bound how far they look, so that no text makes the search slow.
_LABEL = r"\[(?P<{}>(?:[^\[\]\\`]|\\.|`[^`]{{0,500}}`|\[[^\[\]]{{0,500}}\](?:\([^()\s]{{0,500}}\))?){{0,2000}})\]"
_DESTINATION = (
    r"\(\s{0,9}(?:<[^<>\n]{0,2000}>|(?:[^()\\\s]|\\.|\([^()]{0,500}\)){0,2000})"
    r"(?:\s{1,9}(?:\"[^\"]{0,500}\"|'[^']{0,500}'|\([^()]{0,500}\)))?\s{0,9}\)"
)
_REFERENCE = r"\[[^\[\]]{0,500}\]"
IMAGE = re.compile(rf"!{_LABEL.format('alt')}(?:{_DESTINATION}|{_REFERENCE})")
_TOKEN = re.compile(
    r"(?P<code>(?<!`)(?P<ticks>`{1,9})(?!`).{1,2000}?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<verbatim><!--.{0,2000}?-->"
    r"|<(?P<tag>code|kbd|samp|var|pre|script|style|svg|math)\b[^<>]{0,500}>.{0,2000}?</(?P=tag)\s{0,9}>"
    r"|<[A-Za-z][A-Za-z0-9+.-]{1,31}:[^<>\s]{0,2000}>|<[\w.+-]{1,64}@[\w.-]{1,255}>"
    r"|(?:https?://|www\.)[^\s<>\[\]()\"]{0,2000}[^\s<>\[\]()\".,;:!?*_'`]"
    r"|\{\{.{0,500}?\}\}|\{%.{0,500}?%\}|\{[#.:][^{}]{0,500}\}"
    r"|\$\$.{1,1000}?\$\$|(?<![\w$\\])\$(?=[^\s$])[^$]{0,500}?(?<=[^\s\\])\$(?![\w$])|\[\^[^\[\]\s]{1,500}\])"
    r"|<(?P<closes>/?)(?P<name>[A-Za-z][\w:-]{0,50})(?:\s[^<>]{0,2000})?(?P<empty>/?)>"
    rf"|(?P<image>!{_LABEL.format('picture')}(?:{_DESTINATION}|{_REFERENCE}))"
    rf"|(?P<link>{_LABEL.format('label')}(?P<goal>{_DESTINATION}|{_REFERENCE})?)"
    r"|(?P<sign>\*+|_+|~~+)"
    r"|\\(?P<escape>[!-/:-@\[-`{-~])"
    r"|(?P<entity>&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]\w{1,30});)",
    re.DOTALL,
)
_READ = {"&amp;": "&", "&quot;": '"', "&apos;": "'", "&#39;": "'"}
_SIGNS = {*"\\`*_[]<>~$&!|"}  # Others mean something only where a line begins.
_VOID = {"area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


def read_inline(text: str, references: Collection[str]) -> "tuple[list[str | Mark], set[str]]":
    """The text and the marks of a paragraph, and which signs were escaped in it.

    Args:
        text: on one line.
        references: the labels that are defined, as CommonMark compares them.
    """
    escapes: set[str] = set()
    return paired(_scanned(text, references, escapes)), escapes


def escaped(text: str, signs: Collection[str]) -> str:
    """A translation with a backslash before each sign that the text had escaped."""
    return re.sub("[" + re.escape("".join(sorted(signs))) + "]", r"\\\g<0>", text) if signs else text


def normalized_label(label: str) -> str:
    """A label of a reference as labels are compared."""
    return " ".join(label.split()).lower().upper()


def _scanned(text: str, references: Collection[str], escapes: set[str]) -> "Iterator[str | Mark]":
    at = 0
    while match := _TOKEN.search(text, at):
        yield text[at : match.start()]
        raw, at = match[0], match.end()
        if match["code"] or match["verbatim"]:
            apart = raw.startswith(("<!--", "[^"))
            yield Mark(raw, outer=raw.startswith("<!--"), place="" if apart else "word")
        elif match["image"]:
            yield Mark(raw, outer=True, place="word")
        elif match["name"]:
            yield _tag(raw, match["name"].lower(), bool(match["closes"]), bool(match["empty"]))
        elif match["link"]:
            yield from _link(match, references, escapes)
        elif match["sign"]:
            yield _sign(raw, text[match.start() - 1 : match.start()], text[at : at + 1])
        elif match["escape"]:
            escapes.update({match["escape"]} & _SIGNS)
            yield match["escape"]
        elif raw == "&nbsp;" and re.fullmatch(r"\w\w", text[match.start() - 1 : match.start()] + text[at : at + 1]):
            yield " "
        else:
            yield _READ.get(raw) or Mark(raw, outer=raw == "&nbsp;")
    yield text[at:]


def _tag(raw: str, name: str, closes: bool, empty: bool) -> Mark:
    if empty or name in _VOID:
        return Mark(raw, outer=True, place="end" if name in {"br", "hr"} else "word" if name == "img" else "")
    return Mark(raw, "close" if closes else "open", f"<{name}", outer=True)


def _link(match: "re.Match[str]", references: Collection[str], escapes: set[str]) -> "Iterator[str | Mark]":
    label, goal = match["label"], match["goal"] or ""
    if not goal or goal == "[]" or goal[0] == "[":
        if normalized_label(label if goal in {"", "[]"} else goal[1:-1]) not in references:
            yield "["
            yield from _scanned(label, references, escapes)
            yield "]"
            if goal:
                yield "["
                yield from _scanned(goal[1:-1], references, escapes)
                yield "]"
            return
        # The label is the name of the reference, too, which is told apart from the text from now on.
        goal = goal if goal not in {"", "[]"} else f"[{label}]"
    inside = list(_scanned(label, references, escapes))
    if not any(character.isalpha() for part in inside if isinstance(part, str) for character in part):
        yield Mark(match[0], outer=True, place="word")  # such as a badge
        return
    key = f"link {match.start()} {match[0]}"
    yield Mark("[", "open", key, link=True)
    yield from inside
    yield Mark(f"]{goal}", "close", key, link=True)


def _sign(raw: str, before: str, after: str) -> "str | Mark":
    """Whether a run of signs can begin or end emphasis: see CommonMark's flanking."""
    begins = bool(after) and not after.isspace()
    ends = bool(before) and not before.isspace()
    if "_" in raw:
        begins, ends = begins and not before.isalnum(), ends and not after.isalnum()
    if not begins and not ends:
        return raw
    return Mark(raw, "either" if begins and ends else "open" if begins else "close", raw)
