"""Markup of data sets and web pages, which is no part of running text."""

import html
import re

_BREAKS = re.compile(r"<\s*(?:br|/?p|/?div|hr)\b[^<>]{0,100}>", re.IGNORECASE)
_MARKUP = re.compile(r"</?(?:i|b|u|em|strong|span|a|font|small|blockquote)\b[^<>]{0,300}>", re.IGNORECASE)
_NO_CHARACTER = re.compile(r"&#[0-9]{100,};?")  # Python refuses to read a number of thousands of digits.
_BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}", "``": '"', "''": '"'}
_BRACKET = re.compile("|".join(map(re.escape, _BRACKETS)), re.IGNORECASE)
_BEFORE = re.compile(r"(?<=\S) +(?=(?:n't|'(?:s|re|ve|ll|d|m)|[,.;:?!%)\]}])(?!\w))", re.IGNORECASE)
_AFTER = re.compile(r"(?<=[(\[{$]) +(?=\S)")


def strip_markup(text: str) -> str:
    """Take away HTML's formatting and entities, and the blanks of the Penn Treebank's tokens (Marcus 1993).

    Line breaks stay, and so does other markup.

    Example:
        >>> strip_markup("It 's <i>good</i> , is n't it ?")
        "It's good, isn't it?"
    """
    if "<" in text:
        text = _MARKUP.sub("", _BREAKS.sub("\n", text))
    text = html.unescape(_NO_CHARACTER.sub("\ufffd", text))
    text = _BRACKET.sub(lambda match: _BRACKETS[match[0].upper()], text)
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(_AFTER.sub("", _BEFORE.sub("", line)) for line in lines if line)
