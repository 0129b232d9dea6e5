"""Rows in: every format, and every way in which a file can be wrong."""

import json
from pathlib import Path

import datasets
import pytest

from seqcore.data import hold_out, read_rows
from seqcore.errors import DataError

FIELDS = {"source": str, "target": str}
COLUMNS = {"source": "en", "target": "de"}
PAIRS = [
    {"en": "NA", "de": "null"},
    {"en": "12", "de": "3.50"},
    {"en": "A „quoted“, long line", "de": "Größe ✓"},
    {"en": "nan", "de": ""},
]


def write(path: Path, pairs: list[dict[str, str]]) -> Path:
    table = datasets.Dataset.from_list(pairs)
    if path.suffix == ".parquet":
        table.to_parquet(path)
    elif path.suffix in {".json", ".jsonl"}:
        path.write_text("\n".join(json.dumps(pair) for pair in pairs), encoding="utf-8")
    else:
        table.to_pandas().to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return path


@pytest.mark.parametrize("ending", ["csv", "tsv", "json", "jsonl", "parquet"])
def test_every_format_gives_the_same_rows(tmp_path: Path, ending: str) -> None:
    rows = read_rows(str(write(tmp_path / f"pairs.{ending}", PAIRS)), FIELDS, COLUMNS)
    assert rows == [{"source": pair["en"], "target": pair["de"]} for pair in PAIRS]


def test_optional_columns_are_read_where_they_are(tmp_path: Path) -> None:
    with_language = [{**pair, "target_lang": "de"} for pair in PAIRS]
    optional = {"source_lang": str, "target_lang": str}
    rows = read_rows(str(write(tmp_path / "pairs.csv", with_language)), FIELDS, COLUMNS, optional=optional)
    assert all(row["target_lang"] == "de" and "source_lang" not in row for row in rows)


def test_an_optional_value_may_be_missing_in_a_row(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    lines = ['{"source": "a", "target": "b", "source_lang": "en"}', '{"source": "c", "target": "d"}']
    path.write_text("\n".join(lines), encoding="utf-8")
    rows = read_rows(str(path), FIELDS, optional={"source_lang": str})
    assert [row["source_lang"] for row in rows] == ["en", None]


def test_quotes_are_text_in_a_tsv_file(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text('source\ttarget\n"Hello\tHallo"\nBye\tTschüss\n', encoding="utf-8")
    assert [row["source"] for row in read_rows(str(path), FIELDS)] == ['"Hello', "Bye"]


def test_a_file_that_changed_is_read_anew(tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.csv", PAIRS)
    read_rows(str(path), FIELDS, COLUMNS)
    write(path, PAIRS[:1])
    assert len(read_rows(str(path), FIELDS, COLUMNS)) == 1


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.csv", PAIRS)
    with pytest.raises(DataError, match=r"no column 'fr'; it has: en, de\. .*--columns\.target NAME"):
        read_rows(str(path), FIELDS, {"source": "en", "target": "fr"})


def test_a_wrong_value_is_named_by_row_and_column(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"source": "a", "target": "b"}\n{"source": "c", "target": null}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"row 2: column 'target' is empty"):
        read_rows(str(path), FIELDS)
    path.write_text('{"source": 1, "target": "b"}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"row 1: column 'source' holds int, not str"):
        read_rows(str(path), FIELDS)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.csv", None, "there is no file"),
        ("empty.csv", b"", "is empty"),
        ("header.csv", b"source,target\n", "has no rows"),
        ("latin.csv", "source,target\ncaf\xe9,b\n".encode("latin-1"), "cannot be read"),
        ("wide.csv", b"source,target\na,b\na,b,c\n", "row 2 has 3 fields"),
        ("narrow.csv", b"source,target\na\n", "row 1 has 1 fields"),
        ("broken.jsonl", b'{"source": "a", "targ', "cannot be read"),
        ("broken.parquet", b"PAR1 and nothing else", "cannot be read"),
        ("text.docx", b"PK", r"files may be \.csv"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_rows(str(tmp_path / name), FIELDS)
    assert name in str(caught.value)


def test_a_hub_id_without_network_gets_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match="nobody/nothing cannot be read") as caught:
        read_rows("nobody/nothing", FIELDS)
    assert "\n" not in str(caught.value)


def test_held_out_rows_are_those_of_the_seed_and_none_is_lost() -> None:
    rows = [{"source": str(number), "target": ""} for number in range(50)]
    rest, held, numbers = hold_out(rows, 10, seed=3)
    assert held == [rows[number] for number in numbers]
    assert sorted(rest + held, key=rows.index) == rows
    assert hold_out(rows, 10, seed=3)[2] == numbers
    assert hold_out(rows, 10, seed=4)[2] != numbers
    with pytest.raises(DataError, match="50 rows are too few to hold 50"):
        hold_out(rows, 50, seed=3)
