"""Letters of compatibility, such as ligatures and full width, written as the plain letters that they are."""

import re
import unicodedata
from functools import lru_cache

# Where Unicode keeps them: letter-like signs, circled and squared letters, presentation forms, styled alphabets.
_BLOCKS = ((0x2100, 0x214F), (0x24B6, 0x24E9), (0xFB00, 0xFFDC), (0x1D400, 0x1D7FF), (0x1F130, 0x1F149))
_IN_BLOCKS = re.compile(f"[{''.join(f'{chr(first)}-{chr(last)}' for first, last in _BLOCKS)}]")
_STYLES = ("<font>", "<wide>", "<narrow>", "<circle>", "<square>", "<initial>", "<medial>", "<final>", "<isolated>")
_INFORMATION = "\u2139"  # It is used as an emoji.
_MAX_LETTERS = 4  # A sign for a whole phrase, as U+FDFA, is a picture of it.
# White letters on black, which Unicode does not decompose. Single squared ones are emoji, such as blood groups.
_NEGATIVE = re.compile("[\U0001f150-\U0001f169]|[\U0001f170-\U0001f189]{2,}")


def plain_letters(text: str) -> str:
    """Write ligatures, full width, styled and circled letters and digits as plain ones (UAX 15, in part).

    Signs that mean something else than their letters stay: ², ½, ™, ℃ and ﷽ among others, and so does an emoji.

    Example:
        >>> plain_letters("ﬁve 𝐇𝐞𝐥𝐥𝐨 Ａ１ 5 m² ½™")
        'five Hello A1 5 m² ½™'
    """
    if text.isascii():
        return text
    if _IN_BLOCKS.search(text):  # The pattern of styled letters takes a hundred times as long.
        text = _compatible().sub(lambda run: unicodedata.normalize("NFKC", run[0]), text)
    return _NEGATIVE.sub(lambda run: "".join(map(_positive, run[0])), text)


@lru_cache(maxsize=1)
def _compatible() -> re.Pattern[str]:
    letters = "".join(
        character for first, last in _BLOCKS for character in map(chr, range(first, last + 1)) if _is_styled(character)
    )
    # Points of full width are those of the text about them only behind a letter of full width.
    wide = "[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a][\uff01-\uff5e]*"
    return re.compile(f"{wide}|(?:[{letters}](?!\ufe0f))+")


def _is_styled(character: str) -> bool:
    decomposition = unicodedata.decomposition(character)
    ligature = character < "\ufb50" and character >= "\ufb00"
    if character == _INFORMATION or not (decomposition.startswith(_STYLES) or (decomposition and ligature)):
        return False
    plain = unicodedata.normalize("NFKC", character)
    return len(plain) <= _MAX_LETTERS and all(one.isalnum() or unicodedata.combining(one) for one in plain)


def _positive(character: str) -> str:
    return chr(ord("A") + (ord(character) - 0x1F150) % 0x20)
