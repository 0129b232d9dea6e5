"""The command line as people use it: real processes, pipes and files."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from counting_task import Counting, counting_checkpoint
from PIL import Image

from seqcore import cli
from seqcore.cli import main
from seqcore.tasks.translation import Translator, TranslatorConfig

PATH = os.pathsep.join(sys.path)
LINES = ["a dog runs .", "", "two men sit", "a woman in a red dress ."]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny untrained translator: what it says means nothing, but it always says the same."""
    import torch

    torch.manual_seed(0)
    config = TranslatorConfig(
        vocab_size=300, embedding_size=8, encoder_hidden_size=8, decoder_hidden_size=8, max_target_length=12
    )
    task = Translator.create(config, [{"source": text} for text in LINES * 5])
    place = tmp_path_factory.mktemp("cli") / "model"
    task.save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def expected(folder: Path) -> list[str]:
    return [found.text for found in Translator.from_pretrained(folder).translate(LINES)]


def piped(text: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "seqcore.cli", *arguments], input=text, capture_output=True)


def test_a_pipe_gives_a_line_for_a_line_in_order(folder: Path, expected: list[str]) -> None:
    done = piped("\n".join(LINES).encode(), "predict", str(folder), "-", "--source", "en", "--target", "de")
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().splitlines() == expected
    assert expected[1] == ""


def test_batch_size_and_file_change_nothing(
    folder: Path, expected: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, out = tmp_path / "1.txt", tmp_path / "2.txt", tmp_path / "out.txt"
    first.write_text("\n".join(LINES[:2]) + "\n", encoding="utf-8-sig")  # a byte order mark is no text
    second.write_bytes("\r\n".join(LINES[2:]).encode())
    assert main(["predict", str(folder), str(first), str(second), "--batch-size", "1", "--output", str(out)]) == 0
    assert out.read_text(encoding="utf-8").splitlines() == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.txt", "2.txt", "out.txt"]
    assert capsys.readouterr().out == ""


def test_output_may_be_the_input(folder: Path, expected: list[str], tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    assert main(["predict", str(folder), str(file), "--output", str(file)]) == 0
    assert file.read_text(encoding="utf-8").splitlines() == expected


def test_a_pipe_is_written_to_and_a_link_followed(folder: Path, expected: list[str], tmp_path: Path) -> None:
    file, link, target = tmp_path / "text.txt", tmp_path / "link.txt", tmp_path / "target.txt"
    file.write_text("\n".join(LINES), encoding="utf-8")
    target.touch()
    link.symlink_to(target)
    assert main(["predict", str(folder), "--beam-size", "5", str(file), "--output", str(link)]) == 0
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8").splitlines() == expected
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True) as reader:
        assert main(["predict", str(folder), str(file), "--output", str(pipe)]) == 0
        assert reader.communicate()[0].splitlines() == expected
    assert pipe.is_fifo()


def test_json_lines(folder: Path, expected: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "text.txt"
    file.write_text("\n".join(LINES), encoding="utf-8")
    assert main(["predict", str(folder), str(file), "--format", "jsonl", "--beam-size", "5"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["source"] for record in records] == LINES
    assert [record["text"] for record in records] == expected
    assert all(len(record["tokens"]) == len(record["token_probabilities"]) for record in records)


def test_what_was_done_is_kept_when_a_later_line_is_not_utf8(folder: Path, expected: list[str], tmp_path: Path) -> None:
    good = "\n".join(LINES * 8).encode() + b"\n"
    file, out = tmp_path / "text.txt", tmp_path / "out.txt"
    file.write_bytes(good + b"caf\xe9\n")
    done = piped(b"", "predict", str(folder), str(file), "--batch-size", "2", "--output", str(out))
    assert done.returncode == 1
    assert f"{file}, line 33 is not UTF-8" in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert not out.exists()
    assert (tmp_path / "out.txt.partial").read_text(encoding="utf-8").splitlines() == expected * 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "{folder}/none", "-"], "there is no checkpoint folder"),
        (["predict", "{folder}", "{folder}/none.txt"], "none.txt cannot be read"),
        (["predict", "{folder}", "-", "--target", "xx"], "this model does not translate to 'xx'; it does: en-de"),
        (["predict", "{folder}", "-", "--source", "xx"], "this model does not translate from 'xx'; it does: en-de"),
        (["predict", "{folder}", "-", "--source", "en", "--target", "xx"], "does not translate from 'en' to 'xx'"),
        (["predict", "{folder}", "-", "--source", "xx", "--target", "de"], "does not translate from 'xx' to 'de'"),
        (["predict", "{folder}", "-", "--source", "de", "--target", "de"], "source and target are both 'de'"),
        (["predict", "{folder}", "-", "--n-best", "2"], "--n-best needs --format jsonl"),
        (["predict", "{folder}", "-", "--n-best", "9", "--format", "jsonl", "--beam-size", "2"], "n_best"),
        (["predict", "{folder}", "-", "--length-penalty", "nan"], "length_penalty"),
        (["predict", "{folder}", "-", "--output", "{folder}/none/out.txt"], "cannot be written"),
        (["predict", "{folder}", "-", "--device", "warp:9"], "the device 'warp:9' cannot be used here"),
        (["evaluate", "{folder}", "{folder}/none.csv"], "there is no file"),
    ],
)
def test_mistakes_get_one_clear_line(
    folder: Path,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a dog\n")))
    assert main([part.format(folder=folder) for part in arguments]) == 1
    told = capsys.readouterr().err.splitlines()
    assert message in told[-1]
    assert told[-1].startswith("error: ")


RUDE = {
    "a NUL byte": b"a\0dog",
    "only NUL bytes": b"\0\0",
    "only emoji": "😀🎉👩‍👩‍👧".encode(),
    "right to left": "שלום עולם مرحبا".encode(),
    "blanks": b" \t ",
    "a line separator": "a\u2028dog\x0b\x0c".encode(),
    "nothing": b"",
    "100,000 characters": b"dogs run " * 11_111 + b".",
}


@pytest.mark.parametrize("name", RUDE)
def test_a_rude_line_gives_one_line(
    name: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "text.txt"
    file.write_bytes(b"a dog runs .\n" + RUDE[name] + b"\na dog runs .\n")
    assert main(["predict", str(folder), str(file), "--beam-size", "1", "--batch-size", "256"]) == 0
    lines = capsys.readouterr().out.split("\n")
    assert lines.pop() == ""
    assert len(lines) == 3
    assert lines[0] == lines[2] != ""
    if name == "nothing":
        assert lines[1] == ""


def test_a_text_that_is_refused_is_named_by_its_line_and_the_others_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "text.txt"
    file.write_text("good\n" * 40 + "bad\ngood\n", encoding="utf-8")
    monkeypatch.setattr(Counting, "batches_at_once", 32)
    assert main(["predict", str(counting_checkpoint(tmp_path / "it")), str(file)]) == 1
    told = capsys.readouterr()
    assert told.err == f"error: {file}, line 41: it cannot be read\n"
    assert told.out == "4\n" * 40 + "\n4\n"
    assert main(["predict", str(tmp_path / "it"), str(file), "--format", "jsonl"]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[40]) == {"text": "bad", "error": "it cannot be read"}


def test_standard_input_that_is_not_utf8_is_named_by_line(folder: Path) -> None:
    done = piped(b"a dog\ncaf\xe9\n", "predict", str(folder), "--beam-size", "1")
    assert done.returncode == 1
    assert done.stderr.decode() == "error: standard input, line 2 is not UTF-8: convert it first (iconv -t UTF-8)\n"


@pytest.mark.slow
def test_a_million_lines_are_read_in_constant_memory(tmp_path: Path) -> None:
    file, out = tmp_path / "million.txt", tmp_path / "out.txt"
    with file.open("w", encoding="utf-8") as lines:
        lines.writelines(f"line number {number}\n" for number in range(1_000_000))
    script = (
        "import resource, sys\n"
        "from seqcore import cli\n"
        "from counting_task import Counting, counting_checkpoint\n"
        "it = str(counting_checkpoint(sys.argv[3], shout=True))\n"
        "small = sys.argv[1] + '.small'\n"
        "open(small, 'w').write('a line\\n' * 99)\n"
        "assert cli.main(['predict', it, small, '--output', sys.argv[2]]) == 0\n"  # what is imported on first use
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        "assert cli.main(['predict', it, sys.argv[1], '--output', sys.argv[2]]) == 0\n"
        "print(peak() - before)\n"
    )
    run = [sys.executable, "-c", script, str(file), str(out), str(tmp_path / "it")]
    done = subprocess.run(run, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": PATH})
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 10_000  # KiB; all lines together hold 70,000
    with out.open(encoding="utf-8") as lines:
        assert all(next(lines) == f"LINE NUMBER {number}\n" for number in range(1_000_000))
        assert lines.read() == ""


@pytest.mark.parametrize(
    "flag",
    ["--source=en", "--target=de", "--beam-size=5", "--length-penalty=1", "--batch-size=2", "--columns.source=a"],
)
def test_a_flag_that_the_task_does_not_know_is_refused_by_name(
    flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = "evaluate" if "columns" in flag else "predict"
    assert main([command, str(counting_checkpoint(tmp_path / "it")), str(tmp_path / "text.txt"), flag]) == 1
    wanted = f"error: {flag.split('=')[0]} is not for this checkpoint, whose task is counting\n"
    assert capsys.readouterr().err == wanted


def test_only_flags_that_are_given_reach_the_task(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    it = str(counting_checkpoint(tmp_path / "it"))
    file = tmp_path / "text.txt"
    file.write_text("one\nthree\n", encoding="utf-8")
    assert main(["predict", it, str(file)]) == 0
    assert main(["predict", it, str(file), "--n-best", "2", "--format", "jsonl"]) == 0
    assert Counting.requests[-2:] == [{}, {"n_best": 2}]
    assert capsys.readouterr().out.splitlines()[:3] == ["3", "5", '{"text": "one", "count": 3}']


def test_the_search_is_chosen_by_flags(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "text.txt"
    file.write_text("a dog runs .\n", encoding="utf-8")
    chosen = ["--beam-size", "3", "--n-best", "2", "--length-penalty", "0.5", "--format", "jsonl"]
    assert main(["predict", str(folder), str(file), *chosen, "--source", "en", "--target", "de"]) == 0
    record = json.loads(capsys.readouterr().out)
    found = Translator.from_pretrained(folder).translate(
        "a dog runs .", source="en", target="de", beam_size=3, n_best=2, length_penalty=0.5
    )
    assert record["text"] == found.text
    assert [other["text"] for other in record["alternatives"]] == [other.text for other in found.alternatives]
    assert len(record["alternatives"]) == 1


def test_a_closed_pipe_is_no_error(folder: Path) -> None:
    predict = f"{sys.executable} -m seqcore.cli predict {folder} - --beam-size 1"
    command = f"yes 'a dog' | head -n 4000 | {predict} | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert len(done.stdout.splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_evaluate_prints_its_metrics_as_json(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], expected: list[str]
) -> None:
    file = tmp_path / "pairs.jsonl"
    pairs = [{"en": line, "de": answer} for line, answer in zip(LINES, expected, strict=True) if line]
    file.write_text("\n".join(json.dumps(pair) for pair in pairs), encoding="utf-8")
    assert main(["evaluate", str(folder), str(file), "--columns.source", "en", "--columns.target", "de"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["rows"] == 3
    assert told["chrf"] == pytest.approx(100)  # the references are the model's own answers


def test_evaluate_reads_the_languages_of_rows(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text("source,target,from,to\na dog,ein Hund,en,de\n", encoding="utf-8")
    columns = ["--columns.source_lang", "from", "--columns.target_lang", "to"]
    assert main(["evaluate", str(folder), str(file), *columns, "--source", "en", "--beam-size", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["beam_size"] == 1
    assert main(["evaluate", str(folder), str(file), *columns, "--source", "de"]) == 1
    assert "row 1: source_lang is 'en', but 'de' was asked for" in capsys.readouterr().err
    file.write_text("source,target,from,to\na dog,ein Hund,en,fr\n", encoding="utf-8")
    assert main(["evaluate", str(folder), str(file), *columns]) == 1
    assert "does not translate from 'en' to 'fr'" in capsys.readouterr().err


def test_evaluate_reads_parallel_files(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "corpus.en").write_text("a dog\na cat\n", encoding="utf-8")
    (tmp_path / "corpus.de").write_text("ein Hund\neine Katze\n", encoding="utf-8")
    command = ["evaluate", str(folder), str(tmp_path / "corpus"), "--source", "en", "--target"]
    assert main([*command, "de", "--beam-size", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 2
    assert main([*command, "fr"]) == 1
    assert "corpus.fr" in capsys.readouterr().err


def test_evaluate_names_a_missing_column(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text("en,de\na,b\n", encoding="utf-8")
    assert main(["evaluate", str(folder), str(file)]) == 1
    assert "no column 'source'; it has: en, de" in capsys.readouterr().err


def test_info_describes_the_checkpoint(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(folder)]) == 0
    told = json.loads(capsys.readouterr().out)
    task = Translator.from_pretrained(folder)
    assert told["task"] == "translation"
    assert told["parameters"] == sum(weight.numel() for weight in task.network.parameters())
    assert told["bytes"] > (folder / "model.safetensors").stat().st_size


def test_help_shows_the_flags_of_the_task(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    it = str(counting_checkpoint(tmp_path / "it"))
    for checkpoint, flags, others in (
        (str(folder), ("--beam-size", "--source", "--length-penalty", "--batch-size"), ()),
        (it, ("--n-best", "100 % of it"), ("--beam-size", "--source")),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["predict", checkpoint, "--help"])
        text = capsys.readouterr().out
        assert ended.value.code == 0
        assert all(flag in text for flag in flags)
        assert not any(flag in text for flag in others)
    with pytest.raises(SystemExit):
        main(["evaluate", it, "--help"])
    assert "--columns.label" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["predict", "--help"])
    assert ended.value.code == 0


def test_flags_may_have_underscores_and_stand_before_the_checkpoint(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a_dog.txt"
    file.write_text("a dog runs .\n", encoding="utf-8")
    answers = set()
    for flags in (["--beam-size", "2"], ["--beam_size", "2"], ["--beam_size=2"]):
        for arguments in ([str(folder), *flags, str(file)], [*flags, str(folder), str(file)]):
            assert main(["predict", *arguments, "--length_penalty", "0.5"]) == 0
            answers.add(capsys.readouterr().out)
    assert len(answers) == 1


@pytest.mark.slow
def test_a_task_in_a_module_of_ones_own_is_imported_by_name(tmp_path: Path) -> None:
    counting_checkpoint(tmp_path / "it")
    alone = piped(b"a dog\n", "predict", str(tmp_path / "it"))
    assert alone.returncode == 1
    assert "there is no task 'counting' here" in alone.stderr.decode()
    assert "--import MODULE" in alone.stderr.decode()
    support = str(Path(__file__).parents[1] / "support")
    for arguments in (["--import", "counting_task", "predict", str(tmp_path / "it")],
                      ["predict", str(tmp_path / "it"), "--import", "counting_task"]):  # fmt: skip
        command = [sys.executable, "-m", "seqcore.cli", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(command, input=b"a dog\n", capture_output=True, cwd=support, env=environment)
        assert (done.returncode, done.stdout) == (0, b"5\n"), done.stderr
    missing = piped(b"a dog\n", "--import", "no_such_module", "info", str(tmp_path / "it"))
    assert missing.returncode == 1
    assert missing.stderr.decode().startswith("error: --import no_such_module: ModuleNotFoundError")


@pytest.fixture(scope="module")
def captioner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a captioner that has learned nothing."""
    from seqcore.tasks.captioning import Captioner, CaptionerConfig

    config = CaptionerConfig("mobilenetv3_small_050", 32, vocab_size=300, embedding_size=8, hidden_size=8, num_layers=1)
    folder = tmp_path_factory.mktemp("captioner") / "checkpoint"
    Captioner.create(config, [{"captions": ["a red square", "a blue square"] * 20}]).save_pretrained(folder)
    return folder


def test_a_folder_of_200_images_with_one_that_cannot_be_read(
    captioner: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(200):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(photos / f"{number:03}.png")
    (photos / "100.png").write_bytes(b"no image")
    assert main(["predict", str(captioner), str(photos), str(photos / "000.png"), "--format", "jsonl"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [Path(line["file"]).name for line in lines] == [*(f"{number:03}.png" for number in range(200)), "000.png"]
    assert lines[100].keys() == {"file", "error"}
    assert all(line.keys() == {"file", "text", "score"} for number, line in enumerate(lines) if number != 100)
    assert lines[0] == lines[-1]


def test_what_cannot_be_read_in_a_folder_is_told_and_names_may_repeat(
    captioner: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / folder / "same.png")
    (tmp_path / "c.heic").write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 20)
    (tmp_path / "d.svg").write_text("<svg/>", encoding="utf-8")
    assert main(["predict", str(captioner), str(tmp_path), "--format", "jsonl"]) == 1
    first, second, photograph, drawing = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert [first["file"], second["file"]] == [str(tmp_path / folder / "same.png") for folder in ("a", "b")]
    assert first["text"] == second["text"]
    assert photograph["error"].startswith("c.heic is a HEIC photograph that is damaged or cut short")
    assert "d.svg is an SVG drawing" in drawing["error"]


def test_images_as_text_and_none_at_all(captioner: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    assert main(["predict", str(captioner), str(tmp_path / "a.png"), str(tmp_path / "b.png")]) == 1
    told = capsys.readouterr()
    assert told.out.startswith(f"{tmp_path / 'a.png'}\t")
    assert "error: " in told.err
    assert f"error: {tmp_path / 'b.png'} cannot be read" in told.err
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.png").write_text("a dog", encoding="utf-8")
    assert main(["predict", str(captioner), str(tmp_path)]) == 1
    assert f"error: {tmp_path / 'below'}: a.png is no image" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["predict", str(captioner), str(tmp_path / "empty")]) == 1
    assert "holds no images" in capsys.readouterr().err
    assert main(["predict", str(captioner)]) == 1
    assert "name images" in capsys.readouterr().err


def test_captions_are_evaluated_in_a_folder(
    captioner: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{name}.png")
    lines = [{"file_name": f"{name}.png", "captions": ["a red square", "square"]} for name in ("a", "b")]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    assert main(["evaluate", str(captioner), str(tmp_path), "--beam-size", "2"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["rows"] == 2
    assert {"bleu4", "cider", "most_frequent"} <= scores.keys()


@pytest.mark.parametrize(("command", "advice"), [("train", "--training.batch-tokens"), ("predict", "--batch-size")])
def test_who_runs_out_of_memory_is_told_what_to_make_smaller(
    command: str, advice: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def starved(arguments: list[str]) -> None:
        raise MemoryError

    module, _, function = cli.COMMANDS[command].function.partition(":")
    monkeypatch.setattr(f"{module}.{function}", starved)
    assert cli.main([command, "x"]) == 1
    assert f"there is not enough memory: try a smaller {advice}" in capsys.readouterr().err
