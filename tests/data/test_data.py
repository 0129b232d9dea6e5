"""Rows in: every format, and every way in which a file can be wrong."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pyarrow
import pyarrow.parquet
import pytest

from seqcore.checkpoint import is_hub_id, is_hub_reachable
from seqcore.data import filled, hold_out, open_table, read_rows, row_number
from seqcore.errors import DataError

ROW = b'{"source": "a", "target": "b"}\n'
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
        # The csv module of Python 3.10 does not write NUL.
        frame = table.to_pandas().replace("\0", "\ue000", regex=True)
        text = frame.to_csv(index=False, sep="\t" if path.suffix == ".tsv" else ",")
        path.write_text(text.replace("\ue000", "\0"), encoding="utf-8", newline="")
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
        ("latin.csv", "source,target\ncaf\xe9,b\n".encode("latin-1"), "line 2 is not UTF-8"),
        ("latin.jsonl", '{"source": "café", "target": ""}\n'.encode("latin-1"), "line 1 is not UTF-8"),
        ("latin.tsv", "source\ttarget\na\tb\ncaf\xe9\tb\n".encode("latin-1"), "line 3 is not UTF-8"),
        ("utf16.csv", "source,target\na,b\n".encode("utf-16"), "line 1 is not UTF-8"),
        ("wide.csv", b"source,target\na,b\na,b,c\n", "row 2 has 3 fields"),
        ("narrow.csv", b"source,target\na\n", "row 1 has 1 fields"),
        ("null.jsonl", b"null\n" + ROW, "line 1 is no JSON object"),
        ("null_later.jsonl", ROW * 40_000 + b" null " + ROW, "line 40001 is null"),  # where a block of a reader begins
        ("null.json", b"[null, " + ROW + b"]", "item 1 is no JSON object"),
        ("not_a_number.json", b"[NaN, " + ROW + b"]", "item 1 is no JSON object"),
        ("nested.json", b"[" + ROW + b", [null]]", "item 2 is no JSON object"),
        ("mixed.json", b'["a", null]', "item 2 is no text"),
        ("deep.json", b"[" * 100_000, "is no JSON"),
        ("broken.json", b"[" + ROW, "is no JSON: .*line 2"),
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


def test_a_damaged_text_in_a_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pairs.parquet"
    table = pyarrow.table({"source": ["a dog runs"], "target": ["b"]})
    pyarrow.parquet.write_table(table, path, compression="none", use_dictionary=False, write_statistics=False)
    path.write_bytes(path.read_bytes().replace(b"dog", b"d\xff\xfe"))
    with pytest.raises(DataError, match=r"pairs\.parquet, row 1 cannot be read: column 'source': .*UTF8"):
        read_rows(str(path), FIELDS)


def test_an_array_of_objects_is_rows_and_one_of_texts_is_texts(tmp_path: Path) -> None:
    path = tmp_path / "pairs.json"
    path.write_bytes(b"[" + ROW + b"," + ROW + b"]")
    assert read_rows(str(path), FIELDS) == [{"source": "a", "target": "b"}] * 2
    path.write_text('["a\\tb", "c"]', encoding="utf-8")
    assert read_rows(str(path), {"text": str}) == [{"text": "a\tb"}, {"text": "c"}]


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder, and no table"):
        open_table(str(tmp_path))


def test_rude_texts_are_texts(tmp_path: Path) -> None:
    texts = ["a\0b", "😀🎉", "שלום مرحبا", "word " * 20_000, "", " ", 'a "b"', "a,b;c\td"]
    pairs = [{"en": text, "de": text} for text in texts]
    for ending in ("csv", "tsv", "jsonl", "parquet"):
        rows = read_rows(str(write(tmp_path / f"pairs.{ending}", pairs)), FIELDS, COLUMNS)
        assert [row["source"] for row in rows] == [row["target"] for row in rows] == texts


def test_an_optional_column_that_is_named_must_be_there(tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.csv", PAIRS)
    with pytest.raises(DataError, match=r"no column 'lang'; it has: en, de\. .*--columns\.source_lang NAME"):
        read_rows(str(path), FIELDS, COLUMNS | {"source_lang": "lang"}, optional={"source_lang": str})


def test_rows_are_filled_where_they_say_nothing() -> None:
    rows: list[dict[str, Any]] = [
        {"text": "a"},
        {"text": "b", "lang": None},
        {"text": "c", "lang": ""},
        {"text": "d", "lang": "en"},
    ]
    assert [row["lang"] for row in filled(rows, {"lang": "en"}, "it")] == ["en"] * 4
    assert rows[0] == {"text": "a"}
    with pytest.raises(DataError, match="it, row 4: lang is 'en', but 'de' was asked for"):
        filled(rows, {"lang": "de"}, "it")


@pytest.fixture
def closed_hub(monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]) -> None:
    """A hub at a port where nothing listens."""
    place = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", place)
    monkeypatch.setattr("datasets.config.HF_ENDPOINT", place)


@pytest.mark.usefixtures("closed_hub")
def test_a_hub_id_without_network_gets_one_line_at_once() -> None:
    before, began = datasets.config.HF_HUB_OFFLINE, time.monotonic()
    with pytest.raises(DataError, match=r"nobody/nothing is no file here and .* hub cannot be reached") as caught:
        read_rows("nobody/nothing:test", FIELDS)
    assert time.monotonic() - began < 5
    assert "\n" not in str(caught.value)
    assert not is_hub_reachable()
    assert before == datasets.config.HF_HUB_OFFLINE


def test_a_whole_number_may_stand_where_any_number_may(tmp_path: Path) -> None:
    path = tmp_path / "numbers.csv"
    path.write_text("value\n1\n2\n", encoding="utf-8")
    assert read_rows(str(path), {"value": float}) == [{"value": 1}, {"value": 2}]
    path.write_text("value\n1.5\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"row 1: column 'value' holds '1\.5', which is no whole number"):
        read_rows(str(path), {"value": int})


def test_what_is_a_hub_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    for name in ("owner/name", "bentrevett/multi30k", "an-owner/a.name_2"):
        assert is_hub_id(name), name
    for name in (
        "name",
        "here/name",
        "./owner/name",
        "../owner",
        "~/name",
        "/owner/name",
        "a/b/c",
        "",
        "owner/",
        "a b/c",
    ):
        assert not is_hub_id(name), name


@pytest.mark.parametrize("source", ["name", "./owner/name", "here/name", "/no/where"])
def test_what_is_no_hub_id_is_a_missing_file(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    with pytest.raises(DataError, match=f"there is no file {source}"):
        read_rows(source, FIELDS)


def test_held_out_rows_are_those_of_the_seed_and_none_is_lost() -> None:
    rows = [{"source": str(number), "target": ""} for number in range(50)]
    rest, held, numbers = hold_out(rows, 10, seed=3)
    assert held == [rows[number] for number in numbers]
    assert sorted(rest + held, key=lambda row: int(row["source"])) == rows
    assert hold_out(rows, 10, seed=3)[2] == numbers
    for part in (rest, held):
        assert [rows[row_number(part, place) - 1] for place in range(len(part))] == part
    assert row_number(rows, 7) == 8
    assert hold_out(rows, 10, seed=4)[2] != numbers
    with pytest.raises(DataError, match="50 rows are too few to hold 50"):
        hold_out(rows, 50, seed=3)


@pytest.mark.usefixtures("closed_hub")
def test_what_was_downloaded_before_is_read_without_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rows.jsonl").write_bytes(ROW)
    datasets.load_dataset("json", data_files=str(tmp_path / "rows.jsonl"), cache_dir=str(tmp_path / "made"))
    (table,) = (tmp_path / "made").rglob("*.arrow")
    (description,) = (tmp_path / "made").rglob("dataset_info.json")
    place = tmp_path / "cache" / "owner___some_rows" / "default" / "0.0.0" / "abcdef"  # As datasets keeps it.
    place.mkdir(parents=True)
    table.rename(place / "some_rows-train.arrow")
    names = {"builder_name": "json", "dataset_name": "some_rows", "config_name": "default"}
    described = json.loads(description.read_text(encoding="utf-8")) | names
    (place / "dataset_info.json").write_text(json.dumps(described), encoding="utf-8")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    before = datasets.config.HF_HUB_OFFLINE
    assert read_rows("owner/some_rows", FIELDS) == [{"source": "a", "target": "b"}]
    assert before == datasets.config.HF_HUB_OFFLINE
    with pytest.raises(DataError, match="was not downloaded before"):
        read_rows("owner/some_rows:test", FIELDS)
