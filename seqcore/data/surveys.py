"""Which dialect a file is written in: the one in which all of it, row by row, is well formed.

Nothing in a file of delimited rows says so itself. Each way of reading is tried from the beginning to the end, and
where none will do, the one that came furthest says what is wrong.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from seqcore.data.dialects import Dialect, Quoting, likely_delimiter

MAX_SUSPECTS = 1000
MAX_LABELS = 1000  # Different cells of a column of labels; others are free text.
_LOOKS_LIKE_ROWS = (
    "opens a quote that is closed some lines below, over what look like rows of their own: close it in its own cell, "
    "or write a quote that is text twice"
)


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file.

    Attributes:
        what: in words, beginning with a verb.
        row: from 1; 0 is the header.
        line: where that row begins.
    """

    what: str
    row: int
    line: int


@dataclass
class Survey:
    """A file, read in one dialect to its end, or to its first fault.

    Attributes:
        rows: how many there are under the header.
        is_strict: no quote stands in a cell that is not in quotes; whoever writes quotes leaves none there.
        shows_quotes: a cell holds quotes that are written as the dialect writes them, or the header is in quotes.
        quotes_header: every cell of the header is.
        holds_quotes, holds_escapes: quotes, and backslashes before one or before a delimiter, are in what was read.
        reach: the lines that were read.
    """

    dialect: Dialect
    header: Sequence[str] = ()
    rows: int = 0
    is_strict: bool = True
    shows_quotes: bool = False
    quotes_header: bool = False
    holds_quotes: bool = False
    holds_escapes: bool = False
    fault: Fault | None = None
    reach: int = 0
    _suspects: list["_Suspect"] = field(default_factory=list)


@dataclass(frozen=True)
class _Suspect:
    """A row over several lines, each of which would be a row: perhaps a quote was left open.

    Attributes:
        cells: by column, what stands in those lines where the row itself has something else.
        has_form: it is three lines at least, and looks like rows even where no other row has such cells.
    """

    row: int
    line: int
    cells: frozenset[tuple[int, str]]
    has_form: bool


def choose_dialect(read: Callable[[], Iterable[str]], is_tsv: bool) -> Survey:
    """Find the dialect of a file and read it whole; the fault is that of the way that came furthest.

    Args:
        read: gives the lines, each time from the first.
        is_tsv: it is called `.tsv`, where a quote is text unless the file itself shows that it is not: translations
            come so, line by line, with quotes that open in one cell and close in another.
    """
    delimiter, has_separator_line = likely_delimiter(read(), "\t" if is_tsv else ",")

    @cache
    def way(quoting: Quoting) -> Survey:
        return survey(read, Dialect(delimiter, quoting, has_separator_line))

    doubled = way("doubled")
    if not doubled.holds_quotes and not doubled.fault:
        return doubled
    ways: list[Quoting] = ["doubled", "escaped"] if doubled.holds_escapes else ["doubled"]
    for quoting in ways:
        result = way(quoting)
        if not result.fault and result.is_strict and (result.shows_quotes or not is_tsv):
            return result
    if delimiter == "\t" and not doubled.quotes_header and (is_tsv or not doubled.shows_quotes):
        ways.insert(0 if is_tsv else len(ways), "none")
    results = [way(quoting) for quoting in ways]
    return next((result for result in results if not result.fault), max(results, key=lambda result: result.reach))


def survey(read: Callable[[], Iterable[str]], dialect: Dialect) -> Survey:
    """Read a file in a dialect."""
    result = Survey(dialect)
    lines = iter(read())
    before = 1 if dialect.has_separator_line and next(lines, None) is not None else 0
    of_row: list[str] = []  # The lines that the row at hand is made of.
    rows = dialect.rows(_noted(lines, of_row))
    try:
        for row in rows:
            if row:
                is_header = not result.header
                if is_header:
                    _look_at_header(row, before + 1, result)
                elif len(row) != len(result.header):
                    result.fault = Fault(_width(row, result.header), result.rows + 1, before + 1)
                else:
                    result.rows += 1
                if len(of_row) > 1 or '"' in of_row[0]:
                    _look(row, of_row, before + 1, is_header, result)
                if result.fault:
                    result.holds_escapes |= f"\\{dialect.delimiter}" in of_row[0]
                    break
            before += len(of_row)
            of_row.clear()
    except csv.Error as error:
        result.holds_quotes = True
        result.holds_escapes |= any('\\"' in line for line in of_row)
        result.fault = Fault(_quote_fault(error, len(of_row)), result.rows + bool(result.header), before + 1)
    if not result.fault and result._suspects:
        result.fault = _swallowed(read, dialect, result._suspects)
    result.reach = result.fault.line if result.fault else before
    return result


def _noted(lines: Iterable[str], notes: list[str]) -> Iterator[str]:
    for line in lines:
        notes.append(line)
        yield line


def _look_at_header(row: Sequence[str], line: int, result: Survey) -> None:
    result.header = row
    if any("\0" in cell for cell in row):
        what = "holds NUL, which is in no header: if the file is UTF-16, convert it first (iconv -f UTF-16 -t UTF-8)"
        result.fault = Fault(what, 0, line)


def _look(row: Sequence[str], lines: Sequence[str], line: int, is_header: bool, result: Survey) -> None:
    """See what quotes a row has, and of what kind they are."""
    text, dialect = "".join(lines), result.dialect
    holds_escapes = '\\"' in text
    result.holds_quotes = True
    result.holds_escapes |= holds_escapes
    if dialect.quoting == "none":
        return
    if is_header or holds_escapes or dialect.quoting == "escaped" or dialect.delimiter == "\t":  # Else nobody will ask.
        is_strict = _well_formed(dialect).fullmatch(text) is not None
        result.is_strict &= is_strict
        result.quotes_header |= is_strict and is_header and text.count('"') >= 2 * len(row)
        result.shows_quotes |= is_strict and (is_header or any('"' in cell for cell in row))
    # Where all is in quotes, those of the next cell would have shown that one was left open.
    if len(lines) > 1 and not is_header and not result.quotes_header and len(result._suspects) < MAX_SUSPECTS:
        suspect = _suspect(row, lines, result.rows, line, dialect)
        result._suspects += [suspect] if suspect else []


@cache
def _well_formed(dialect: Dialect) -> re.Pattern[str]:
    """Rows whose cells either are in quotes or have none, but for those that are escaped."""
    sign = re.escape(dialect.delimiter)
    cell = rf'(?:"[^"]*(?:""[^"]*)*"|[^"{sign}]*)'
    if dialect.quoting == "escaped":
        cell = rf'(?:"[^"\\]*(?:(?:""|\\.)[^"\\]*)*"|[^"\\{sign}]*(?:\\.[^"\\{sign}]*)*)'
    return re.compile(rf"{cell}(?:{sign}{cell})*[\r\n]*", re.DOTALL)


def _suspect(row: Sequence[str], lines: Sequence[str], number: int, line: int, dialect: Dialect) -> _Suspect | None:
    """What is suspicious in a row over several lines, which begins in `line`."""
    places = [place for place, cell in enumerate(row) if "\n" in cell or "\r" in cell]
    if len(places) != 1 or len(row) < 2:
        return None
    head, _, tail = lines[0].rpartition('"')
    lines = [line.replace("\0", " ") for line in (head + tail, *lines[1:])]
    alone = [next(csv.reader([line], **dialect.options()), []) for line in lines]
    if any(len(cells) != len(row) for cells in alone):
        return None
    behind = range(places[0] + 1, len(row))
    other, columns = (alone[:-1], behind) if behind else (alone[1:], range(places[0]))
    cells = {(column, of_line[column].strip("\r\n")) for of_line in other for column in columns if of_line[column]}
    # A sign within prose has a blank behind it, or ends its line.
    has_form = len(lines) > 2 and all(cell[:1].strip() for of_line in alone for cell in of_line)
    return _Suspect(number, line, frozenset(cells), has_form)


def _swallowed(read: Callable[[], Iterable[str]], dialect: Dialect, suspects: Sequence[_Suspect]) -> Fault | None:
    """The first row whose lines have such cells as rows of this file have, as when a quote was left open.

    Where a column has few different cells, such as labels, they decide; of free text the form must do.
    """
    lines = iter(read())
    if dialect.has_separator_line:
        next(lines, None)
    columns = {column: set[str]() for suspect in suspects for column, _ in suspect.cells}
    rows = 0
    for rows, row in enumerate(filter(None, dialect.rows(lines))):
        if not rows:
            continue
        for column, values in columns.items():
            if len(values) <= MAX_LABELS:
                values.add(row[column])
    for suspect in suspects:
        is_label = any(len(columns[column]) <= min(MAX_LABELS, rows / 5) for column, _ in suspect.cells)
        if any(cell in columns[column] for column, cell in suspect.cells) or (suspect.has_form and not is_label):
            return Fault(_LOOKS_LIKE_ROWS, suspect.row, suspect.line)
    return None


def _width(row: Sequence[str], header: Sequence[str]) -> str:
    return (
        f"has {len(row)} fields, but the header ({', '.join(header)}) has {len(header)}: put a text that holds the "
        "separator in double quotes"
    )


def _quote_fault(error: csv.Error, lines: int) -> str:
    if "expected after" in str(error) and lines == 1:
        return "has text behind a closing quote: write a quote that is text twice, within a cell in quotes"
    if "expected after" in str(error) or "unexpected end" in str(error):
        return "opens a quote that is not closed in its cell: close it, or write a quote that is text twice"
    return f"cannot be read: {error}"
