"""From which language to which: what a request or a row says, what a text shows, and what a model knows."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from seqcore.data import filled
from seqcore.errors import InputError, SettingsError
from seqcore.text.languages import detect_language
from seqcore.validation import shown

AUTO = "auto"


def text_direction(
    text: str, source: str, target: str | None, known: Sequence[str], scripts: Sequence[str]
) -> tuple[str, str]:
    """The languages of a request.

    Args:
        source: `auto` is detected; a text that turns out to be in the target language has that one twice.
        target: without it, the first that is known for the source.
        known: directions, such as `en-de`.
        scripts: those that the model reads.

    Raises:
        InputError: a direction that is not known, or what is no code of a language.
    """
    for name, code in (("source", source), ("target", target)):
        if not isinstance(code, str) and (code is not None or name == "source"):
            raise InputError(f"{name} must be the code of a language, such as de, not {shown(code)}")
    detected = source == AUTO
    if detected:
        source = detect_language(text, sorted({direction.split("-")[0] for direction in known}), scripts)
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
        if _fits(direction, source or "", target or ""):
            first, second = direction.split("-")
            return source or first, target or second
    return source or "", target or ""


def with_languages(
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str],
    source: str | None = None,
    target: str | None = None,
    name: str = "the data",
) -> Sequence[Mapping[str, Any]]:
    """Give rows the languages that are asked for, or else those that their columns are called by, such as `en`.

    Args:
        columns: of `source` and `target`, where they have other names. They say nothing if rows have a language of
            their own.
        source, target: languages of all rows.
        name: what the rows are, for messages.

    Raises:
        DataError: a row says that it is in another language; the message names the row.
    """
    names = {f"{field}_lang": columns.get(field, field).lower() for field in ("source", "target")}
    is_said = any(field in row for row in rows[:1] for field in names)
    are_codes = all(re.fullmatch("[a-z]{2}", column) for column in names.values())
    options = {"source_lang": source, "target_lang": target}
    languages = names if are_codes and not is_said else {}
    languages = languages | {field: code for field, code in options.items() if code}
    return filled(rows, languages, name) if languages else rows


def row_directions(rows: Sequence[Mapping[str, Any]], known: Sequence[str]) -> tuple[str, ...]:
    """All directions of rows, in the order they come; rows that do not say mean the only one that is known, or fits.

    Raises:
        SettingsError: rows do not say, and several directions may be meant, or other rows do say.
    """
    pairs = dict.fromkeys((row.get("source_lang") or "", row.get("target_lang") or "") for row in rows)
    fitting = [way.split("-") for way in known if len(known) == 1 or any(_fits(way, *pair) for pair in pairs)]
    if any("" in pair for pair in pairs) and (len(fitting) != 1 or len(pairs) > 1):
        why = "some rows do not" if len(pairs) > 1 else f"the model knows {', '.join(known)}, and no row does"
        raise SettingsError(
            f"{why} say of which languages it is: give --source and --target, or name the columns that hold them with "
            "--columns.source-lang and --columns.target-lang"
        )
    source, target = fitting[0] if fitting else ("", "")
    return tuple(f"{first or source}-{second or target}" for first, second in pairs)


def _fits(direction: str, source: str, target: str) -> bool:
    first, second = direction.split("-")
    return source in {"", AUTO, first} and target in {"", second}


def check_direction(source: str, target: str, known: Sequence[str]) -> None:
    """Raises InputError for a direction that is not known."""
    if f"{source}-{target}" not in known:
        what = "this model does not translate"
        what += f" from {source!r}" * bool(source) + f" to {target!r}" * bool(target)
        if source and source == target:
            what = f"source and target are both {source!r}"
        raise InputError(f"{what}; it does: {', '.join(known)}")


def check_known(source: str | None, target: str | None, known: Sequence[str]) -> None:
    """Raises InputError for languages that no text can have; what is not said, or `auto`, is any."""
    fits = row_direction({"source_lang": source, "target_lang": target}, known)
    if not any(fits[0] in {AUTO, one[0]} and fits[1] == one[1] for one in (way.split("-") for way in known)):
        check_direction("" if source == AUTO else source or "", target or "", known)


def language_mark(language: str) -> str:
    """The control symbol that asks for a target language (Johnson 2017)."""
    return f"<2{language}>"
