"""The adding problem's measured figures, read from its own benchmark."""

import re
from html import escape
from pathlib import Path

FIGURES = Path(__file__).resolve().parent.parent.parent / "benchmarks" / "adding.md"
COMMAND = "python -m benchmarks.adding"
_COLUMNS = ("T", "network", "mean squared error", "solved")


def adding_table(path: Path = FIGURES) -> str:
    """A table, a row a length, a column a network; empty when the file is not there, or has no such table."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    rows = _first_table(lines)
    if not rows or not set(_COLUMNS) <= set(rows[0]):
        return ""
    networks = list(dict.fromkeys(row["network"] for row in rows))
    lengths = list(dict.fromkeys(row["T"] for row in rows))
    found = {(row["T"], row["network"]): row for row in rows}
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("Numbers", *networks))
    body = "".join(
        f'<tr><th scope="row">{escape(length)}</th>'
        f"{''.join(_cell(found.get((length, name))) for name in networks)}</tr>"
        for length in lengths
    )
    return f'<table class="sq-figures"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _cell(row: dict[str, str] | None) -> str:
    if row is None:
        return "<td>–</td>"
    error = escape(row["mean squared error"])
    solved = row["solved"] == "yes"
    return f"<td><strong>{error}</strong> ✓<small>solved</small></td>" if solved else f"<td>{error}</td>"


def _first_table(lines: list[str]) -> list[dict[str, str]]:
    """The rows of the first Markdown table, by the names of its columns."""
    tables = [index for index, line in enumerate(lines) if re.fullmatch(r"\|[-:| ]+\|", line)]
    if not tables or not tables[0]:
        return []
    names, rows = _cells(lines[tables[0] - 1]), []
    for line in lines[tables[0] + 1 :]:
        if not line.startswith("|"):
            break
        rows.append(dict(zip(names, _cells(line), strict=False)))
    return rows


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
