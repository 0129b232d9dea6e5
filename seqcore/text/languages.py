"""Identification of the language that a text is written in."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from seqcore.errors import InputError

NAMES = {"cs": "Czech", "de": "German", "en": "English", "fr": "French"}
_MIN_CERTAINTY = 0.8
_MIN_LETTERS = 20  # A shorter text is not called foreign.


def detect_language(text: str, among: Sequence[str]) -> str:
    """Find the likeliest of some languages (Lui & Baldwin 2012).

    Args:
        text: of any length; a short one is taken for the likeliest whatever it is.
        among: codes, such as `de`.

    Raises:
        InputError: the text is surely in none of them.
    """
    if len(among) == 1:
        return among[0]
    letters = [character for character in text if character.isalpha()]
    language, certainty = _identifier(None).classify(text)
    readable = any(character < "\u0370" for character in letters)
    if len(letters) >= _MIN_LETTERS and language not in among and (certainty >= _MIN_CERTAINTY or not readable):
        names = ", ".join(NAMES.get(code, code) for code in among)
        raise InputError(
            f"this text seems to be in a language ({language}) that the model does not read; it reads {names}. "
            "Name the source language to translate it all the same"
        )
    return str(_identifier(tuple(among)).classify(text)[0])


@lru_cache(maxsize=16)
def _identifier(languages: tuple[str, ...] | None) -> Any:
    from py3langid import langid

    identifier = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
    known = [language for language in languages or () if language in identifier.labels]
    if known:
        identifier.set_languages(known)
    return identifier
