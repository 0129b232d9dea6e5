"""Parallel texts: plain files whose lines belong together."""

import gzip
from pathlib import Path

import pytest

from seqcore.data import parallel_columns, read_rows
from seqcore.errors import DataError

FIELDS = {"source": str, "target": str}
COLUMNS = {"source": "en", "target": "de"}


def write(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)


def test_line_k_belongs_to_line_k(tmp_path: Path) -> None:
    write(tmp_path, "corpus [1].en", '\ufeffa dog\r\nit\u2028is \x0cso\x85\x1c, "he said\r\n\r\na\tcat'.encode())
    write(tmp_path, "corpus [1].de.gz", b"ein Hund\nes ist\rso\n\neine Katze\n")
    rows = read_rows(str(tmp_path / "corpus [1]"), FIELDS, COLUMNS)
    assert [row["source"] for row in rows] == ["a dog", 'it\u2028is \x0cso\x85\x1c, "he said', "", "a\tcat"]
    assert [row["target"] for row in rows] == ["ein Hund", "es ist\rso", "", "eine Katze"]


def test_a_folder_of_the_same_name_does_not_hide_them_and_a_file_does(tmp_path: Path) -> None:
    write(tmp_path, "corpus.en", b"a\n")
    write(tmp_path, "corpus.de", b"b\n")
    (tmp_path / "corpus").mkdir()
    assert read_rows(str(tmp_path / "corpus"), FIELDS, COLUMNS) == [{"source": "a", "target": "b"}]
    write(tmp_path, "table.csv", b"en,de\nc,d\n")
    write(tmp_path, "table.csv.en", b"a\n")
    write(tmp_path, "table.csv.de", b"b\n")
    assert read_rows(str(tmp_path / "table.csv"), FIELDS, COLUMNS) == [{"source": "c", "target": "d"}]


def test_what_does_not_belong_together_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "corpus.en", b"a\nb\nc\n")
    with pytest.raises(DataError, match=r"there is no file .*corpus\.de \(or \.de\.gz\) beside .*corpus\.en"):
        read_rows(str(tmp_path / "corpus"), FIELDS, COLUMNS)
    write(tmp_path, "corpus.de", b"a\nb\n")
    with pytest.raises(DataError, match=r"corpus\.en has 3, .*corpus\.de has 2"):
        read_rows(str(tmp_path / "corpus"), FIELDS, COLUMNS)
    write(tmp_path, "corpus.de", b"a\nb\nc\xff\n")
    with pytest.raises(DataError, match=r"corpus\.de, line 3 is not UTF-8"):
        read_rows(str(tmp_path / "corpus"), FIELDS, COLUMNS)
    with pytest.raises(DataError, match=r"there is no file .*corpus, but corpus\.de, corpus\.en; .* --source en"):
        read_rows(str(tmp_path / "corpus"), FIELDS)
    write(tmp_path, "corpus.en", b"")
    write(tmp_path, "corpus.de", b"")
    with pytest.raises(DataError, match="corpus has no rows"):
        read_rows(str(tmp_path / "corpus"), FIELDS, COLUMNS)


def test_languages_name_the_files(tmp_path: Path) -> None:
    write(tmp_path, "corpus.en", b"a\n")
    source = str(tmp_path / "corpus")
    assert parallel_columns(source, COLUMNS) == COLUMNS
    assert parallel_columns(source, {"source": "en", "target": None}) == {}
    assert parallel_columns(source, {"source": "en"}) == {}
    assert parallel_columns(str(tmp_path / "other"), COLUMNS) == {}


def test_a_recipe_reads_them_by_its_languages(tmp_path: Path) -> None:
    from seqcore.recipes.translation import TranslationRecipe

    write(tmp_path, "corpus.en", b"a\n")
    write(tmp_path, "corpus.de_AT.gz", b"b\n")
    source = str(tmp_path / "corpus")
    recipe = TranslationRecipe(train=source, output="", source="en", target="de", columns={"target": "de_AT"})
    languages = {"source_lang": "en", "target_lang": "de"}
    assert recipe.read_rows(source, "train") == [{"source": "a", "target": "b", **languages}]
    write(tmp_path, "corpus.de", b"c\n")
    by_columns = TranslationRecipe(train=source, output="", columns=COLUMNS)
    assert by_columns.read_rows(source, "train") == [{"source": "a", "target": "c", **languages}]
