"""Tables as people's own programs write them: the text that stands there, whatever else the file holds."""

import gzip
import json
import os
import pickle
from pathlib import Path
from typing import Any

import datasets
import pandas  # type: ignore[import-untyped]
import pyarrow
import pyarrow.parquet
import pytest

from seqcore.data import Table, open_table, read_rows
from seqcore.data.json_tables import WrittenFloat
from seqcore.errors import DataError

LABELLED = {"text": str, "label": object}


def texts(folder: Path, name: str, content: str | bytes, field: str = "text") -> list[Any]:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [row[field] for row in read_rows(str(path), {field: object})]


# How rows are written
def test_blanks_around_names_of_columns_are_no_part_of_them(tmp_path: Path) -> None:
    assert texts(tmp_path, "a.csv", "text, label\nA dog, 1\n", "label") == [" 1"]


DIALECTS = {
    "semicolons": ("a.csv", "text;label\nA good, fine film;1\n", ["A good, fine film"]),
    "tabs": ("a.csv", 'text\tlabel\nA good, fine film\t1\n"x\ty"\t2\n', ["A good, fine film", "x\ty"]),
    "a line sep=": ("a.csv", '\ufeffsep=;\r\ntext;label\r\n"a;b";1\r\n', ["a;b"]),
    "a line sep= in quotes": ("a.csv", '"sep=|"\ntext|label\na;b,c|1\n', ["a;b,c"]),
    "one column": ("a.csv", 'text\n"Hello; a, b"\n\nx\n', ["Hello; a, b", "x"]),
    "escaped": ("a.csv", 'text,label\n"he said \\"hi\\", ok",1\n"x",2\n', ['he said "hi", ok', "x"]),
    "escaped alone": ("a.csv", 'text,label\n"\\"Hi, there\\"",1\n"\\"",2\n"ok",3\n', ['"Hi, there"', '"', "ok"]),
    "escaped, and backslashes": (
        "a.csv", 'text,label\n"\\"x\\"",1\nC:\\new,2\n"a\\nb",3\n"x\\\\y",4\n', ['"x"', "C:\\new", "a\\nb", "x\\y"],
    ),
    "escaped without quotes": ("a.csv", 'text,label\nhe said\\, \\"hi\\",1\n', ['he said, "hi"']),
    "doubled, a path at the end": ("a.csv", 'text,label\n"C:\\dir\\",1\n"""x""",2\n', ["C:\\dir\\", '"x"']),
    "quotes within": ("a.csv", 'text,label\n6" tall,1\n"a ""b""",2\n', ['6" tall', 'a "b"']),
    "line breaks": ("a.csv", 'text,label\r\n"a\r\nb, c",1\r\n\r\nd,2\r\n', ["a\r\nb, c", "d"]),
    "carriage returns": ("a.csv", "text,label\ra,1\rb,2\r", ["a", "b"]),
    "prose over lines": (
        "a.csv", 'text,label\n"Good, well,\nreally nice, yes\nend",1\n"I paid 3,50\nBad",2\n',
        ["Good, well,\nreally nice, yes\nend", "I paid 3,50\nBad"],
    ),
    "a column twice": ("a.csv", "text,label,text\na,1,b\n", ["a"]),
    "quoted tabs": ("a.tsv", 'text\tlabel\n"He said ""good"" 3"\t1\nplain\t2\n', ['He said "good" 3', "plain"]),
    "quoted tabs over lines": ("a.tsv", 'text\tlabel\n"a\tb"\t1\n"c\nd"\t2\n', ["a\tb", "c\nd"]),
    "quoted header": ("a.tsv", '"text"\t"label"\n"Hello!"\t"1"\n', ["Hello!"]),
    "escaped tabs": ("a.tsv", '"text"\t"label"\n"He \\"x\\" y"\t"1"\n', ['He "x" y']),
    "quotes that are text": (
        "a.tsv", 'text\tlabel\n"Hello!"\t1\nsay "hi" ""\t2\n"open\t3\n"a" and "b"\t4\n',
        ['"Hello!"', 'say "hi" ""', '"open', '"a" and "b"'],
    ),
    "quotes that close in the next row": (
        "a.tsv", 'text\tlabel\n"One thing\tEine Sache\nand another."\tund noch eine\n', ['"One thing', 'and another."'],
    ),
    "commas in .tsv": ("a.tsv", "text,label\na,1\n", ["a"]),
}  # fmt: skip


@pytest.mark.parametrize("case", DIALECTS)
def test_a_file_shows_how_it_is_written(tmp_path: Path, case: str) -> None:
    name, content, expected = DIALECTS[case]
    assert texts(tmp_path, name, content) == expected
    assert texts(tmp_path, f"{name}.gz", gzip.compress(content.encode())) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('text,label\nok,1\n"Good,1\nBad,0\n', "line 3, row 2 opens a quote that is not closed"),
        ('text,label\nok,1\n"Good,1\nBad,0\n"Fine",1\n', "line 3, row 2 opens a quote that is not closed"),
        ('id,text,label\n1,"Good,a\n2,Bad,b\n3,Fine",a\n', "line 2, row 1 opens a quote .* rows of their own"),
        ('text,other\n"Hello,Hallo\nBye,Ade\nFine",Gut\n', "line 2, row 1 opens a quote .* rows of their own"),
        ('id,label,text\n1,a,"Good\n2,b,Bad\n3,a,Fine"\n4,b,x\n', "line 2, row 1 opens a quote"),
        ('text,label\n"Good" film,1\n', "line 2, row 1 has text behind a closing quote"),
        ("t\0e\0x\0t\0,\0l\0", "line 1 holds NUL, .* UTF-16"),
        ("\n \n", "is empty|has no column 'text'"),
    ],
)
def test_a_quote_left_open_swallows_no_rows(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        texts(tmp_path, "a.csv", content)


@pytest.mark.parametrize("quoting", range(3))
@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["csv", "tsv"])
@pytest.mark.parametrize("escaped", [False, True])
def test_what_pandas_writes_is_read(tmp_path: Path, quoting: int, sign: str, ending: str, escaped: bool) -> None:
    rows = ['a "b", c', "", "d;e|f\tg", "h\ni", "'", "NA", "1.0", 'z"', '"y" x', "C:\\dir"]
    frame = pandas.DataFrame({"text": rows, "label": range(len(rows))})
    options: dict[str, Any] = {"doublequote": False, "escapechar": "\\"} if escaped else {}
    content = frame.to_csv(index=False, sep=sign, quoting=quoting, **options)
    assert texts(tmp_path, f"a.{ending}", content) == rows


# What values are


def test_labels_keep_their_spelling_and_other_columns_do_not_matter(tmp_path: Path) -> None:
    labels = ["1", "2", "007", "1.0", "NA", "True", "", "null"]
    body = "".join(f"t,{label},{number},\n" for number, label in enumerate(labels * 1500))
    late = "text,label,n,more\n" + body + "t,neutral,K1A 0B1,x\n"
    assert texts(tmp_path, "late.csv", late, "label") == [*labels * 1500, "neutral"]
    lines = '{"text": "a", "label": 5, "x": null}\n{"label": 5.0, "x": [{}]}\n{"label": 1.10, "x": NaN}\n'
    values = texts(tmp_path, "a.jsonl", lines, "label")
    assert [str(value) for value in values] == ["5", "5.0", "1.10"]
    assert values == [5, 5.0, 1.1]
    assert str(pickle.loads(pickle.dumps(values[2]))) == f"{values[2]}" == "1.10"
    assert isinstance(values[2], WrittenFloat)


def test_declared_types_are_read_from_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('i,f,b,l,d\n-3,1e3,TRUE,"[1, ""a""]","{""a"": 1}"\n', encoding="utf-8")
    kinds = {"i": int, "f": float, "b": bool, "l": list, "d": dict}
    assert read_rows(str(path), kinds) == [{"i": -3, "f": 1000.0, "b": True, "l": [1, "a"], "d": {"a": 1}}]
    for field, text in {"i": "1.0", "f": "1,5", "b": "yes", "l": "a;b", "d": "5"}.items():
        path.write_text(f'{field}\n""\n"{text}"\n', encoding="utf-8")
        with pytest.raises(DataError, match=f"row 2: column '{field}' holds '{text}', which is no "):
            read_rows(str(path), {}, optional={field: kinds[field]})
        with pytest.raises(DataError, match=f"row 1: column '{field}' is empty"):
            read_rows(str(path), {field: kinds[field]})


def test_half_a_character_in_json_is_an_unknown_one(tmp_path: Path) -> None:
    assert texts(tmp_path, "a.jsonl", '{"text": "\\ud83d\\ude00 \\ud83d"}\n') == ["\U0001f600 \ufffd"]


def test_a_number_that_stands_for_a_name_is_the_name(tmp_path: Path) -> None:
    label = datasets.ClassLabel(names=["positive", "negative"])
    features = datasets.Features({
        "text": datasets.Value("string"), "label": label, "several": datasets.List(label), "old": [label],
        "parts": datasets.List({"start": datasets.Value("float64"), "label": label}),
    })  # fmt: skip
    row = {"text": "a", "label": 1, "several": [1, 0], "old": [0], "parts": [{"start": 0.5, "label": 1}]}
    path = tmp_path / "named.parquet"
    datasets.Dataset.from_list([row, {**row, "label": 0, "several": []}], features).to_parquet(path)
    table = open_table(str(path))
    assert table.column("label") == ["negative", "positive"]
    assert table.column("several") == [["negative", "positive"], []]
    assert table.column("old") == [["positive"]] * 2
    assert table.column("parts")[0] == [{"start": 0.5, "label": "negative"}]
    assert {name: tuple(names) for name, names in table.label_names.items()} == dict.fromkeys(
        ("label", "several", "old"), ("positive", "negative")
    )
    for number, message in ((-1, "row 1: column 'label' is empty"), (2, "row 1 has in column 'label' the number 2")):
        stored = pyarrow.table({"text": ["a"], "label": [number]})
        metadata = pyarrow.parquet.read_schema(path).metadata
        pyarrow.parquet.write_table(stored.replace_schema_metadata(metadata), tmp_path / "other.parquet")
        with pytest.raises(DataError, match=message):
            read_rows(str(tmp_path / "other.parquet"), LABELLED)


def test_parquet_of_other_makers(tmp_path: Path) -> None:
    names = pyarrow.array(["x", "y", "x"]).dictionary_encode()
    columns = {"a.b": ["1", "2", "3"], "a": [{"b": 1}] * 3, "label": names, "image": [{"bytes": b"\xff"}] * 3}
    for metadata in (b"{", b"[]", b'{"info": {"features": {"label": {"_type": "ClassLabel", "names": 5}}}}'):
        path = tmp_path / "a.parquet"
        stored = pyarrow.table(columns).replace_schema_metadata({b"huggingface": metadata})
        pyarrow.parquet.write_table(stored, path)
        assert read_rows(str(path), LABELLED, {"text": "a.b"})[1] == {"text": "2", "label": "y"}
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert open_table(str(tmp_path / "a.parquet.gz")).column("label") == ["x", "y", "x"]


def test_a_column_that_is_not_used_may_be_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pyarrow.table({"text": ["good"] * 3, "label": ["a"] * 3, "junk": ["rubbish"] * 3})
    pyarrow.parquet.write_table(table, path, compression="none", use_dictionary=False, write_statistics=False)
    path.write_bytes(path.read_bytes().replace(b"rubbish", b"rub\xff\xfesh"))
    assert len(read_rows(str(path), LABELLED)) == 3


# Where files are


@pytest.mark.parametrize("name", ["a[12].csv", "a?.csv", "*.csv", "a::b.csv", "[2024] %20 é/t.csv", "a{1,2}.csv"])
def test_a_name_is_a_name(tmp_path: Path, name: str) -> None:
    for other in ("a1.csv", "a2.csv", "b.csv"):
        (tmp_path / other).write_text("text\nother\n", encoding="utf-8")
    assert texts(tmp_path, name, "text\nown\n") == ["own"]


def test_a_replaced_file_of_the_same_time_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/proc/none")
    monkeypatch.setattr("datasets.load_dataset", None)  # Nothing local is read by it.
    for content in ("text\na\n", "text\nb\nc\n"):
        assert texts(tmp_path, "t.csv", content) == content.split()[1:]
        os.utime(tmp_path / "t.csv", (1_577_836_800,) * 2)
    assert {path.name for path in tmp_path.iterdir()} == {"t.csv"}


def test_compressed_files_are_known_by_name_and_content(tmp_path: Path) -> None:
    assert texts(tmp_path, "plain.csv.gz", "text\na\n") == ["a"]
    assert texts(tmp_path, "lines.JSONL.GZ", gzip.compress(b'{"text": "a"}')) == ["a"]
    with pytest.raises(DataError, match=r"a\.csv, line 1 is compressed: call it something that ends in \.gz"):
        texts(tmp_path, "a.csv", gzip.compress(b"text\na\n"))
    with pytest.raises(DataError, match=r"cut\.csv\.gz cannot be read: .*ended"):
        texts(tmp_path, "cut.csv.gz", gzip.compress(b"text\na\n" * 99)[:-9])
    with pytest.raises(DataError, match=r"bad\.jsonl\.gz, line 2 cannot be read: each line must be a JSON object"):
        texts(tmp_path, "bad.jsonl.gz", gzip.compress(b'{"text": "a"}\n{"text": \n'))


def test_a_table_is_read_in_batches(tmp_path: Path) -> None:
    rows = [{"text": str(number), "n": number} for number in range(20_000)]
    pandas.DataFrame(rows).to_csv(tmp_path / "a.csv", index=False)
    pandas.DataFrame(rows).to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    for ending in ("csv", "parquet", "jsonl"):
        table = open_table(tmp_path / f"a.{ending}")
        assert isinstance(table, Table)
        assert table.column_names == ("text", "n")
        assert len(table) == 20_000
        batches = [batch["text"] for batch in table.batches(["text"])]
        assert len(batches) > 1
        assert [text for batch in batches for text in batch] == [row["text"] for row in rows]
        with pytest.raises(DataError, match="has no column 'x'; it has: text, n"):
            table.column("x")
