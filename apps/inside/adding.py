"""The adding problem's figures, as its benchmark measured them."""

import csv
from html import escape
from pathlib import Path

FIGURES = Path(__file__).resolve().parent / "adding.csv"  # Written by `python -m benchmarks.adding --figures`.
COMMAND = "python -m benchmarks.adding"
SOLVED_BELOW = 0.01  # The mean squared error.


def adding_table(path: Path = FIGURES) -> str:
    """The mean squared errors as an HTML table, a row for a length, a column for a network."""
    with path.open(encoding="utf-8", newline="") as file:
        errors = {(int(row["length"]), row["network"]): float(row["error"]) for row in csv.DictReader(file)}
    networks = list(dict.fromkeys(network for _, network in errors))
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("Numbers", *networks))
    body = "".join(
        f'<tr><th scope="row">{length:,}</th>{"".join(_cell(errors[length, network]) for network in networks)}</tr>'
        for length in dict.fromkeys(length for length, _ in errors)
    )
    return f'<table class="sq-figures"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _cell(error: float) -> str:
    if error < SOLVED_BELOW:
        return f"<td><strong>{error:.4f}</strong> ✓<small>solved</small></td>"
    return f"<td>{error:.4f}</td>"
