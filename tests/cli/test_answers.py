"""Texts, documents and lines that cannot be answered, on the command line."""

import json
from pathlib import Path

import pytest
from counting_task import Counting, counting_checkpoint

from seqcore.cli import main

SRT = "1\r\n00:00:01,000 --> 00:00:02,000\r\n<i>two men\r\nsit</i>\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\nbad\r\n"


@pytest.fixture
def shouting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A task whose answers can stand in the place of texts."""
    monkeypatch.setattr(Counting, "rewrites", True)
    return str(counting_checkpoint(tmp_path / "it", shout=True))


def test_a_text_is_answered_that_stands_in_the_command(
    shouting: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", shouting, "--text", "a dog", "--text", "a cat"]) == 0
    assert capsys.readouterr().out == "A DOG\nA CAT\n"
    assert main(["predict", shouting, "--text", "a dog", "--text", "bad"]) == 1
    assert capsys.readouterr() == ("A DOG\n\n", "error: --text 2: it cannot be read\n")
    assert main(["predict", shouting, "--text", "a dog", str(tmp_path / "a.txt")]) == 1
    assert "--text is instead of files" in capsys.readouterr().err


def test_subtitles_keep_their_structure(shouting: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film, out = tmp_path / "film.srt", tmp_path / "film.de.srt"
    film.write_bytes(b"\xef\xbb\xbf" + SRT.encode())
    assert main(["predict", shouting, str(film), "--output", str(out)]) == 1
    assert capsys.readouterr().err == f"error: {film}, line 8: it cannot be read\n"
    changed = SRT.replace("two men", "TWO MEN").replace("sit", "SIT")
    assert out.read_bytes() == b"\xef\xbb\xbf" + changed.encode()
    film.write_bytes(SRT.replace("bad", "good").encode())
    assert main(["predict", shouting, str(film)]) == 0
    assert "GOOD" in capsys.readouterr().out


def test_a_document_is_lines_where_a_format_is_named_and_for_a_task_that_rewrites_nothing(
    shouting: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    page.write_text("# a dog\n`code`\n", encoding="utf-8")
    assert main(["predict", shouting, str(page)]) == 0
    assert capsys.readouterr().out == "# A DOG\n`code`\n"
    assert main(["predict", shouting, str(page), "--format", "text"]) == 0
    assert capsys.readouterr().out == "# A DOG\n`CODE`\n"
    assert main(["predict", shouting, str(page), "--format", "jsonl"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[1]) == {"text": "`code`", "count": "`CODE`"}
    assert main(["predict", shouting, str(page), str(page)]) == 1
    assert "one command for each file" in capsys.readouterr().err
    monkeypatch.setattr(Counting, "rewrites", False)
    assert main(["predict", shouting, str(page), str(page)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_a_document_that_is_no_utf8_is_named_by_its_line(
    shouting: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / "film.srt"
    film.write_bytes(SRT.encode() + b"caf\xe9")
    assert main(["predict", shouting, str(film)]) == 1
    assert f"{film}, line 9 is not UTF-8: convert it first" in capsys.readouterr().err


def test_what_was_read_is_not_overwritten_by_answers_of_which_some_lack(
    shouting: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "text.txt"
    file.write_text("a dog\nbad\na cat\n", encoding="utf-8")
    assert main(["predict", shouting, str(file), "--output", str(file)]) == 1
    assert file.read_text(encoding="utf-8") == "a dog\nbad\na cat\n"
    assert (tmp_path / "text.txt.partial").read_text(encoding="utf-8") == "A DOG\n\nA CAT\n"
    assert f"{file} stays as it was" in capsys.readouterr().err


def test_an_answer_is_on_one_line_whatever_is_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Counting, "to_text", lambda self, result: "one\u2028\ntwo\tthree")
    assert main(["predict", str(counting_checkpoint(tmp_path / "it")), "--text", "a dog"]) == 0
    assert capsys.readouterr().out == "one\\u2028\\ntwo\tthree\n"


def test_what_ends_in_gz_is_compressed(shouting: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import gzip

    out = tmp_path / "out.txt.gz"
    assert main(["predict", shouting, "--text", "a dog", "--output", str(out)]) == 0
    assert gzip.decompress(out.read_bytes()) == b"A DOG\n"
    assert main(["predict", shouting, str(out)]) == 0
    assert capsys.readouterr().out == "A DOG\n"


@pytest.mark.parametrize(("flag", "meant"), [("--n_bets", "--n-best"), ("--ouput", "--output"), ("--label", "")])
def test_the_flag_that_is_meant_is_named(
    flag: str, meant: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(counting_checkpoint(tmp_path / "it")), "--text", "a dog", f"{flag}=2"]) == 1
    advice = f"; did you mean {meant}?" if meant else ""
    shown = flag.replace("_", "-")
    assert capsys.readouterr().err == f"error: {shown} is not for this checkpoint, whose task is counting{advice}\n"


def test_the_bundled_translator_keeps_the_form_of_documents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = str(Path(__file__).parents[2] / "checkpoints" / "translator")
    film, page = tmp_path / "film.srt", tmp_path / "page.md"
    film.write_text("1\n00:00:01,000 --> 00:00:02,000\n- A dog runs.\n- Two <i>men</i> are\nplaying guitar.\n", "utf-8")
    page.write_text("> Two **men** are playing\n> [guitar](http://x.y).\n\n    code\n", "utf-8")
    chosen = ["--source", "auto", "--target", "de", "--beam-size", "1"]
    assert main(["predict", checkpoint, str(film), *chosen]) == 0
    number, times, first, *second = capsys.readouterr().out.splitlines()
    assert [number, times, first] == ["1", "00:00:01,000 --> 00:00:02,000", "- Ein Hund rennt."]
    assert " ".join(second) == "- Zwei <i>Männer</i> spielen Gitarre."
    assert len(second) == 2
    assert main(["predict", checkpoint, str(page), *chosen]) == 0
    assert capsys.readouterr().out == "> Zwei **Männer**\n> spielen [Gitarre](http://x.y).\n\n    code\n"
