"""Regular expressions for what a translator copies: numbers, addresses, code and whatever has no words in it.

No text may make a search slow: each pattern begins where nothing of its own kind stands before it, repeats what it can
match in one way alone, and bounds how far it looks.
"""

import re
import unicodedata
from functools import lru_cache

from seqcore.text.scripts import UNSPACED, character_class
from seqcore.text.tags import TAG_PATTERN

# In these a name or a number stands next to words without a blank; it ends where they begin.
_JOINING = character_class((*UNSPACED, "hangul"))
MARKS = "".join(  # what vowels and tones are written by in many scripts
    chr(code) for code in range(0x300, 0xAC00) if unicodedata.category(chr(code)).startswith("M")
)
_W = rf"[^\W{_JOINING}]"  # a character of words that blanks part
_LATIN = "A-Za-zªºÀ-ÖØ-öø-ɏḀ-ỿµμΩ"
_G = rf"[\d{_LATIN}_²³]"  # what may be written together with a number, as in 5km
_BLANK = "[ \u00a0\u202f\u2009]"
_END = r"(?<![.,;:!?\]}'»“”…])"  # Points behind an address are those of the sentence.

_ADDRESS = rf"[^\s<>\"()\u3000-\u303f\uff00-\uffef،؛؟{_JOINING}]"
_URL = (
    rf"(?:(?i:https?|ftps?|sftp|file|ssh|git|wss?)://|(?i:www)\.)(?={_ADDRESS})"
    rf"(?:{_ADDRESS}|\([^\s<>\"()]{{0,200}}\)|(?<=[/=_#&?+%-])[{_JOINING}]+)*{_END}"
)
_DOMAINS = "com|org|net|edu|gov|info|io|dev|de|fr|uk|ch|at|eu|ru|cn|jp|br|pl|nl"
_DOMAIN = (
    rf"(?<![\w.@/-])(?:[a-z0-9][a-z0-9-]{{0,62}}\.){{1,5}}(?:{_DOMAINS})(?![\w-])(?!\.[a-z0-9])"
    rf"(?:(?::\d+)?/{_ADDRESS}*{_END}|)"
)
_MAIL = rf"(?:mailto:)?(?<![\w.+-])(?:{_W}|[.+-])+@(?:{_W}|-)+(?:\.(?:{_W}|-)+)+"
_MAIL_JOINED = r"(?<![A-Za-z0-9_.+-])[A-Za-z0-9_.+-]+@[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+"

_CODE = r"(?<!`)`[^`\n]{1,500}`(?!`)"
_BRACES = (
    r"\{\{[^{}\n]{0,200}\}\}|\{%[^{}\n]{0,200}%\}|<%[^<>\n]{0,200}%>|\[\[[^\[\]\n]{1,200}\]\]"
    r"|[$#%]?\{ ?[^\s{}]{0,100} ?\}"
)
_PRINTF = (
    r"%(?:\([A-Za-z_][\w.]{0,50}\)|\d{1,2}\$)[-+0#]?\d{0,4}(?:\.\d{1,3})?(?:hh?|ll?|[Lzjtq])?[diouxXeEfFgGcrsaA@]"
    rf"|(?<![\d%])%[-+0#]?\d{{0,4}}(?:\.\d{{1,3}})?(?:hh?|ll?|[Lzjtq])?[diouxXeEfFgGcrsaA@](?:km|kg|cm|mm|px|ms|MB|GB)?(?!{_W})"
    r"|(?<![\w%])%[A-Za-z_]\w{0,50}%(?!\w)|%%|\$[A-Za-z_][A-Za-z0-9_]*"
)
_REFERENCE = r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});"
_UUID = r"(?<!\w)[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?!\w)"
_HEX = rf"(?<!{_W})(?=[a-f]*\d)[0-9a-f]{{7,128}}(?!{_W})"

_ROOTS = "etc|usr|var|tmp|home|opt|bin|dev|proc|root|mnt|srv|lib|sys|boot|media|Users|Applications|Library|Volumes"
_EXTENSIONS = (
    "txt|md|rst|pdf|docx?|xlsx?|pptx?|od[tsp]|[ct]sv|jsonl?|ya?ml|toml|ini|cfg|conf|xml|html?|s?css|m?js|[jt]sx|py|ipynb"
    "|rb|rs|java|cpp|hpp|php|sh|bat|ps1|exe|dll|msi|deb|rpm|dmg|apk|zip|tar|t?gz|bz2|xz|7z|rar|iso|jpe?g|png|gif|svg"
    "|webp|bmp|tiff?|ico|heic|psd|mp[34]|m4a|wav|flac|ogg|avi|mkv|mov|webm|srt|vtt|log|sql|db|sqlite|bak|epub|tex|bib"
    "|eml|ics|pem"
)
_PART = r"[^\s\\/:*?\"<>|.,;!]"  # of a name in a path of Windows
_PATHS = (
    rf"(?<!{_W})[A-Za-z]:[\\/](?!/)"
    rf"(?:[^\s\"<>|*?:;,]|[ ](?=(?:{_PART}{{1,30}} ){{0,2}}{_PART}{{1,30}}\\))*(?<![.,;:!)\]'”»])"
    rf"|\\\\[\w.-]+\\[^\s\"<>|]*(?<![.,;:!)\]'”»])"
    rf"|(?<![\w/.~\\>])(?:(?:~|\.{{1,2}})/|/(?:{_ROOTS})(?![\w-])|/(?=[\w.+@-]{{1,60}}/[\w~]))[\w./+@%~-]*(?<![.,-])"
    rf"|(?<![\w./\\+@-])(?:[\w+@-][\w.+@-]*[\\/]){{0,20}}[\w-][\w.+@-]*?(?:\.(?i:{_EXTENSIONS}))+(?!{_W})"
)

# A line break as strings in code have it, such as one\\ntwo; then commands, such as \\textbf.
_ESCAPES = r"(?<=[^\s{$\\])(?:(?:\\r)?\\n)+|(?:\\[nrt](?![a-z]))+|\\[A-Za-z]{1,30}\*?"

_HANDLE = (
    rf"(?<!{_W})@(?:[A-Za-z0-9_]{_W}*(?:[.-]{_W}+)*(?:/[A-Za-z0-9_]{_W}*)?|[\w{MARKS}]+)"
    rf"|(?<![{_LATIN}\d_&])#(?:[A-Za-z0-9_]{_W}*|[\w{MARKS}]+#?)"
)
_VERSION = rf"(?<!{_W})[vV]\d+(?:\.\d+)*(?:-(?:alpha|beta|rc|dev|pre)[.\d]*)?(?!{_W})"
_RAISED = "²³¹⁰-₎"
_FORMULA = rf"(?<!{_W})(?:[{_LATIN}]{{1,3}}[{_RAISED}]+)+[{_LATIN}]{{0,3}}(?!{_W})"
_SERIAL = rf"(?<!{_W})[A-Z][A-Z0-9-]{{0,30}}\d[A-Z0-9-]{{0,30}}(?!{_W})"  # such as A4
_INITIALS = rf"(?<!{_W})[A-Z]{{1,4}}&[A-Z]{{1,4}}(?!{_W})"

_MONEY = "$€£¥₹₽₩₪₺₫₴₦₱₡₲₵₸₼₾฿¢"
_CURRENCIES = "EUR|USD|GBP|CHF|JPY|CNY|RMB|CAD|AUD|SEK|NOK|DKK|PLN|CZK|RUB|INR|BRL"
_UNITS = (
    "km/h|kmh|mph|m/s|[kcdmnµμ]?m[²³]?|[kmµμ]?g|t|[mcd]?[lL]|[kMGT]i?B|[kMG]bit(?:/s)?|[kMGT]?Hz|[kMG]?Wh?|[kM]?V|mA"
    "|[kMG]?Ω|ms|px|dpi|ft|yd|oz|lbs?|kcal|kJ|hPa|dB|rpm|bpm|fps|pm"
)
_CORE = (
    rf"(?:\d{{1,3}}(?:[ \u00a0\u202f\u2009'’]\d{{3}})+(?!\d)(?:[.,]\d+)?{_G}*"
    rf"|\.?\d{_G}*(?:[.,:/–−×·٫٬+-]{_G}*\d{_G}*)*(?:-(?:alpha|beta|rc|dev|pre)(?:\.?\d+)?)?)"
)
_AFTER_NUMBER = (
    rf"(?:{_BLANK}?[%‰٪](?![\w({{@]|\.\d)"
    rf"|{_BLANK}?[{_MONEY}](?![\w{{])(?:/[A-Za-z]{{1,4}}(?!\w))?|{_BLANK}(?:{_CURRENCIES})(?!{_W})"
    rf"|{_BLANK}?°(?:{_BLANK}?[CFKNSEWO](?!{_W}))?|{_BLANK}?[℃℉㎏㎞㎝㎜㎡]"
    rf"|{_BLANK}(?:{_UNITS})(?![\w'’])|/[A-Za-z]{{1,4}}(?!\w)|['′]\d{{1,2}}(?:[\"″]|'')|[′″]|{_BLANK}?[¼½¾⅐-⅞]"
    rf"|\+(?!\w))?"
)
_SIGN = r"(?:(?<![^\s(\[{\"'“„«/=:<>])[-−+±~≈])?"
_PREFIX = rf"(?:(?:[A-Z]{{1,3}})?[{_MONEY}]{_BLANK}?|(?:{_CURRENCIES}){_BLANK}|[§№]{_BLANK}?|)"
_OPERATOR = r"(?:==|[<>!]=|[×÷*+=<>≤≥≠≈^±]|[xX](?=[ ]?\d))"
_START = rf"(?<![\d{_LATIN}_])(?<!\d[.,])"
# Of a telephone number, and not the next one with its unit.
_DIGITS = rf"\d+(?!{_G}|[.,:]\d|{_BLANK}?(?:{_UNITS}|{_CURRENCIES}|[%‰°{_MONEY}])(?!\w))"
_NUMBER = (
    rf"{_START}\+\d+(?:{_BLANK}?\(\d+\))?(?:{_BLANK}{_DIGITS}|[./-]\d+)+"  # a telephone number
    rf"|{_START}\(\d{{2,6}}\)(?:{_BLANK}|-)?\d{{2,}}(?:{_BLANK}{_DIGITS}|[./-]\d{{2,}})*"
    rf"|{_START}0\d{{1,5}}(?:{_BLANK}|[/-])\d{{3,}}(?:{_BLANK}{_DIGITS}|-\d+)*(?![.,:]\d)(?!{_G})"
    rf"|{_START}{_SIGN}{_PREFIX}{_SIGN}{_CORE}{_AFTER_NUMBER}"
    rf"(?:{_BLANK}?{_OPERATOR}{_BLANK}?(?:-?{_CORE}{_AFTER_NUMBER}|[A-Za-z](?!{_W})))*"
)
_FORMULA_OF_LETTERS = (
    rf"(?<![{_LATIN}\d_'’])[A-HJ-Za-z](?:{_BLANK}?{_OPERATOR}{_BLANK}?(?:-?{_CORE}|[A-Za-z](?![{_LATIN}\d_'’])))+"
)
_IDENTIFIER = (
    rf"(?<![\w.])[A-Za-z_][A-Za-z0-9_.]*\(\)"
    rf"|(?<![\w.])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+\([^()\s]{{0,80}}\)"
    rf"|(?<![\w.])[A-Za-z_]\w+(?:\.[A-Za-z_]\w+){{2,}}(?!{_W})"
    rf"|(?<!{_W})(?![A-Z][a-z]+_in(?:nen)?(?!{_W}))_*[A-Za-z0-9]+(?:_+[A-Za-z0-9]+)+_*(?:\([^()\s]{{0,80}}\))?(?!{_W})"
    rf"|(?<!{_W})(?:[a-z]+(?:[A-Z][a-z0-9]+)+|[a-z]{{2,}}[A-Z][A-Za-z0-9]*)(?:\([^()\s]{{0,80}}\))?(?!{_W})"
    r"|(?<!\S)--[a-z][a-z0-9]*(?:-[a-z0-9]+)*(?:=[^\s.,;]{1,200})?(?![\w-])"
)
_KEYCAP = "[0-9#*]\ufe0f?\u20e3"
_SIGNS = (
    "[\u203c\u2049]\ufe0f|[¹²³¼½¾№™®©§]\ufe0f?"
    r"|<3+(?!\d)|(?<!\S)[:;=][-']?[()DPp|/\\](?!\w)|(?<![\w:]):[a-z][a-z0-9_+-]{1,30}:(?!\w)"
    r"|<?[-=]{1,3}>|<[-=]{1,3}|[<>=|\\^~{}*]+|_{2,}|`{3,}"
)
_ITEMS = (
    _KEYCAP, TAG_PATTERN, rf"<(?:mailto:)?(?:{_MAIL_JOINED})>|<https?://[^\s<>]+>", _URL, _CODE, _BRACES, _PRINTF,
    _REFERENCE, _MAIL, _MAIL_JOINED, _UUID, _PATHS, _ESCAPES, _DOMAIN, _HANDLE, _VERSION, _FORMULA, _SERIAL, _INITIALS,
    _HEX, _FORMULA_OF_LETTERS, _NUMBER, _IDENTIFIER, _SIGNS,
)  # fmt: skip

# What is neither words nor the points between them: all of Latin's blocks, marks, currencies, the private signs.
_COMMON = r"\x00-@\[-`{-©«-´¶-¹»-¿×÷\u02b0-\u036f\u2000-\u206f\u20a0-\u20bf\u2100\u2116\u2122\ue000\ue001"
# Of sentences without any of these, nothing is searched.
_HINTS = (
    rf"[\d@#&%$<>{{}}\[|\\/_~^*=+`²³¹¼½¾№™®©§°{_MONEY}{_RAISED}\u203c\u2049]|\w\.[a-z]|[a-z][A-Z]|\(\)"
    "|[:;][-'()DPp]|:[a-z]|--[a-z]"
)


@lru_cache(maxsize=64)
def foreign(scripts: tuple[str, ...]) -> str:
    """Write a pattern for runs of what is neither written in these scripts nor used by all: other scripts, emoji."""
    speech = _COMMON + character_class(scripts)
    # Every character has one place in this, so that no text can make the search try one split after another.
    return rf"\ufe0f?[^\s\ufe0f{speech}](?:[\u200d\ufe0f\s]*[^\s\ufe0f{speech}])*\ufe0f?"


@lru_cache(maxsize=1)
def unbroken_pattern() -> re.Pattern[str]:
    """Compile the pattern of items within which no sentence ends: all but runs of other scripts."""
    return re.compile("|".join(_ITEMS))


@lru_cache(maxsize=64)
def item_pattern(scripts: tuple[str, ...]) -> re.Pattern[str]:
    """Compile the pattern of all that is copied in texts of these scripts."""
    return re.compile("|".join((*_ITEMS, foreign(scripts))))


@lru_cache(maxsize=64)
def hint_pattern(scripts: tuple[str, ...]) -> re.Pattern[str]:
    """Compile a pattern that every text with an item matches, and that is fast to search for."""
    speech = _COMMON + character_class(scripts)
    return re.compile(rf"{_HINTS}|[^\s\ufe0f{speech}]")
