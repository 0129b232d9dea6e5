"""What labels of data mean to a classifier: decided for a data set as a whole, never row by row."""

import functools
import math
import re
import unicodedata
from collections.abc import Callable, Hashable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from seqcore.data import row_number
from seqcore.errors import DataError, InputError
from seqcore.text.tokenizer import replace_invalid_unicode
from seqcore.validation import shown

MAX_NAMES = 20  # Labels that a message names.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# A list as Python, NumPy or JSON print it, which is how it gets into a CSV file.
_ITEM = r"""'[^']*'|"[^"]*"|[+-]?[\d.][\d.eE+-]*|[Tt]rue|[Ff]alse|None|null"""
_LIST = re.compile(rf"\[\s*(?:(?:{_ITEM})(?:(?:\s*,\s*|\s+)(?:{_ITEM}))*)?\s*\]", re.ASCII)
SEVERAL_ADVICE = "several labels a text are for a model with multi_label (--model.multi-label true when it is made)"


def number_of(label: str) -> Decimal | None:
    """The number that a label is written as; None for any other text, such as `nan` or `1_000`.

    Example:
        >>> number_of("5") == number_of("+5.0") == number_of("5e0"), number_of("five")
        (True, None)
    """
    if not _NUMBER.fullmatch(label):
        return None
    try:
        return Decimal(label)
    except InvalidOperation:  # Its exponent is beyond all numbers.
        return None


def same_label(label: str) -> Hashable:
    """What two spellings of one label have in common: the number, or else the text."""
    number = number_of(label)
    return label if number is None else number


def label_text(value: Any) -> str | None:
    """A single label as text, without blanks around it; None where there is none.

    Raises:
        InputError: it is a list, or nothing that can be a label.
    """
    value = _plain(value)
    if _is_missing(value):
        return None
    if isinstance(value, list | tuple | set) or (isinstance(value, str) and _LIST.fullmatch(value.strip())):
        raise InputError(f"the label is a list, {shown(value)}: {SEVERAL_ADVICE}")
    if isinstance(value, bytes | dict):
        raise InputError(f"a label must be a text or a number, not {type(value).__name__}")
    try:
        return replace_invalid_unicode(str(value)).strip() or None
    except ValueError as error:  # Python writes no number of more than 4,300 digits.
        raise InputError("a label must be a text or a number, not one of thousands of digits") from error


def label_texts(value: Any) -> list[str]:
    """Several labels as texts: those of a list, or of a text that a `|` divides. None, `""` and `[]` are none.

    Raises:
        InputError: it is nothing that can be labels.

    Example:
        >>> label_texts("joy | fear"), label_texts(["joy", "fear"]), label_texts(0), label_texts("")
        (['joy', 'fear'], ['joy', 'fear'], ['0'], [])
    """
    value = _plain(value)
    if isinstance(value, str):
        text = value.strip()
        value = _items(text) if _LIST.fullmatch(text) else text.split("|")
    values = value if isinstance(value, list | tuple | set) else [value]
    texts = [label_text(item) for item in values]
    return list(dict.fromkeys(text for text in texts if text is not None))


def texts_in(value: Any, multi_label: bool) -> list[str]:
    """The labels of a row as texts: any number of them, or one or none. Raises `InputError`."""
    if multi_label:
        return label_texts(value)
    text = label_text(value)
    return [] if text is None else [text]


def texts_of_rows(rows: Sequence[Mapping[str, Any]], multi_label: bool, name: str) -> list[list[str]]:
    """The labels of each row as texts.

    Args:
        name: what the rows are, for messages.

    Raises:
        DataError: a row has no label where it must have one, or what is none; the message names the row.
    """
    texts = []
    for place, row in enumerate(rows):
        where = f"row {row_number(rows, place)} of {name}"
        try:
            texts.append(texts_in(row.get("label"), multi_label))
        except InputError as error:
            raise DataError(f"{where}: {error}") from error
        if not multi_label and not texts[-1]:
            raise DataError(f"{where} has no label")
    return texts


def labels_of(rows: Sequence[Mapping[str, Any]], multi_label: bool = False) -> tuple[str, ...]:
    """All labels of the rows, sorted; numbers by their size.

    A number that is written in several ways, such as `1` and `1.0`, is one label, as it is written shortest.

    Raises:
        DataError: a row has no label where it must have one; the message names the row.
    """
    texts = {text for texts in texts_of_rows(rows, multi_label, "the data") for text in texts}
    spellings: dict[Hashable, str] = {}
    for text in sorted(texts, key=lambda text: (len(text), text)):
        spellings.setdefault(same_label(text), text)
    numbers = {key: text for key, text in spellings.items() if isinstance(key, Decimal)}
    if len(numbers) == len(spellings):
        return tuple(numbers[key] for key in sorted(numbers))
    return tuple(sorted(spellings.values()))


class ClassIndex:
    """Finds the class that a label means.

    A label is the name of a class: exactly, or without blanks around it; or the same number (`5`, `5.0`); or, if that
    is one class alone, the same name in other capitals. If no class has a number for a name, numbers also count the
    classes from 0. What is a name is never a place: so every row of a data set is understood alike.

    Args:
        names: of the classes, in their order.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.is_counted = all(number_of(name.strip()) is None for name in names)
        self._by_key = [(key, _unique(map(key, names))) for key in (str, str.strip, _number_key, fold)]

    def by_name(self, label: str) -> int | None:
        """The class of this name; None where none has it, or several might be meant."""
        for key, classes in self._by_key:
            looked_up = key(label)
            if looked_up is not None and looked_up in classes:
                return classes[looked_up]
        return None

    def by_place(self, label: str) -> int | None:
        """The class that is counted by this number from 0, if classes are counted at all."""
        number = number_of(label) if self.is_counted else None
        if number is None or not 0 <= number < len(self.names) or number % 1:
            return None
        return int(number)

    def class_of(self, label: str) -> int:
        """The class that a label means. Raises `InputError` where it is none of this model's."""
        number = self.by_name(label)
        number = self.by_place(label) if number is None else number
        if number is None:
            raise InputError(self.unknown(label))
        return number

    def unknown(self, label: Any) -> str:
        """The sentence that says so of a label."""
        return f"{shown(label)} is no label of this model, which knows {listing(self.names)}"


@functools.lru_cache(maxsize=16)
def class_index(names: tuple[str, ...]) -> ClassIndex:
    """The index of these names, made once."""
    return ClassIndex(names)


def examine_labels(
    rows: Sequence[Mapping[str, Any]], names: tuple[str, ...], multi_label: bool, name: str
) -> list[str]:
    """Decide for a data set as a whole what its labels mean, and give what of that is not plain to see, as sentences.

    Args:
        names: of the classes.
        name: what the rows are, for messages.

    Raises:
        DataError: labels that are none of these, that are names in one row and count classes in another, or that
            differ in nothing but capitals; the message names the first row.
    """
    first: dict[str, int] = {}
    for place, texts in enumerate(texts_of_rows(rows, multi_label, name)):
        for text in texts:
            first.setdefault(text, row_number(rows, place))
    index = class_index(names)
    named = {text: index.by_name(text) for text in first}
    counted = {text: index.by_place(text) for text in first if named[text] is None}
    unknown = [text for text, number in counted.items() if number is None]
    if unknown:
        more = f"; nor is {listing([shown(text) for text in unknown[1:]])}" if unknown[1:] else ""
        raise DataError(f"row {first[unknown[0]]} of {name}: {index.unknown(unknown[0])}{more}")
    meant = {text: counted[text] if number is None else number for text, number in named.items()}
    by_name = [text for text in first if text not in counted]
    if counted and by_name:
        one, other = by_name[0], next(iter(counted))
        raise DataError(
            f"{name} names labels and counts them, too: row {first[one]} has {one!r}, row {first[other]} has "
            f"{other!r}. Write all of them as {listing(names)}"
        )
    _check_capitals(by_name, meant, first, name)
    taken = {text: names[number] for text, number in meant.items() if number is not None and names[number] != text}
    return [_taken(taken)] if taken else []


def listing(names: Sequence[str]) -> str:
    """Names with commas, not more than a message can hold."""
    return ", ".join(names[:MAX_NAMES]) + (f", … ({len(names):,} in all)" if len(names) > MAX_NAMES else "")


def fold(label: str) -> str:
    """A label without blanks around it, in small letters, in one of Unicode's ways to write it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", label.strip()).casefold())


def _check_capitals(texts: Sequence[str], meant: Mapping[str, int | None], first: Mapping[str, int], name: str) -> None:
    """Refuse two texts that mean one class only because capitals do not count: nobody knows whether they should."""
    spelling: dict[int | None, str] = {}
    for text in texts:
        other = spelling.setdefault(meant[text], text)
        if same_label(other) != same_label(text):
            raise DataError(
                f"{name}: {other!r} in row {first[other]} and {text!r} in row {first[text]} would be one label: write "
                "them alike"
            )


def _taken(names_by_text: Mapping[str, str]) -> str:
    texts, names = ([*map(_shown, part)] for part in (names_by_text, names_by_text.values()))
    if len(texts) == 1:
        return f"label {texts[0]} is taken for {names[0]}"
    if len(texts) > MAX_NAMES:
        return f"labels {listing(texts)} are taken for {listing(names)}"
    return f"labels {_and(texts)} are taken for {_and(names)}"


def _and(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _shown(name: str) -> str:
    """A name as it is, or in quotes where it would not be seen where it ends."""
    return name if name and re.fullmatch(r"[^\s,]+( [^\s,]+)*", name) else repr(name)


def _unique(keys: "map[Any]") -> dict[Any, int | None]:
    """The place of each key; None for one that comes twice."""
    places: dict[Any, int | None] = {}
    for place, key in enumerate(keys):
        places[key] = None if key in places else place
    return places


def _number_key(label: str) -> Decimal | None:
    return number_of(label.strip())


def _plain(value: Any) -> Any:
    """What NumPy, pandas and torch hold, as Python has it."""
    to_list: Callable[[], Any] | None = getattr(value, "tolist", None)
    return value if to_list is None or isinstance(value, str) else to_list()


def _items(text: str) -> list[str | None]:
    """What a list that was printed holds."""
    return [None if item in {"None", "null"} else item.strip("'\"") for item in re.findall(_ITEM, text)]


def _is_missing(value: Any) -> bool:
    """What a table has in an empty cell."""
    is_nan = isinstance(value, float) and math.isnan(value)
    return value is None or is_nan or type(value).__name__ in {"NAType", "NaTType"}
