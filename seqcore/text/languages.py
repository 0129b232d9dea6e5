"""Identification of the language that a text is written in."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from seqcore.errors import InputError
from seqcore.text.compatibility import plain_letters
from seqcore.text.scripts import script_of

NAMES = {"cs": "Czech", "de": "German", "en": "English", "fr": "French"}
_MIN_CERTAINTY = 0.8
_MIN_LETTERS = 20  # A shorter text is not called foreign.


def detect_language(text: str, among: Sequence[str], scripts: Sequence[str] = ("latin",)) -> str:
    """Find the likeliest of some languages (Lui & Baldwin 2012).

    Args:
        text: of any length; a short one is taken for the likeliest whatever it is.
        among: codes, such as `de`. A region, as in `pt_BR`, makes no difference; of a language that cannot be told from
            others, the text is taken for it where it is in none of the rest.
        scripts: those that can be read; a text in others is refused.

    Raises:
        InputError: the text is surely in none of them.
    """
    if len(among) == 1:
        return among[0]
    text = plain_letters(text)
    codes = {code: code.split("_")[0].lower() for code in among}
    unknown = [code for code in among if codes[code] not in _labels()]
    letters = [character for character in text if character.isalpha()]
    language, certainty = _identifier(None).classify(text)
    readable = any(script_of(character) in scripts for character in letters)
    foreign = language not in codes.values() and (certainty >= _MIN_CERTAINTY or not readable)
    if len(letters) >= _MIN_LETTERS and foreign and not (unknown and readable):
        names = ", ".join(NAMES.get(code, code) for code in among)
        raise InputError(
            f"this text seems to be in a language ({language}) that the model does not read; it reads {names}. "
            "Name the source language to translate it all the same"
        )
    if unknown and (foreign or len(unknown) == len(among)):
        return unknown[0]
    likeliest = _identifier(tuple(codes[code] for code in among)).classify(text)[0]
    return next(code for code in among if codes[code] == likeliest)


def _labels() -> frozenset[str]:
    return frozenset(map(str, _identifier(None).labels))


@lru_cache(maxsize=16)
def _identifier(languages: tuple[str, ...] | None) -> Any:
    from py3langid import langid

    identifier = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
    known = [language for language in languages or () if language in identifier.labels]
    if known:
        identifier.set_languages(known)
    return identifier
