"""The sentiment classifier's app without a browser: endpoints, rude input, files, and what its page shows."""

import asyncio
import csv
import json
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import gradio as gr
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from handlers import head, named
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from tiny_sentiment import tiny_checkpoint, tiny_classifier

from apps.sentiment import files, views
from apps.sentiment.api import API, MAX_TEXT_CHARS
from apps.sentiment.app import build
from apps.sentiment.files import open_table
from apps.sentiment.handlers import Handlers, ManyTab, TextTab
from apps.server.errors import report_errors
from apps.server.launch import start
from apps.server.models import CHECKPOINTS, LazyTask
from seqcore import load
from seqcore.data import read_rows
from seqcore.errors import CheckpointError, InputError
from seqcore.tasks.sentiment import Sentiment, SentimentClassifier

NAMES = {"/classify", "/explain_sentiment", "/classify_file", "/labels"}
MARKUP = "<script>alert(1)</script> <img src=x onerror=alert(2)> & {{x}}"


@pytest.fixture(scope="module")
def server(free_port: Callable[[], int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app with a tiny model that was trained a second ago. The address."""
    app = build(LazyTask(tiny_checkpoint(tmp_path_factory.mktemp("sentiment")), "cpu"))
    yield str(start(app, "127.0.0.1", free_port()))
    app.close()


@pytest.fixture(scope="module")
def client(server: str) -> Client:
    return Client(server, verbose=False)


@pytest.fixture
def api() -> API:
    return API(LazyTask("tiny", open_checkpoint=lambda path, device: tiny_classifier()))


def asked(server: str, *data: Any) -> tuple[str, Any]:
    """What `/classify` answers to whoever has no client but HTTP: the last event, and what it brings."""
    address = f"{server}/gradio_api/call/classify"
    request = urllib.request.Request(address, json.dumps({"data": data}).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as accepted:
        number = json.load(accepted)["event_id"]
    with urllib.request.urlopen(f"{address}/{number}") as answer:
        *_, event, told = answer.read().decode().strip().split("\n")
    return event.removeprefix("event: "), json.loads(told.removeprefix("data: "))


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def classified(
    client: Client, path: Path, delimiter: str = ",", is_plain: bool = False, **options: Any
) -> list[list[str]]:
    """The rows of what `/classify_file` makes of a file."""
    found = Path(client.predict(handle_file(path), **options, api_name="/classify_file"))
    with found.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter, quoting=csv.QUOTE_NONE if is_plain else csv.QUOTE_MINIMAL))


# Endpoints


def test_endpoints_and_tools_say_what_they_take(client: Client, server: str) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    taken = {name: [one["parameter_name"] for one in endpoints[name]["parameters"]] for name in endpoints}
    assert taken == {
        "/classify": ["text", "unsure_below"],
        "/explain_sentiment": ["text", "unsure_below"],
        "/classify_file": ["file", "column", "unsure_below"],
        "/labels": [],
    }
    with urllib.request.urlopen(f"{server}/gradio_api/mcp/schema") as answer:
        tools = {tool["name"]: tool for tool in json.load(answer)}
    assert set(tools) == {name.removeprefix("/") for name in NAMES}
    for tool in tools.values():
        assert len(tool["description"]) > 40
        assert all(taken["description"] for taken in tool["inputSchema"]["properties"].values())


def test_a_tool_can_be_called(server: str) -> None:
    async def call() -> Any:
        async with (
            streamable_http_client(f"{server}/gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await session.call_tool("classify", {"text": "The plot was awful."})

    with ThreadPoolExecutor(1) as pool:  # Playwright, once it was used, keeps an event loop in this thread
        assert "negative" in pool.submit(asyncio.run, call()).result().content[0].text


def test_a_text_is_classified(client: Client) -> None:
    found = client.predict("The film was wonderful.", api_name="/classify")
    assert list(found) == ["label", "probabilities", "unsure", "out_of_domain", "characters_cut"]
    assert found["label"] == "positive"
    assert list(found["probabilities"]) == client.predict(api_name="/labels") == ["negative", "positive"]
    assert sum(found["probabilities"].values()) == pytest.approx(1)
    assert (found["unsure"], found["out_of_domain"], found["characters_cut"]) == (False, False, 0)
    assert client.predict("The film was wonderful.", 1.0, api_name="/classify")["unsure"] is True


def test_an_explanation_adds_up(client: Client) -> None:
    text = "The film was wonderful, but\n\nI thought the plot was awful"
    found = client.predict(text, api_name="/explain_sentiment")
    assert "".join(found["tokens"]) == text.replace("\n\n", "\n")
    assert len(found["attributions"]) == len(found["tokens"]) == len(found["trajectory"])
    assert found["baseline"] + sum(found["attributions"]) == pytest.approx(found["logit"], abs=0.02, rel=0.01)
    last = dict(zip(found["probabilities"], found["trajectory"][-1], strict=True))
    assert last == pytest.approx(found["probabilities"], abs=1e-4)
    assert found["label"] == client.predict(text, api_name="/classify")["label"]


def test_concurrent_calls_get_the_answers_given_alone_and_a_bad_one_fails_alone(server: str) -> None:
    texts = [f"The {thing} was {word}." for thing in ("film", "plot", "music") for word in ("good", "awful", "great")]
    texts += ["", "😀", "<b>", "Der Film war sehr schön, finde ich.", "The cast felt poor. " * 50, *texts[:6]]
    alone = [asked(server, text, 0.6) for text in texts]
    with ThreadPoolExecutor(24) as pool:
        calls = [pool.submit(asked, server, text, 0.6) for text in texts]
        bad = [pool.submit(asked, server, *data) for data in (["x" * 40_001, 0.6], ["good", 2], [7, 0.6])]
    assert len(calls) == 20
    for one, call in zip(alone, calls, strict=True):
        event, (found,) = call.result()
        assert (one[0], event) == ("complete", "complete")
        assert found["probabilities"] == pytest.approx(one[1][0]["probabilities"], abs=1e-5)
        assert {**found, "probabilities": 0} == {**one[1][0], "probabilities": 0}
    assert {call.result()[0] for call in bad} == {"error"}


@pytest.mark.parametrize("text", ["", " \n ", "😀", "12345", "<br><p>", "a\0b", "\ud7ff\u2028", "\u200b", MARKUP])
@pytest.mark.parametrize("endpoint", ["/classify", "/explain_sentiment"])
def test_strange_text_is_taken(client: Client, endpoint: str, text: str) -> None:
    found = client.predict(text, api_name=endpoint)
    if not any(letter.isalpha() for letter in text.replace("<br><p>", "")):
        assert found["out_of_domain"] is True
        assert found["unsure"] is True


@pytest.mark.parametrize("endpoint", ["/classify", "/explain_sentiment"])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (["x" * 10_000_000], r"10,000,000 characters, and this page takes 40,000.*as a file"),
        (["good", -0.1], "must be a number from 0 to 1, not -0.1"),
        (["good", "much"], "must be a number from 0 to 1"),
        ([None], "Text is missing"),
        ([["good"]], "Text must be a text"),
    ],
    ids=["10 MB", "band below", "band of words", "nothing", "a list"],
)
def test_what_cannot_be_classified_is_told(client: Client, endpoint: str, data: list[Any], message: str) -> None:
    with pytest.raises(AppError, match=message):
        client.predict(*data, api_name=endpoint)
    assert client.predict("The film was good.", api_name="/classify")["label"] == "positive"


def test_a_long_text_is_classified_but_not_explained(client: Client) -> None:
    text = "The film was good. " * 2_000
    found = client.predict(text, api_name="/explain_sentiment")
    assert len(text) < MAX_TEXT_CHARS
    assert found["label"] == "positive"
    assert found["attributions"] == []
    assert found["characters_cut"] > 0
    assert 2_000 < len(found["trajectory"]) == len(found["tokens"])


def test_the_server_asks_nothing_of_other_machines(client: Client, outside_calls: list[Any]) -> None:
    assert client.predict("The film was good.", api_name="/explain_sentiment")["label"] == "positive"
    assert outside_calls == []


# Files

REVIEWS = 'id,review\n1,The film was good.\n2,"The plot was awful,\nand boring"\n\n3,=1+1\n'


def test_a_table_keeps_its_columns_and_gets_more(client: Client, tmp_path: Path) -> None:
    header, *rows = classified(client, written(tmp_path / "reviews.csv", f"\ufeff{REVIEWS}"), column="review")
    assert header[0].removeprefix("\ufeff") == "id"
    assert header[1:4] == ["review", "label", "probability"]
    assert header[4:] == ["probability_negative", "probability_positive", "unsure", "out_of_domain", "characters_cut"]
    assert [row[:3] for row in rows[:2]] == [
        ["1", "The film was good.", "positive"],
        ["2", "The plot was awful,\nand boring", "negative"],
    ]
    assert rows[2][:2] == ["3", "'=1+1"]
    assert rows[2][-3:] == ["true", "true", "0"]
    assert float(rows[0][3]) == pytest.approx(float(rows[0][5]))


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(client: Client, tmp_path: Path, sign: str) -> None:
    path = tmp_path / "rude.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text", f"{sign}SUM(A1)"], [f"{sign}cmd|' /C calc'!A0", "-12.5"], ["good", "-"]])
    header, *rows = classified(client, path)
    assert header[1] == f"'{sign}SUM(A1)"
    assert rows[0][:2] == [f"'{sign}cmd|' /C calc'!A0", "-12.5"], "a number stays a number"
    assert rows[1][:2] == ["good", "'-"]


def test_a_text_file_has_a_text_a_line(client: Client, tmp_path: Path) -> None:
    header, *rows = classified(client, written(tmp_path / "some.TXT", "The film was good.\r\n\r\nThe plot was bad."))
    assert header[:2] == ["text", "label"]
    assert [row[0] for row in rows] == ["The film was good.", "", "The plot was bad."]
    assert [row[1] for row in rows[::2]] == ["positive", "negative"]


def test_tables_of_other_kinds_are_read(client: Client, tmp_path: Path) -> None:
    tabs = written(tmp_path / "a.tsv", 'text\tn\nThe "film" was good, truly\t1\n')
    assert classified(client, tabs, "\t", is_plain=True)[1][:3] == [
        'The "film" was good, truly',
        "1",
        "positive",
    ]
    semicolons = written(tmp_path / "b.csv", 'n;text;label\n1;"The plot; was bad, too";x\n')
    header, row = classified(client, semicolons, ";")
    assert header[:5] == ["n", "text", "label", "predicted_label", "probability"]
    assert row[:4] == ["1", "The plot; was bad, too", "x", "negative"]


@pytest.mark.parametrize(
    ("name", "content", "column", "message"),
    [
        ("a.csv", b"text\ngood\r\ncaf\xe9\n", "", "a.csv, line 3 is not UTF-8 text"),
        ("a.csv", b"caf\xe9\nx\n", "", "a.csv, line 1 is not UTF-8 text"),
        ("a.txt", b"good\n\xff\xfe", "", "a.txt, line 2 is not UTF-8 text"),
        ("a.csv", b"", "", "a.csv is empty"),
        ("a.txt", b"", "", "a.txt is empty"),
        ("a.csv", b"text,id\n", "", "a.csv has no rows under its header"),
        ("a.csv", b"id,review\n1,x\n", "", "Say which column of a.csv holds the texts; it has: id, review"),
        ("a.csv", b"id,review\n1,x\n", "<b>", "a.csv has no column '<b>'|&lt;b&gt;"),
        (
            "a.csv",
            b"id,text\n1,x\n2,y,z\n",
            "",
            r"a.csv, line 3, row 2 has 3 fields, but the header \(id, text\)",
        ),
        ("a.csv", b'text\n"' + b"x" * 200_001 + b'"\n', "", "Line 2 of a.csv cannot be read as a row"),
        ("a.csv", b'text,id\n"good,1\nbad,2\n', "", "a.csv, line 2, row 1 opens a quote that is not closed"),
        ("a.jsonl", b'{"text": "good"}\n{"text": 5}\n', "", "Row 2 of a.jsonl holds int in column 'text'"),
        ("a.jsonl", b'{"text": "good"}\n{"text": 5\n', "", "a.jsonl, line 2 cannot be read"),
        ("a.txt", b"x\n" * 5_000_001, "", "has 10.0 MB, and this page takes 10 MB"),
        ("a.pdf", b"%PDF", "", "is none of .csv, .tsv, .jsonl, .json, .txt|file type"),
    ],
)
def test_a_file_that_cannot_be_classified_is_told(
    client: Client, tmp_path: Path, name: str, content: bytes, column: str, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AppError, match=message):
        client.predict(handle_file(tmp_path / name), column, api_name="/classify_file")


ODD = {
    "commas.csv": 'text,n\n"a ""b"", c",1\n=d,2\n',
    "escaped.csv": 'text,n\n"he said \\"hi\\", ok",1\n"x",2\n',
    "semicolons.csv": "\ufeffsep=;\r\ntext;n\r\nA good, fine film;1\r\n",
    "tabs.csv": 'text\tn\n"a\tb"\t1\n',
    "plain.tsv": 'text\tn\n"One thing\t1\nsay "hi"\t2\nand another."\t3\n',
    "quoted.tsv": 'text\tn\n"He said ""good"" 3"\t1\n"a\nb"\t2\n',
    "lines.jsonl": '{"text": "a\\nb", "n": 1.10}\n\n{"n": [1], "text": "c"}\n',
    "array.json": '[{"text": "a"},\n {"text": "", "n": null}]',
    "carriage.csv": "text,n\ra,1\r\rb,2\r",
    "[1] *?.csv": "text,n,text\nNA,1,x\n007,2,y\n",
}


@pytest.mark.parametrize("name", ODD)
def test_the_page_and_the_library_read_alike_and_what_is_written_reads_so_again(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(ODD[name].encode())
    expected = [row["text"] for row in read_rows(str(path), {"text": str})]
    table = open_table(str(path))
    assert [text for text, _ in table.texts(table.column("text"))] == expected
    again: list[str] = []
    fields = {"text": str, "characters_cut": object}
    for step in files.classify_table(tiny_classifier(), table, "text", 0.6):
        again += [row["text"] for file in step.files for row in read_rows(file, fields)]
    assert again == ["'=d" if text == "=d" else text for text in expected]


def test_no_file_at_all_is_told(client: Client) -> None:
    with pytest.raises(AppError, match=r"Choose a \.csv, \.tsv, \.jsonl, \.json or \.txt file first"):
        client.predict(None, api_name="/classify_file")


def test_a_file_is_never_held_whole_and_nothing_of_it_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chunks: list[int] = []

    class Counting:
        config = tiny_classifier().config

        def classify(self, texts: Any, unsure_below: float) -> Any:
            chunks.append(sum(map(len, texts)))
            return tiny_classifier().classify(["good"] * len(texts), unsure_below=unsure_below)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "made"))
    (tmp_path / "made").mkdir()
    table = open_table(str(written(tmp_path / "a.txt", "good\n" * 300 + f"{'x' * 30_000}\n" * 9)))
    steps = list(files.classify_table(Counting(), table, None, 0.6))  # type: ignore[arg-type]
    assert [(step.done, step.total) for step in steps][0 :: len(steps) - 1] == [(0, 309), (309, 309)]
    assert [not step.files for step in steps] == [True] * (len(steps) - 1) + [False]
    assert max(chunks) < 2 * files.MAX_CHUNK_CHARS
    assert sum(len(step.results) for step in steps) == 309
    half: Any = files.classify_table(Counting(), table, None, 0.6)  # type: ignore[arg-type]
    next(half), next(half)
    assert len(list((tmp_path / "made").iterdir())) == 1
    half.close()
    assert list((tmp_path / "made").iterdir()) == []


# What the page shows


def test_markup_is_text(api: API) -> None:
    found = api.explain(f"{MARKUP} The film was good.", 0.6).result()
    shown = views.verdict(found) + views.reasons(found) + views.table([(MARKUP, found)])
    assert "<script" not in shown
    assert "<img" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    rude = Sentiment("<i>", {"<i>": 0.7, '"<u>"': 0.3}, True, True, 5, "x", ("<b>",), (1.0,), 0.0, 1.0, ((0.7, 0.3),))
    for multi_label in (False, True):
        shown = views.verdict(rude) + views.reasons(rude, multi_label) + views.table([("<b>", rude)])
        assert not any(mark in shown for mark in ("<i>", "<u>", "<b>", '""'))


def test_what_is_unusual_is_said() -> None:
    usual = {"negative": 0.55, "positive": 0.45}
    assert views.cautions(Sentiment("negative", usual)) == []
    assert "Unsure: 55.0 %" in views.cautions(Sentiment("negative", usual, unsure=True))[0]
    foreign = Sentiment("negative", usual, True, True, 1_234, "Wörter")
    assert "no language that the model has learned" in views.cautions(foreign)[0]
    assert "last 1,234 characters were not read" in views.cautions(foreign)[1]
    assert "last character was not" in views.cautions(Sentiment("negative", usual, characters_cut=1))[0]
    assert "no words" in views.cautions(Sentiment("negative", usual, True, True, text="😀 1"))[0]
    assert views.percent(1.0) == "99.99 %"


def explained(label: str, probabilities: dict[str, float]) -> Sentiment:
    """Two words, the first of which speaks for the likeliest label, and the second weakly against it."""
    halves = tuple(0.5 for _ in probabilities)
    steps = (halves, tuple(probabilities.values()))
    return Sentiment(label, probabilities, False, False, 0, "yes no", ("yes", " no"), (2.0, -0.1), 0.5, 2.4, steps)


def test_colours_mean_the_same_class_whichever_the_verdict_is() -> None:
    for label, kind in (("positive", "sq-for"), ("negative", "sq-against")):
        other = {"positive": "negative", "negative": "positive"}[label]
        values = {"negative": 0.1, "positive": 0.9} if label == "positive" else {"negative": 0.9, "positive": 0.1}
        shown = views.reasons(explained(label, values))
        assert f'{kind}" style="--strength:1.00" tabindex="0">yes' in shown
        assert f"2.00 toward {label}" in shown
        assert f"0.10 toward {other}" in shown
        assert f"Up to here: {label}, 90.0 %" in shown
        assert 'class="sq-key sq-for">toward positive<' in shown


def test_any_number_of_labels_and_several_at_once_are_shown() -> None:
    stars = explained("4", {str(star): 0.6 if star == 4 else 0.1 for star in range(1, 6)})
    shown = views.reasons(stars)
    assert "toward 4<" in shown
    assert "away from 4<" in shown
    assert "Up to here: 4, 60.0 %" in shown
    topics = explained("food|price", {"food": 0.9, "price": 0.7, "staff": 0.1})
    shown = views.verdict(topics) + views.reasons(topics, multi_label=True)
    assert "<strong>food, price</strong>" in shown
    assert "log-odds of food are +2.40: +0.50" in shown
    assert "Up to here: food, price" in shown
    none = explained("", {"food": 0.2, "price": 0.1})
    assert "none of the labels" in views.verdict(none) + views.reasons(none, multi_label=True)
    assert "toward food" in views.reasons(none, multi_label=True)
    many = Sentiment("7", {str(number): 0.3 if number == 7 else 0.01 for number in range(71)})
    assert views.verdict(many).count("<tr>") == views.MAX_BARS
    assert "63 other labels are less likely" in views.verdict(many)


def test_a_text_too_long_to_explain_says_so_and_has_its_chart() -> None:
    words = tuple(f" w{number}" for number in range(3_000))
    found = Sentiment("a", {"a": 0.8, "b": 0.2}, tokens=words, trajectory=((0.8, 0.2),) * 3_000)
    shown = views.reasons(found)
    assert "too long for its words to be weighed" in shown
    assert shown.count("(word ") <= 240
    assert "after each of 3,000 words; after the last it is 20.0 %" in shown


def handlers_of(api: API) -> Handlers:
    return Handlers(api, head(), named(TextTab), named(ManyTab))


def test_the_verdict_is_shown_first_and_then_the_reasons(api: API) -> None:
    handlers = handlers_of(api)
    first, *_, last = handlers.show_text(gr.Request(), "The film was good.", 0.6)
    assert first["status"] == "Reading …"
    assert last["status"].startswith("4 words, read in ")
    assert "How the verdict moves" in last["reasons"]
    assert "unsure" not in handlers.rethreshold("The film was good.", 0.5)["verdict"]
    assert "unsure" in handlers.rethreshold("The film was good.", 1.0)["verdict"]
    assert handlers.rethreshold("", 0.5) == {"verdict": ""}
    assert [*handlers.show_text(gr.Request(), " \n", 0.6)][-1]["status"] == "There is nothing to classify yet."
    with pytest.raises(InputError, match="40,001 characters"):
        list(handlers.show_text(gr.Request(), "x" * 40_001, 0.6))


def test_a_missing_checkpoint_is_told_and_found_later(tmp_path: Path) -> None:
    def open_checkpoint(path: str, device: str) -> Any:
        if not Path(path).is_dir():
            raise CheckpointError(f"there is no checkpoint folder {path}")
        return tiny_classifier()

    api = API(LazyTask(tmp_path / "model", open_checkpoint=open_checkpoint))
    assert "There is no checkpoint folder" in handlers_of(api).on_load()["load_error"]["value"]
    with pytest.raises(gr.Error, match="There is no checkpoint folder"):
        report_errors(api.classify)("good")
    (tmp_path / "model").mkdir()
    assert api.classify("The film was good.")["label"] == "positive"


def test_another_kind_of_checkpoint_is_told() -> None:
    api = API(LazyTask("translator", open_checkpoint=Mock(return_value=object())))
    assert "Translator holds no classifier" in handlers_of(api).on_load()["load_error"]["value"]


def test_the_bundled_model_answers(tmp_path: Path) -> None:
    """The checkpoint that `make demo` serves: right on plain texts, and its reasons add up."""
    classifier = load(CHECKPOINTS / "sentiment", device="cpu")
    assert isinstance(classifier, SentimentClassifier)
    praise = classifier.classify("A wonderful film: funny, moving, and far too short.", explain=True)
    blame = classifier.classify("A dull, lifeless mess. I walked out after an hour.")
    assert (praise.label, blame.label) == ("positive", "negative")
    assert min(praise.probabilities["positive"], blame.probabilities["negative"]) > 0.9
    assert praise.baseline is not None
    assert praise.logit == pytest.approx(
        praise.baseline + sum(praise.attributions), abs=0.01 * max(1, abs(praise.logit))
    )
    foreign = classifier.classify("Der Film ist leider viel zu lang und sehr langweilig.")
    assert foreign.out_of_domain
    assert foreign.unsure
