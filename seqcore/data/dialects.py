"""How delimited rows are written: what divides their cells, and what their quotes mean."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

Quoting = Literal["doubled", "escaped", "none"]

DELIMITERS = ",;\t|"
MAX_SAMPLE_LINES, MAX_SAMPLE_CHARS = 200, 1_000_000
_SEPARATOR_LINE = re.compile(r'"?sep=([^"\\\r\n])"?[,;\t|]*[\r\n]*', re.IGNORECASE)
_NUL = "\udc00"  # No text in UTF-8 holds it. The csv module of Python 3.10 does not read NUL.
_CUT = "unexpected end of data"  # What the csv module says where a file ends within quotes.


@dataclass(frozen=True)
class Dialect:
    """A way of writing rows.

    Attributes:
        delimiter: what divides cells.
        quoting: what a quote within quotes is: two of them, or one after a backslash. Where there is `none`, quotes
            are text as all else.
        has_separator_line: the first line is `sep=;` or the like, as spreadsheets have it.
    """

    delimiter: str = ","
    quoting: Quoting = "doubled"
    has_separator_line: bool = False

    def options(self, to_write: bool = False) -> dict[str, Any]:
        """What the `csv` module is told, to read or to write."""
        if self.quoting == "none":
            return {"delimiter": self.delimiter, "quoting": csv.QUOTE_NONE, "quotechar": None}
        escapes = {"escapechar": "\\", "doublequote": not to_write} if self.quoting == "escaped" else {}
        return {"delimiter": self.delimiter, **escapes}

    def rows(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """The cells of each row, the header's first, of lines after the one that says `sep=`; empty lines give none.

        Raises:
            csv.Error: a quote is not closed, or text follows a closing one.
        """
        csv.field_size_limit(2**31 - 1)
        holds_nul = False

        def prepared() -> Iterator[str]:
            nonlocal holds_nul
            for line in lines:
                if "\0" in line:
                    holds_nul, line = True, line.replace("\0", _NUL)
                yield self._escapes(line) if self.quoting == "escaped" and "\\" in line else line

        for row in csv.reader(prepared(), strict=True, **self.options()):
            yield [cell.replace(_NUL, "\0") for cell in row] if holds_nul else row

    def _escapes(self, line: str) -> str:
        r"""A backslash that escapes nothing is text, as in `C:\new` by writers who escape quotes alone."""
        special = f'"\\\r\n{self.delimiter}'
        return re.sub(
            r"\\(.?)", lambda pair: pair[0] if pair[1] and pair[1] in special else f"\\{pair[0]}", line, flags=re.DOTALL
        )


def likely_delimiter(lines: Iterable[str], usual: str) -> tuple[str, bool]:
    """What divides the cells, by the first lines, and whether one that says `sep=` stands above them.

    It is what gives all rows the width of the header, and of several such signs the one that gives most columns.

    Args:
        usual: the sign that it is where nothing speaks against it.
    """
    sample: list[str] = []
    size = 0
    for line in islice(lines, MAX_SAMPLE_LINES):
        sample.append(line)
        size += len(line)
        if size > MAX_SAMPLE_CHARS:
            break
    if sample and (match := _SEPARATOR_LINE.fullmatch(sample[0])):
        return match[1], True
    widths = {sign: _widths(sample, sign) for sign in sorted(DELIMITERS, key=lambda sign: sign != usual)}
    divided = {sign: counts for sign, counts in widths.items() if counts[0] > 1}
    even = {sign: counts for sign, counts in divided.items() if len({*counts}) == 1}
    choice = even or ({} if usual == "\t" and usual not in divided else divided)
    return (max(choice, key=lambda sign: choice[sign][0]) if choice else usual), False


def _widths(sample: Sequence[str], delimiter: str) -> list[int]:
    """How many cells header and rows of a sample have, in the way of quoting that makes them most alike."""
    ways: list[Quoting] = ["doubled"]
    if any('"' in line for line in sample):
        ways = ["doubled", "escaped", "none"] if delimiter == "\t" else ["doubled", "escaped"]
    tried: list[tuple[bool, int, list[int]]] = []
    for quoting in ways:
        counts: list[int] = []
        is_torn = False
        try:
            for row in Dialect(delimiter, quoting).rows(sample):
                counts += [len(row)] if row else []
        except csv.Error as error:
            is_torn = str(error) != _CUT
        tried.append((is_torn, len({*counts}), counts or [0]))
    return min(tried, key=lambda one: one[:2])[2]
