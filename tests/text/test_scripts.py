"""Scripts: which one a letter is of, and the plain letters behind those of compatibility."""

import sys
import unicodedata

import pytest

from seqcore.text.compatibility import plain_letters
from seqcore.text.scripts import SCRIPTS, is_unspaced, script_of, text_scripts

# What the name of a character begins with, where that is not the name of its script.
NAMED = {"CJK": "han", "KANGXI": "han", "HIRAGANA": "kana", "KATAKANA": "kana", "KATAKANA-HIRAGANA": "kana"}
NAMED |= {"CANADIAN": "canadian-aboriginal", "OL": "ol-chiki", "MEETEI": "meetei-mayek", "KAYAH": "kayah-li"}


def test_every_letter_that_unicode_names_by_a_script_is_of_it() -> None:
    wrong = []
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        first = unicodedata.name(character, "").split(" ")[0] if unicodedata.category(character)[0] == "L" else ""
        named = NAMED.get(first, first.lower())
        styled = unicodedata.decomposition(character).startswith("<") or 0xFF00 <= code < 0xFFF0
        phonetic = 0x1D00 <= code < 0x1DC0 or (named == "latin" and code > 0xFFFF) or code in {0x2184, 0xAB65}
        if named in SCRIPTS and not styled | phonetic and script_of(character) != named:
            wrong.append(f"{code:x} {unicodedata.name(character)}: {script_of(character)}")
    assert not wrong


@pytest.mark.parametrize("character", [" ", "?", "5", "🐕", "。", "\u0301", "€", "𒀀"])
def test_what_all_scripts_use_and_what_is_ancient_is_of_none(character: str) -> None:
    assert script_of(character) is None


def test_the_scripts_of_a_text_are_those_of_more_than_a_few_letters() -> None:
    assert text_scripts(["Кошка видит дом.", "The cat."]) == ("cyrillic", "latin")
    assert text_scripts(["この猫はトムです。"]) == ("kana", "han")
    assert text_scripts(["An angle is called α. It is a letter. " + "It is a word of many letters. " * 9]) == ("latin",)
    assert text_scripts([]) == text_scripts(["1, 2!"]) == ()


def test_words_of_these_are_written_without_blanks() -> None:
    assert all(map(is_unspaced, "猫ねこトムไทย。！"))
    assert not any(map(is_unspaced, "aяγاहि한. "))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("ﬁve oﬃces", "five offices"),
        ("Ａ１，Ｈｅｌｌｏ！", "A1,Hello!"),
        ("𝐇𝐞𝐥𝐥𝐨 𝒲ℴ𝓇𝓁𝒹 𝟙𝟚", "Hello World 12"),
        ("Ⓗⓔⓛⓛⓞ 🄷🄸 🅐🅑 🅷🅴🅻🅻🅾", "Hello HI AB HELLO"),
        ("ﺍﻟﻘﻂ ﻻ", "القط لا"),
        ("ｶﾞ", "ガ"),
        ("你好，世界！", "你好，世界！"),
    ],
)
def test_letters_of_compatibility_are_plain_letters(text: str, plain: str) -> None:
    assert plain_letters(text) == plain


@pytest.mark.parametrize("text", ["²", "½", "™", "℃", "﷽", "ﷺ", "①", "Ⓜ️", "ℹ️", "🅰", "№", "…", "㎏", "é", "plain"])
def test_signs_that_mean_something_else_stay(text: str) -> None:
    assert plain_letters(text) == text
