"""Scripts that languages are written in: which one a letter is of, and which ones a text needs."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

# Blocks of Unicode 17 that hold the letters, marks, digits and points of the scripts in use today (UAX 31, tables 5 and
# 7); Hiragana and Katakana are one here, since Japanese mixes them within a sentence.
_BLOCKS = """
latin 41-5a 61-7a aa-aa b5-b5 ba-ba c0-d6 d8-f6 f8-2af 1e00-1eff 2c60-2c7f a720-a7ff ab30-ab6f
greek 370-3ff 1f00-1fff
cyrillic 400-52f 1c80-1c8f 2de0-2dff a640-a69f
armenian 530-58f fb13-fb17
hebrew 590-5ff fb1d-fb4f
arabic 600-6ff 750-77f 870-8ff fb50-fdff fe70-fefe
syriac 700-74f 860-86f
thaana 780-7bf
nko 7c0-7ff
mandaic 840-85f
devanagari 900-97f 1cd0-1cff a8e0-a8ff
bengali 964-965 980-9ff
gurmukhi 964-965 a00-a7f
gujarati 964-965 a80-aff
oriya 964-965 b00-b7f
tamil 964-965 b80-bff
telugu 964-965 c00-c7f
kannada 964-965 c80-cff
malayalam 964-965 d00-d7f
sinhala 964-965 d80-dff
thai e00-e7f
lao e80-eff
tibetan f00-fff
myanmar 1000-109f a9e0-a9ff aa60-aa7f 116d0-116e3
georgian 10a0-10ff 1c90-1cbf 2d00-2d2f
hangul 1100-11ff 3000-303f 3130-318f a960-a97f ac00-d7ff ff00-ffef
ethiopic 1200-139f 2d80-2ddf ab00-ab2f 1e7e0-1e7ff
cherokee 13a0-13ff ab70-abbf
canadian-aboriginal 1400-167f 18b0-18ff 11ab0-11abf
tagalog 1700-171f 1735-1736
hanunoo 1720-1736
khmer 1780-17ff 19e0-19ff
mongolian 1800-18af
limbu 1900-194f
tai-le 1950-197f
new-tai-lue 1980-19df
buginese 1a00-1a1f
tai-tham 1a20-1aaf
balinese 1b00-1b7f
sundanese 1b80-1bbf 1cc0-1ccf
batak 1bc0-1bff
lepcha 1c00-1c4f
ol-chiki 1c50-1c7f
tifinagh 2d30-2d7f
bopomofo 2ea-2eb 3000-303f 3100-312f 31a0-31bf ff00-ffef
kana 3000-303f 3040-30ff 31f0-31ff ff00-ffef 1aff0-1b16f
han 2e80-2fdf 3000-303f 31c0-31e3 3400-4dbf 4e00-9fff f900-faff fe30-fe4f ff00-ffef 20000-3347f
yi a000-a4cf
lisu a4d0-a4ff 11fb0-11fb0
vai a500-a63f
bamum a6a0-a6ff 16800-16a3f
syloti-nagri a800-a82f
saurashtra a880-a8df
kayah-li a900-a92f
rejang a930-a95f
javanese a980-a9df
cham aa00-aa5f
tai-viet aa80-aadf
meetei-mayek aae0-aaff abc0-abff
osage 104b0-104ff
hanifi-rohingya 10d00-10d3f
chakma 11100-1114f
newa 11400-1147f
warang-citi 118a0-118ff
mro 16a40-16a6f
pahawh-hmong 16b00-16b8f
medefaidrin 16e40-16e9f
miao 16f00-16f9f
nyiakeng-puachue-hmong 1e100-1e14f
wancho 1e2c0-1e2ff
nag-mundari 1e4d0-1e4ff
adlam 1e900-1e95f
"""
_RANGES = {
    name: tuple((int(first, 16), int(last, 16)) for first, last in (block.split("-") for block in blocks))
    for name, *blocks in (line.split() for line in _BLOCKS.split("\n") if line)
}
SCRIPTS = tuple(_RANGES)
# Points and letters that scripts share tell nothing of a script: of what several blocks hold, none is asked for.
_SHARED = ((0x964, 0x965), (0x3000, 0x303F), (0xFF00, 0xFFEF))
_PLACES = sorted(
    (first, last, name) for name, blocks in _RANGES.items() for first, last in blocks if (first, last) not in _SHARED
)
_FIRSTS = [first for first, _, _ in _PLACES]
_MIN_SHARE = 0.01  # Names and quotations of a script are no reason to learn it.
# A word is not set off by blanks in these.
UNSPACED = ("han", "kana", "bopomofo", "thai", "lao", "khmer", "myanmar", "tibetan", "yi", "javanese", "balinese")


def script_of(character: str) -> str | None:
    """Look up the script that a letter or mark is of; None for what every script uses, and for ancient ones.

    Example:
        >>> script_of("я"), script_of("猫"), script_of("?")
        ('cyrillic', 'han', None)
    """
    code = ord(character)
    place = bisect_right(_FIRSTS, code) - 1
    return _PLACES[place][2] if place >= 0 and code <= _PLACES[place][1] else None


def text_scripts(texts: Iterable[str]) -> tuple[str, ...]:
    """Find the scripts that texts are written in: those of at least one letter in a hundred, most used first.

    Example:
        >>> text_scripts(["Кошка видит дом.", "The cat sees the house."])
        ('latin', 'cyrillic')
    """
    characters: Counter[str] = Counter()
    for text in texts:
        characters.update(text)
    letters: Counter[str] = Counter()
    for character, count in characters.items():
        if character.isalpha() and (script := script_of(character)):
            letters[script] += count
    least = _MIN_SHARE * letters.total()
    return tuple(name for name, count in letters.most_common() if count >= least)


@lru_cache(maxsize=64)
def character_class(scripts: tuple[str, ...]) -> str:
    """Write what a regular expression's brackets hold to match the characters of scripts."""
    blocks = sorted({block for name in scripts for block in _RANGES[name]})
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in blocks)


unspaced_class = character_class(UNSPACED)


def is_unspaced(character: str) -> bool:
    """Tell whether a character is of a script that sets no blanks between words, or a point of it."""
    return "\u3000" <= character <= "\u303f" or "\uff00" <= character <= "\uffef" or script_of(character) in UNSPACED
