"""Documents: whatever is in them, the same texts give the same bytes, and other texts leave the structure."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from seqcore.errors import InputError
from seqcore.text.documents import check_document, parse_document
from seqcore.text.marks import balanced_lines

PIECES = [
    "# ", "- ", "1. ", "> ", "`", "``", "```\n", "*", "**", "_", "~~", "[", "]", "(", ")", "![", "](u)", "[r]",
    "[r]: http://x\n", "<b>", "</b>", "<br>", "<!-- c -->", "|", "|---|---|\n", "\n", "\n\n", "\r\n", "\r", "  \n",
    "\\\n", "\\", "&amp;", "&lt;", "&nbsp;", "a", "dog", "The dog runs.", "2.", "    ", "\t", "---\n", "===\n",
    "<div>\n", "</div>\n", "\0", "\u2028", "$x$", "{{a}}", "http://a.b/c_d_", "\ufeff", "[^1]: ", "[ ] ", "é",
    "中文", "<i>", "</i>", "{\\an8}", "1\n", "<v Bob>", "WEBVTT\n", "NOTE\n", "- Hi",
    "00:00:01,000 --> 00:00:02,000\n", "00:01.000 --> 00:02.000 align:start\n",
]  # fmt: skip
TIMES = re.compile(r"^\s*\d\S+ --> .*$", re.MULTILINE)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join), st.sampled_from(["a.srt", "a.VTT", "a.md"]))
def test_the_same_texts_give_the_same_bytes(text: str, name: str) -> None:
    document = parse_document(text, name)
    assert document.with_texts(document.texts) == text
    assert document.with_texts([""] * len(document.texts)) == text
    changed = document.with_texts([f"{part} zz" for part in document.texts])
    if name != "a.md":
        assert TIMES.findall(changed) == TIMES.findall(text)
    assert document.with_texts(['`x1`</b> zz <b id="1"><b id="9">' for _ in document.texts]).count("zz") == len(
        document.texts
    )


def answered(text: str, name: str, answer: Callable[[str], str] = str.upper) -> str:
    """A document whose texts are answered; tags, which a translator keeps, are kept."""
    document = parse_document(text, name)
    tag = re.compile(r"(<[^<>]*>|`x\d+`)")
    return document.with_texts(
        ["".join(part if tag.fullmatch(part) else answer(part) for part in tag.split(text)) for text in document.texts]
    )


SRT = """\ufeff1\r
00:00:01,000 --> 00:00:04,000  X1:40 X2:600\r
{\\an8}<i>two men are playing\r
guitar in the street.</i>\r
\r
2\r
00:00:04,500 --> 00:00:06,000\r
- who are you?\r
- I am your\r
<b>father</b>.\r
\r
3\r
00:00:07,000 --> 00:00:08,000\r
42\r
♪ ♪\r
\r
4\r
0:00:09.5-->0:00:10.5\r
<i>every line</i>\r
<i>by itself</i>\r
\r
after a blank line"""


def test_subrip_keeps_times_numbers_speakers_and_lines() -> None:
    document = parse_document(SRT, "film.srt")
    assert document.texts == [
        "two men are playing guitar in the street.", "who are you?", 'I am your <b id="1">father</b>.',
        "every line by itself", "after a blank line",
    ]  # fmt: skip
    upper = answered(SRT, "film.srt")
    assert upper.lower() == SRT.lower()
    assert "{\\an8}<i>TWO MEN ARE PLAYING\r\nGUITAR IN THE STREET.</i>\r\n" in upper
    assert "- I AM YOUR\r\n<b>FATHER</b>.\r\n" in upper


def test_a_cue_never_vanishes_and_is_broken_evenly() -> None:
    cue = "1\n00:00:01,000 --> 00:00:02,000\none two three\nfour.\n\n"
    document = parse_document(cue, "a.srt")
    assert document.with_texts(["  "]) == cue
    assert document.with_texts(["eins zwei drei vier"]).endswith("\neins zwei\ndrei vier\n\n")
    assert document.with_texts(["eins"]).endswith("000\neins\n\n")
    assert document.with_texts(["a\n\n2\n00:00:01,000 --> b"]).endswith("000\na 2 00:00:01,000\n→ b\n\n")


VTT = """WEBVTT - Title
X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000

STYLE
::cue { color: red }

NOTE
a note that stays

REGION
id:fred

intro
00:01.000 --> 00:04.000 align:start position:0%
<v Bob>Tom &amp; Jerry say hello &lt;now&gt;
<v.loud Ann>Really?

7
00:05.000 --> 00:06.000
Hello <00:00:05.500><c.yellow>dear</c> world

text without times
"""


def test_webvtt_keeps_settings_notes_styles_and_voices() -> None:
    document = parse_document(VTT, "film.vtt")
    assert document.texts == [
        'Tom & Jerry say hello <wbr id="1"/>now<wbr id="2"/>', "Really?",
        'Hello <wbr id="1"/><b id="2">dear</b> world',
    ]  # fmt: skip
    upper = answered(VTT, "film.vtt")
    assert "<v Bob>TOM &amp; JERRY SAY HELLO &lt;NOW&gt;\n<v.loud Ann>REALLY?\n" in upper
    assert "HELLO <00:00:05.500><c.yellow>DEAR</c> WORLD" in upper
    assert upper.replace("&AMP;", "&amp;").lower() == VTT.lower()
    assert document.with_texts(["a < b & c --> d", "x", "y"]).count("a &lt; b &amp; c --&gt; d") == 1


MARKDOWN = """---
title: front matter
---
# The *big* dog #

Second heading
--------------

Over lines with `code here`, a [link to
the docs](https://example.org/a_b "A title"), <kbd>Ctrl</kbd>,
an image ![alt](a_b.png) and **bold**.{blanks}
After a hard break\\
and another.

- [ ] a task
- item one
  goes on
  1. nested **item**

> A quote is
> long and
lazy here

| Name | What it is |
|------|:----------:|
| `x`  | a \\| b pipe |
| The dog | [runs](http://x.y) |

```python
code = "untouched"
```

    indented code

<div>
html block
</div>

![A picture](dog.jpg "t")

[![Build](https://a/b.svg)](https://a) See [ref][one], [one][] and [one] but [none] and snake\\_case.[^1]

[one]: https://example.com "Title"

[^1]: A footnote.
""".replace("{blanks}", "  ")


def shape(text: str) -> list[tuple[str, str, int]]:
    body = text.split("---\n", 2)[2] if text.startswith("---") else text
    tokens = MarkdownIt("commonmark").enable("table").parse(body)
    return [(token.type, token.tag, len(token.children or ()) if token.type != "inline" else 0) for token in tokens]


def test_markdown_keeps_its_structure() -> None:
    document = parse_document(MARKDOWN, "a.md")
    for text in (
        'Over lines with `x1`, a <b id="2">link to the docs</b>, `x3`, an image `x4` and <b id="5">bold</b>.',
        'See <b id="1">ref</b>, <b id="2">one</b> and <b id="3">one</b> but [none] and snake_case.<wbr id="4"/>',
    ):
        assert text in document.texts
    upper = answered(MARKDOWN, "a.md")
    assert shape(upper) == shape(MARKDOWN)
    for same in (
        "title: front matter\n", "`code here`", '](https://example.org/a_b "A title")', "<kbd>Ctrl</kbd>",
        "![alt](a_b.png)", "**BOLD**.  \nAFTER A HARD BREAK\\\nAND", "- [ ] A TASK\n",
        "> A QUOTE IS\n> LONG AND\nLAZY HERE\n", 'code = "untouched"', "    indented code", "html block",
        '![A PICTURE](dog.jpg "t")', "[![Build](https://a/b.svg)](https://a) SEE [REF][one]", "[ONE][one]",
        "SNAKE\\_CASE.[^1]", '[one]: https://example.com "Title"', "[^1]: A FOOTNOTE.", "# THE *BIG* DOG #",
        "SECOND HEADING\n----", "| `x`  | A \\| B PIPE |\n| THE DOG | [RUNS](http://x.y) |",
    ):  # fmt: skip
        assert same in upper, same


def test_line_ends_of_markdown_stay() -> None:
    text = MARKDOWN.replace("\n", "\r\n")
    assert answered(text, "a.md") == answered(MARKDOWN, "a.md").replace("\n", "\r\n")


@pytest.mark.parametrize("answer", ["- a list", "1. one", "# title", "> quote", "===", "---", "+ plus", "```", "| - |"])
def test_a_translation_begins_no_other_block(answer: str) -> None:
    document = parse_document("Some words\nover lines.\n", "a.md")
    for text in (document.with_texts([answer]), document.with_texts([f"some {answer}"])):
        assert shape(text) == shape("Some words"), text


def test_marks_that_a_translator_lost_or_doubled_are_set_right() -> None:
    document = parse_document("See **the** [docs](http://x) or `code`.", "a.md")
    assert document.texts == ['See <b id="1">the</b> <b id="2">docs</b> or `x3`.']
    assert document.with_texts(['Siehe <b id="1">die</b> <b id="2"> Doku </b> oder `x3` `x3` </b>.']) == (
        "Siehe **die** [Doku](http://x) oder `code` ."
    )
    assert document.with_texts(["Siehe die Doku."]) == "**Siehe die Doku [docs](http://x) `code`.**"
    turned = document.with_texts(['<b id="2">Doku</b> <b id="1"></b> `x3`'])
    assert turned == "**[Doku](http://x) `code`**"
    assert document.with_texts(['<b id="1"><b id="2">Siehe</b> die</b> `x3`.']) == "**[Siehe](http://x) die** `code`."


def test_lines_are_of_similar_length() -> None:
    assert balanced_lines("a bb ccc dddd", 2) == ["a bb ccc", "dddd"]
    assert balanced_lines("eins zwei", 5) == ["eins", "zwei"]
    assert balanced_lines("两个男人在街上弹吉他", 2) == ["两个男人在", "街上弹吉他"]
    assert balanced_lines("", 2) == []


@pytest.mark.parametrize("arrow", ["->", "-- >", "–>", "→", "--->"])
def test_times_with_another_arrow_are_times(arrow: str) -> None:
    text = (
        f"1\n00:00:01,000 {arrow} 00:00:02,000\nA dog.\n\n2\n00:00:03.000 {arrow} 00:00:04.000\n10:30 -> 11:00 it is.\n"
    )
    check_document(text, "a.srt")
    assert parse_document(text, "a.srt").texts == ["A dog.", "10:30 -> 11:00 it is."]


@pytest.mark.parametrize("text", ["1\nno time\nA dog", "{1}{25}A dog", "WEBVTT\n\n1\nA dog\n", "A\r\n\r\nB"])
@pytest.mark.parametrize("name", ["films/a.srt", "films/a.VTT"])
def test_subtitles_without_times_are_told(text: str, name: str) -> None:
    with pytest.raises(InputError, match=r"^a\.(srt|VTT) holds no subtitles: no line has times"):
        check_document(text, name)


@pytest.mark.parametrize("text", ["", "\ufeff\n", "WEBVTT\n", "WEBVTT\n\nNOTE x\ny\n\nSTYLE\n::cue {}\n"])
def test_subtitles_in_which_nothing_is_said_may_be_so(text: str) -> None:
    check_document(text, "a.vtt")
    check_document("A dog", "a.md")


@pytest.mark.parametrize(
    "sign", ["[", "<!--", "{{", "<code>", "*a ", "`` ` ", "$a", "<b>", "[[a]", "](", "&a", "<b x='"]
)
def test_no_text_makes_the_search_slow(sign: str) -> None:
    text = "a " + sign * (20_000 // len(sign))
    document = parse_document(text, "a.md")
    assert document.with_texts(document.texts) == text
