"""Tables on the command line: all that was in them stays, and answers are further columns."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from counting_task import counting_checkpoint

from seqcore.cli import main

FILES = {
    "comma.csv": (
        'id,text,answer\r\n007,"two, ""men""\nsit",\r\n\r\n1.10,=a,x\r\n',
        'id,text,answer,predicted_answer\r\n007,"two, ""men""\nsit",,"TWO, ""MEN""\nSIT"\r\n\r\n1.10,=a,x,=A\r\n',
    ),
    "spreadsheet.csv": ("\ufeffsep=;\nid;text\n1;a, b\n2;c", "\ufeffsep=;\nid;text;answer\n1;a, b;A, B\n2;c;C"),
    "escaped.csv": ('text,n\n"say \\"hi\\"",1\n', 'text,n,answer\n"say \\"hi\\"",1,SAY \\"HI\\"\n'),
    "plain.tsv": ('n\ttext\n1\tsay "hi" now\n', 'n\ttext\tanswer\n1\tsay "hi" now\tSAY "HI" NOW\n'),
    "lines.jsonl": (
        '{"text": "a dog", "n": 1.10, "more": {"a": [1]}}\n\n{ "text":"b" }',
        '{"text": "a dog", "n": 1.10, "more": {"a": [1]}, "answer": "A DOG"}\n{ "text":"b", "answer": "B"}',
    ),
    "array.json": (
        '[{"text": "a"},\n{"text": "b", "n": 2}]',
        '[\n{"text": "a", "n": null, "answer": "A"},\n{"text": "b", "n": 2, "answer": "B"}\n]\n',
    ),
}  # fmt: skip


@pytest.fixture
def shouting(tmp_path: Path) -> str:
    return str(counting_checkpoint(tmp_path / "it", shout=True))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("compressed", [False, True])
def test_a_table_is_written_as_it_stood_with_the_answers(
    shouting: str, tmp_path: Path, name: str, compressed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = FILES[name]
    file = tmp_path / (name + ".gz" * compressed)
    data = before.encode()
    file.write_bytes(gzip.compress(data) if compressed else data)
    out = tmp_path / f"out-{file.name}"
    assert main(["predict", shouting, str(file), "--output", str(out)]) == 0, capsys.readouterr().err
    written = out.read_bytes()
    assert (gzip.decompress(written) if compressed else written).decode() == after
    assert main(["predict", shouting, str(file)]) == 0
    assert capsys.readouterr().out == after


def test_the_output_names_the_format(shouting: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pyarrow import parquet

    source = tmp_path / "in.csv"
    source.write_text("id,text\n01,a\n02,\n", encoding="utf-8")
    rows = [{"id": "01", "text": "a", "answer": "A"}, {"id": "02", "text": "", "answer": ""}]
    assert main(["predict", shouting, str(source), "--output", str(tmp_path / "out.parquet")]) == 0
    assert parquet.read_table(tmp_path / "out.parquet").to_pylist() == rows
    assert main(["predict", shouting, str(tmp_path / "out.parquet"), "--output", str(tmp_path / "again.parquet")]) == 0
    again = [{**row, "predicted_answer": row["answer"]} for row in rows]
    assert parquet.read_table(tmp_path / "again.parquet").to_pylist() == again
    for name in ("out.jsonl", "out.tsv", "out.json"):
        assert main(["predict", shouting, str(source), "--output", str(tmp_path / name)]) == 0
    assert [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()] == rows
    assert json.loads((tmp_path / "out.json").read_text()) == rows
    assert (tmp_path / "out.tsv").read_text() == "id\ttext\tanswer\n01\ta\tA\n02\t\t\n"
    assert main(["predict", shouting, str(source), "--format", "jsonl"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == rows
    assert main(["predict", shouting, str(tmp_path / "out.parquet")]) == 1
    assert "name a file with --output" in capsys.readouterr().err


def test_the_column_is_named_or_the_only_one(shouting: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "reviews.csv"
    file.write_text("review,stars\na dog,5\n", encoding="utf-8")
    assert main(["predict", shouting, str(file), "--columns.text", "review"]) == 0
    assert capsys.readouterr().out == "review,stars,answer\na dog,5,A DOG\n"
    assert main(["predict", shouting, str(file)]) == 1
    expected = (
        f"error: {file} has no column 'text'; it has: review, stars. Say which one to use with --columns.text NAME."
    )
    assert capsys.readouterr() == ("", f"{expected}\n")
    assert main(["predict", shouting, str(file), "--columns.text", "stars"]) == 0
    assert capsys.readouterr().out.endswith("a dog,5,5\n")
    file.write_text("review\na dog\n", encoding="utf-8")
    assert main(["predict", shouting, str(file)]) == 0
    assert capsys.readouterr().out == "review,answer\na dog,A DOG\n"


def test_a_row_that_cannot_be_answered_is_named_and_has_empty_cells(
    shouting: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("text,n\ngood,1\nbad,2\ngood,3\n", encoding="utf-8")
    assert main(["predict", shouting, str(file)]) == 1
    assert capsys.readouterr() == (
        "text,n,answer\ngood,1,GOOD\nbad,2,\ngood,3,GOOD\n",
        f"error: {file}, row 2: it cannot be read\n",
    )
    lines = tmp_path / "rows.jsonl"
    lines.write_text('{"text": "bad"}\n{"text": null}\n{}\n{"text": ["a"]}\n{"text": 5}\n', encoding="utf-8")
    assert main(["predict", shouting, str(lines)]) == 1
    written = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row.get("error") for row in written] == [
        "it cannot be read", "column 'text' is empty", "column 'text' is empty",
        "column 'text' holds list, not text", None,
    ]  # fmt: skip
    assert written[-1] == {"text": 5, "answer": "5"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{csv}", "{csv}"], "is answered alone"),
        (["{csv}", "--format", "text"], "is a table: leave --format out"),
        (["-", "--columns.text", "a"], "standard input is lines"),
        (["{txt}", "--columns.text", "a"], "files may be .csv"),
        (["{csv}", "--columns.text", "none"], "has no column 'none'; it has: text, n"),
        (["{empty}"], "has no rows"),
    ],
)
def test_what_is_no_table_to_answer_is_told(
    shouting: str, tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"csv": "a.csv", "txt": "a.txt", "empty": "empty.csv"}
    for name in names.values():
        (tmp_path / name).write_text("text,n\n" + "a dog,1\n" * (name != "empty.csv"), encoding="utf-8")
    places = {key: tmp_path / name for key, name in names.items()}
    assert main(["predict", shouting, *(part.format(**places) for part in arguments)]) == 1
    assert message in capsys.readouterr().err


def test_a_table_of_60000_rows_is_answered_in_constant_memory(tmp_path: Path) -> None:
    script = (
        "import resource, sys\n"
        "from seqcore import cli\n"
        "from counting_task import counting_checkpoint\n"
        "it = str(counting_checkpoint(sys.argv[1] + '/it', shout=True))\n"
        "for name, rows in (('small', 10_000), ('large', 60_000)):\n"
        "    with open(f'{sys.argv[1]}/{name}.csv', 'w') as file:\n"
        "        file.write('n,text\\n')\n"
        "        file.writelines(f'{n},line number {n}\\n' for n in range(rows))\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "run = lambda name: cli.main(['predict', it, sys.argv[1] + name, '--output', sys.argv[1] + '/out.csv'])\n"
        "assert run('/small.csv') == 0\n"
        "before = peak()\n"
        "assert run('/large.csv') == 0\n"
        "print(peak() - before)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(run, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 5_000  # KiB; all rows together hold 7,000
    with (tmp_path / "out.csv").open(encoding="utf-8") as lines:
        assert next(lines) == "n,text,answer\n"
        assert all(next(lines) == f"{n},line number {n},LINE NUMBER {n}\n" for n in range(60_000))


def test_a_classifier_has_a_column_for_each_label() -> None:
    from seqcore.tasks.sentiment import SentimentClassifier, SentimentConfig

    config = SentimentConfig(vocab_size=300, labels=("bad", "good"))
    classifier = SentimentClassifier.create(config, [{"text": "a dog runs"}, {"text": "two men sit"}] * 9)
    names = ["label", "probability", "probability_bad", "probability_good", "unsure", "out_of_domain", "characters_cut"]
    assert [*classifier.answer_columns] == names
    cells = classifier.to_cells(classifier.classify("a dog"))
    assert [type(cell) for cell in cells] == [*classifier.answer_columns.values()]
