"""CSV files that a spreadsheet shows and does not run (OWASP, CSV injection)."""

import csv
import re
from collections.abc import Iterable
from typing import IO, Any

# What spreadsheets take for the beginning of a formula, in East Asian writing too.
_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?%?")


class SafeCsvWriter:
    """Writes rows of a CSV file; a text in them that could be a formula gets an apostrophe before it.

    Numbers stay as they are, and so does a text that is nothing but a number with a sign.

    Args:
        dialect: what `csv.writer` takes.
    """

    def __init__(self, file: IO[str], **dialect: Any) -> None:
        # Lines end as the csv module has it, \r\n: it quotes no other characters that end a line.
        self._writer = csv.writer(file, **dialect)

    def write(self, cells: Iterable[str | int | float]) -> None:
        """Write one row."""
        self._writer.writerow([escape_formula(cell) if isinstance(cell, str) else cell for cell in cells])


def escape_formula(cell: str) -> str:
    """A cell that is shown and not run."""
    cell = cell.replace("\0", " ")  # Spreadsheets end a cell there, and Python 3.10 does not write it.
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell
