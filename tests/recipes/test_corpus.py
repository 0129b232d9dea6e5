"""One training file of several aligned ones: what is joined, what is held out, and what is refused."""

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import pytest
from training_runs import write_csv

from apps.translator.corpus import main
from seqcore.errors import DataError, SettingsError
from seqcore.recipes.corpora import translation as corpus
from seqcore.recipes.corpora.translation import Corpus, Pair, build

LANGUAGES = ["en", "de", "fr"]


def read(path: Path) -> list[Pair]:
    return [Pair(**row) for row in datasets.Dataset.from_parquet(str(path), cache_dir=str(path.parent / "cache"))]


def aligned(count: int) -> list[dict[str, str]]:
    return [{name: f"{name} {number}" for name in LANGUAGES} for number in range(count)]


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Two files that share English sentences; some have several translations, and some texts stand in many rows."""
    german = [{"en": f"en {n % 40}", "de": f"de {n % 37}"} for n in range(60)]
    french = [{"en": f"en {n % 50}", "fr": f"fr {n % 31}"} for n in range(70)]
    return [str(write_csv(tmp_path / "de.csv", german)), str(write_csv(tmp_path / "fr.csv", french))]


def of_two_files(places: list[str], **settings: Any) -> Corpus:
    return Corpus(**{"name": "two", "files": places, "languages": [["en", "de"], ["en", "fr"]], "hold": 5, **settings})


def test_aligned_rows_give_every_direction(tmp_path: Path) -> None:
    rows = write_csv(tmp_path / "rows.csv", aligned(4))
    checks = write_csv(tmp_path / "checks.csv", [{name: f"{name} check" for name in LANGUAGES}])
    build([Corpus("it", [str(rows)], [LANGUAGES], str(checks))], str(tmp_path / "out"))
    pairs = read(tmp_path / "out" / "train.parquet")
    assert len(pairs) == 4 * 6 == len(set(pairs))
    assert Counter(pair.direction for pair in pairs) == dict.fromkeys(
        ["en-de", "en-fr", "de-en", "de-fr", "fr-en", "fr-de"], 4
    )
    assert all(pair.source.split()[0] == pair.source_lang for pair in pairs)
    assert all(pair.source.split()[1] == pair.target.split()[1] for pair in pairs)
    held = read(tmp_path / "out" / "validation-it.parquet")
    assert sorted(held) == sorted(read(tmp_path / "out" / "validation.parquet"))
    assert {pair.source.split()[1] for pair in held} == {"check"}


@pytest.mark.parametrize("seed", range(5))
def test_no_text_that_is_held_out_is_trained_on(seed: int, files: list[str], tmp_path: Path) -> None:
    rows = aligned(20)
    rows[3]["de"] = rows[4]["de"] = rows[5]["fr"] = "the same"  # in several rows, and in several languages
    single = write_csv(tmp_path / "rows.csv", rows)
    corpora = [of_two_files(files), Corpus("one", [str(single)], [LANGUAGES], hold=4)]
    for chosen in corpora:
        out = tmp_path / chosen.name
        build([chosen], str(out), seed)
        held, train = read(out / f"validation-{chosen.name}.parquet"), read(out / "train.parquet")
        texts = {text for pair in held for text in (pair.source, pair.target)}
        assert len({pair.source for pair in held if pair.source_lang == "en"}) == chosen.hold
        assert train
        assert not [pair for pair in train if pair.source in texts or pair.target in texts]


def test_files_are_joined_over_the_sentence_that_they_share(tmp_path: Path) -> None:
    german = [{"en": "a", "de": "A1"}, {"en": "a", "de": "A2"}, {"en": "b", "de": "B"}, {"en": " c ", "de": "C"}]
    french = [{"en": "a", "fr": "1"}, {"en": "a", "fr": "2"}, {"en": "a", "fr": "3"}, {"en": "c", "fr": "4"}]
    places = [str(write_csv(tmp_path / "de.csv", german)), str(write_csv(tmp_path / "fr.csv", french))]
    groups = corpus.read_groups(places, [["en", "de"], ["en", "fr"]])
    found: dict[str, set[Any]] = {direction: set() for direction in ("en-de", "en-fr", "de-fr")}
    for pair in corpus.pairs(groups):
        if pair.direction in found:
            found[pair.direction].add((pair.source, pair.target))
    assert found == {
        "en-de": {("a", "A1"), ("a", "A2"), ("b", "B"), ("c", "C")},
        "en-fr": {("a", "1"), ("a", "2"), ("a", "3"), ("c", "4")},
        "de-fr": {("A1", "1"), ("A2", "2"), ("C", "4")},  # the n-th with the n-th
    }


def test_empty_texts_are_left_out(tmp_path: Path) -> None:
    rows = write_csv(tmp_path / "rows.csv", [{"en": "a", "de": " ", "fr": "b"}, {"en": "c", "de": "d", "fr": ""}])
    found = list(corpus.pairs(corpus.read_groups([str(rows)], [LANGUAGES])))
    assert {(pair.source, pair.target) for pair in found} == {("a", "b"), ("b", "a"), ("c", "d"), ("d", "c")}


def test_pairs_are_repeated_by_their_direction(tmp_path: Path) -> None:
    rows, checks = (str(write_csv(tmp_path / f"{name}.csv", aligned(3))) for name in ("rows", "checks"))
    build([Corpus("it", [rows], [LANGUAGES], checks, repeat={"en-de": 4, "de-fr": 0})], str(tmp_path / "out"))
    counts = Counter(pair.direction for pair in read(tmp_path / "out" / "train.parquet"))
    assert counts == {"en-de": 12, "en-fr": 3, "de-en": 3, "fr-en": 3, "fr-de": 3}


def test_the_sample_takes_as_many_of_each_direction(tmp_path: Path) -> None:
    rows, checks = (str(write_csv(tmp_path / f"{name}.csv", aligned(9))) for name in ("rows", "checks"))
    build([Corpus("it", [rows], [LANGUAGES], checks, sample=2)], str(tmp_path / "out"))
    counts = Counter(pair.direction for pair in read(tmp_path / "out" / "validation.parquet"))
    assert set(counts.values()) == {2}
    assert len(counts) == 6


def test_the_same_seed_gives_the_same_files(files: list[str], tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        build([of_two_files(files)], str(tmp_path / name), seed)
    contents = {
        name: [path.read_bytes() for path in sorted((tmp_path / name).glob("*.parquet"))]
        for name in ("one", "again", "other")
    }
    assert len(contents["one"]) == 3
    assert contents["one"] == contents["again"] != contents["other"]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"files": []}, "two: 0 files, but languages of 2"),
        ({"languages": [["en", "de"]]}, "two: 2 files, but languages of 1"),
        ({"languages": [["en", "en"], ["en", "fr"]]}, "two: a file has two different languages or more"),
        ({"languages": [["en", "de"], ["fr", "en"]]}, "joined by their first column"),
        ({"repeat": {"en-it": 2}}, "cannot repeat en-it 2 times"),
        ({"repeat": {"en-de": -1}}, "cannot repeat en-de -1 times"),
        ({"hold": 0}, "name a validation file, or how many"),
    ],
)
def test_a_corpus_that_cannot_be_is_refused(settings: dict[str, Any], says: str, files: list[str]) -> None:
    with pytest.raises(SettingsError, match=says):
        of_two_files(files, **settings)


def test_data_that_cannot_be_used_is_refused(files: list[str], tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    with pytest.raises(DataError, match=r"de\.csv has no column 'it'; it has: en, de"):
        build([of_two_files(files, languages=[["en", "it"], ["en", "fr"]])], out)
    with pytest.raises(DataError, match="two: 50 sentences are too few to hold 50 of them out"):
        build([of_two_files(files, hold=50)], out)
    with pytest.raises(DataError, match=r"there is no file .*none\.csv"):
        build([of_two_files([files[0], str(tmp_path / "none.csv")])], out)
    with pytest.raises(DataError, match=r"cannot be written"):
        build([of_two_files(files)], "/proc/nowhere/corpus")


def test_mistakes_on_the_command_line_get_one_line(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "corpus.yaml"
    config.write_text(
        f"corpora: [{{name: two, files: {files}, languages: [[en, it], [en, fr]], hold: 5}}]\noutput: {tmp_path}/out\n"
    )
    monkeypatch.setattr("sys.argv", ["corpus", "--config", str(config)])
    with pytest.raises(SystemExit, match=r"^error: .*de\.csv has no column 'it'"):
        main()


def test_texts_with_separators_survive(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["en", "de"], ['a, "b"', "NA"], ["😀", "שלום"]])
    found = [*corpus.pairs(corpus.read_groups([str(path)], [["en", "de"]]))]
    assert found[0][:2] == ('a, "b"', "NA")
    assert found[2][:2] == ("😀", "שלום")
