"""What a translator's vocabulary is learned from: which scripts, and which part of the texts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seqcore.text.compatibility import plain_letters
from seqcore.text.entities import mask_entities
from seqcore.text.scripts import text_scripts
from seqcore.text.tags import without_tags

Rows = Sequence[Mapping[str, Any]]


def row_scripts(rows: Rows, fields: Sequence[str]) -> tuple[str, ...]:
    """Find the scripts that the fields of rows are written in, so that a language of few rows counts as any other."""
    groups: dict[tuple[str, Any], list[str]] = {}
    for row in rows:
        for field in fields:
            if field in row:
                groups.setdefault((field, row.get(f"{field}_lang")), []).append(row[field])
    each = (text_scripts(map(plain_letters, texts)) for texts in groups.values())
    return tuple(dict.fromkeys(script for scripts in each for script in scripts))


def masked_texts(rows: Rows, fields: Sequence[str], scripts: tuple[str, ...]) -> Iterator[str]:
    """Give the texts of rows as a translator reads them: without tags, and with placeholders for what it copies."""
    for row in rows:
        for field in fields:
            if field in row:
                yield mask_entities(without_tags(plain_letters(row[field])), scripts)[0]
