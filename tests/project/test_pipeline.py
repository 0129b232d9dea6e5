"""From rows in a file to an answer in a browser's API: the whole way in one test."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client
from training_runs import command_line, finish, made_up_rows, write_csv

import seqcore
from apps.server.launch import start
from apps.server.models import LazyTask
from apps.translator.app import build
from seqcore.cli import main

FIRST = Path(__file__).resolve().parents[1] / "fixtures" / "translator-v1"
OTHER_ANIMAL = str.maketrans({"Ü": "Kater", "Ö": "Hund"})


def swapped(row: dict[str, str]) -> dict[str, str]:
    """A dog is a Kater and a cat is a Hund: what the model of the fixture has to unlearn."""
    target = row["target"].replace("Hund", "Ü").replace("Kater", "Ö").translate(OTHER_ANIMAL)
    return {"english": row["source"], "german": target, "note": "–"}


@pytest.mark.slow
def test_rows_become_a_model_that_the_command_line_and_the_app_ask(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], free_port: Callable[[], int], outside_calls: list[Any]
) -> None:
    rows = [swapped(row) for row in made_up_rows(440, seed=1)]
    train, test = write_csv(tmp_path / "train.csv", rows[:400]), write_csv(tmp_path / "test.csv", rows[400:])
    columns = {"columns__source": "english", "columns__target": "german"}
    model = tmp_path / "model"
    assert seqcore.load(FIRST).translate("a dog runs").text == "ein Hund rennt"  # type: ignore[attr-defined]

    flags = ("--init", str(FIRST), "--hold", "40")
    run = finish(command_line(train, model, *flags, **columns, training__epochs=7, training__learning_rate=0.005))
    assert run.status == 0, run.said
    assert run.last_line() == f"To try it: python -m apps.translator --checkpoint {model}"

    arguments = [str(model), str(test), "--columns.source", "english", "--columns.target", "german"]
    assert main(["evaluate", *arguments]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["rows"] == 40
    assert scores["bleu"] > 60  # of sentences that it never saw

    sentences = [row["english"] for row in rows[400:]]
    (tmp_path / "lines.txt").write_text("\n".join([*sentences, "", "a dog runs"]) + "\n", encoding="utf-8")
    asked = ["predict", str(model), str(tmp_path / "lines.txt"), "--source", "en", "--target", "de"]
    assert main(asked) == 0
    answers = capsys.readouterr().out.split("\n")
    assert answers.pop() == ""
    assert len(answers) == len(sentences) + 2
    assert answers[-2] == ""
    assert sum(answer == row["german"] for answer, row in zip(answers, rows[400:], strict=False)) > 15
    assert answers[-1] == "ein Kater rennt"

    app = build(LazyTask(str(model), "cpu"))
    try:
        client = Client(str(start(app, "127.0.0.1", free_port())), verbose=False)
        assert client.predict("\n".join(sentences), "en", "de", api_name="/translate").split("\n") == answers[:-2]
    finally:
        app.close()
    assert outside_calls == []
