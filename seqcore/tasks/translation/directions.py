"""From which language to which: what a request or a row says, what a text shows, and what a model knows."""

from collections.abc import Mapping, Sequence
from typing import Any

from seqcore.errors import InputError
from seqcore.text.languages import detect_language
from seqcore.validation import shown

AUTO = "auto"


def text_direction(text: str, source: str, target: str | None, known: Sequence[str]) -> tuple[str, str]:
    """The languages of a request.

    Args:
        source: `auto` is detected; a text that turns out to be in the target language has that one twice.
        target: without it, the first that is known for the source.
        known: directions, such as `en-de`.

    Raises:
        InputError: a direction that is not known, or what is no code of a language.
    """
    for name, code in (("source", source), ("target", target)):
        if not isinstance(code, str) and (code is not None or name == "source"):
            raise InputError(f"{name} must be the code of a language, such as de, not {shown(code)}")
    detected = source == AUTO
    if detected:
        source = detect_language(text, sorted({direction.split("-")[0] for direction in known}))
    if target is None:
        target = next((direction.split("-")[1] for direction in known if direction.startswith(f"{source}-")), "")
    elif detected and source == target:
        return source, target
    check_direction(source, target, known)
    return source, target


def one_each(name: str, code: Any, texts: int) -> list[Any]:
    """A language code for each of so many texts: the one for all, or those of a list. Raises `InputError`."""
    if not isinstance(code, list | tuple):
        return [code] * texts
    if len(code) != texts:
        raise InputError(f"{name} must be one code, or one for each of the {texts} texts, not {len(code)}")
    return list(code)


def row_direction(row: Mapping[str, Any], known: Sequence[str]) -> tuple[str, str]:
    """A row's languages; what it does not say follows from the first direction that fits."""
    source, target = row.get("source_lang"), row.get("target_lang")
    for direction in known:
        first, second = direction.split("-")
        if source in {None, "", AUTO, first} and target in {None, "", second}:
            return source or first, target or second
    return source or "", target or ""


def check_direction(source: str, target: str, known: Sequence[str]) -> None:
    """Raises InputError for a direction that is not known."""
    if f"{source}-{target}" not in known:
        what = "this model does not translate"
        what += f" from {source!r}" * bool(source) + f" to {target!r}" * bool(target)
        if source and source == target:
            what = f"source and target are both {source!r}"
        raise InputError(f"{what}; it does: {', '.join(known)}")


def language_mark(language: str) -> str:
    """The control symbol that asks for a target language (Johnson 2017)."""
    return f"<2{language}>"
