"""The page Inside: any bundled model read through its gates, and gradients through time, as functions and endpoints."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from xml.etree import ElementTree

import gradio as gr
import pytest
import torch
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from tiny_captioner import picture, tiny_captioner
from tiny_sentiment import tiny_classifier as tiny_sentiment
from tiny_videos import colours, write_video
from tiny_videos import tiny_classifier as tiny_video

from apps.inside import gates, gradients, gradients_views
from apps.inside.app import PANELS, build
from apps.inside.gates import EXAMPLE, GatesHandlers, Source
from apps.inside.gates_views import maps, unit_view, varying_units
from apps.inside.readings import MAX_TEXT_CHARS, read
from apps.server.launch import run_apps, start
from apps.server.models import CHECKPOINTS, MODELS, LazyTask
from apps.ui.figures import piece_labels
from seqcore.errors import CheckpointError, InputError
from seqcore.tasks.language import LanguageModel, LanguageModelConfig

SVG = "{http://www.w3.org/2000/svg}"


def fixed(task: Any) -> Any:
    return LazyTask("a checkpoint", open_checkpoint=lambda path, device: task)


@pytest.fixture(scope="module")
def loads() -> dict[str, Any]:
    return {
        "sentiment": fixed(tiny_sentiment()),
        "translator": LazyTask(CHECKPOINTS / "translator", "cpu"),
        "captioner": fixed(tiny_captioner()),
        "video-shots": fixed(tiny_video()),
        "video-lipreading": fixed(tiny_video(bidirectional=True, delay=0)),
        "language-model": LazyTask(CHECKPOINTS / "there is none"),
    }


def built(loads: dict[str, Any]) -> GatesHandlers:
    with gr.Blocks():
        return gates.build(loads)


@pytest.fixture(scope="module")
def handlers(loads: dict[str, Any]) -> GatesHandlers:
    return built(loads)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_video(tmp_path / "film.mp4", colours(["red"] * 6 + ["blue"] * 6))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    picture("red").save(tmp_path / "red.png")
    return tmp_path / "red.png"


# Every model


def test_a_text_is_traced_as_the_classifier_reads_it() -> None:
    task = tiny_sentiment()
    reading = read(task, "The film was GOOD!")
    assert reading.steps == task.tokenizer.ids_to_tokens(task.tokens("The film was GOOD!"))
    values = task.network.encoder(task.network.embed(torch.tensor([task.tokens("The film was GOOD!")]))).values
    torch.testing.assert_close(reading.tracks[-1].trace.hidden, values.detach(), rtol=0, atol=1e-5)
    assert reading.answer.startswith(task.classify("The film was GOOD!").label)


def test_the_translator_s_first_sentence_is_traced_both_ways(loads: dict[str, Any]) -> None:
    task = loads["translator"]()
    reading = read(task, "A dog runs. A cat sleeps.")
    assert reading.steps == task.translate("A dog runs.", beam_size=1).source_tokens
    assert [track.name for track in reading.tracks] == [
        "Layer 1, from the beginning",
        "Layer 1, from the end",
        "Layer 2, from the beginning",
        "Layer 2, from the end",
    ]
    assert "this is the first one" in reading.note
    numbers = torch.tensor([[task.tokenizer.token_to_id(piece) for piece in reading.steps]])
    memory = task.network.encode(numbers, torch.tensor([numbers.shape[1]]))
    for place, track in enumerate(reading.tracks):
        torch.testing.assert_close(track.trace.state[0], memory.state.h[place].detach(), rtol=0, atol=1e-5)


def test_the_captioner_is_traced_over_the_words_it_writes(photo: Path) -> None:
    task = tiny_captioner()
    (caption,), reading = task.predict([str(photo)]), read(task, str(photo))
    assert (reading.answer, reading.steps, reading.written) == (caption.text, caption.tokens, True)
    written = [task.tokenizer.token_to_id(piece) for piece in caption.tokens]
    with torch.inference_mode():
        start = task.network.start(task.grids([str(photo)]))
        found = task.network.decoder(torch.tensor([[task.tokenizer.bos_id, *written[:-1]]]), state=start)
    trace = reading.tracks[-1].trace
    torch.testing.assert_close(trace.state[1], found.state.lstm.c[-1, :, 0], rtol=0, atol=1e-5)
    assert found.logits[0].argmax(1).tolist() == written  # so it is this caption that was traced


@pytest.mark.parametrize("changes", [{}, {"bidirectional": True, "delay": 0}])
def test_a_film_is_traced_frame_by_frame(film: Path, changes: dict[str, Any]) -> None:
    task = tiny_video(**changes)
    reading, found = read(task, str(film)), task.label(film)
    assert (reading.steps, reading.times) == (found.labels, found.times)
    assert len(reading.stills) == 8
    assert all(track.trace.cell.shape[1] == 12 for track in reading.tracks)
    assert len(reading.tracks) == (2 if changes else 1)


def test_the_language_model_is_traced_over_what_it_reads() -> None:
    torch.manual_seed(0)
    config = LanguageModelConfig(300, embedding_size=8, hidden_size=8, num_layers=2)
    task = LanguageModel.create(
        config,
        [{"text": "A dog runs through the snow. The cat sleeps on the sofa all day."}] * 20,
    )
    task.network.eval()
    reading = read(task, "A dog sleeps")
    assert reading.steps[0] == "<s>"
    assert "".join(reading.steps[1:]).replace("▁", " ").strip() == "a dog sleeps"
    assert reading.tracks[1].trace.cell.shape == (1, len(reading.steps), 8)
    assert reading.answer.startswith("perplexity ")


def test_what_cannot_be_read_is_told(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for text, told in (
        ("", "Write a few words"),
        ("…", "Write a few words"),
        ("a" * (MAX_TEXT_CHARS + 1), "takes 600"),
    ):
        with pytest.raises(InputError, match=told):
            read(tiny_sentiment(), text)
    with pytest.raises(InputError, match="Choose a photo"):
        read(tiny_captioner(), "")
    with pytest.raises(InputError, match="Choose a film"):
        read(tiny_video(), "")
    monkeypatch.setattr("apps.inside.readings.MAX_FRAMES", 10)
    with pytest.raises(InputError, match="10 frames at most"):
        read(tiny_video(), str(film))


# What is shown


def drawing_of(html: str) -> ElementTree.Element:
    return ElementTree.fromstring(html[html.index("<svg") : html.index("</svg>") + 6])


def test_the_liveliest_units_are_shown_and_the_chosen_one_is_framed() -> None:
    reading = read(tiny_sentiment(), "The film was good.")
    track = reading.tracks[0]
    units = varying_units(track)
    spread = track.trace.cell[0].tanh().std(0, correction=0)
    assert units[0] == int(spread.argmax())
    assert sorted(units) == list(range(16))
    html = maps(reading, track, units[3])
    assert "all 16 units" in html
    drawing = drawing_of(html)
    words = [element.text for element in drawing.iter(f"{SVG}text")]
    assert words.count(f"unit {units[3]}") == 4
    assert set(piece_labels(reading.steps)) <= set(words)
    assert f"Unit {units[3]} is framed" in str(drawing.get("aria-label"))


def test_a_text_is_coloured_by_a_unit_and_says_so_in_words() -> None:
    reading = read(tiny_sentiment(), "The <b>film</b> was good.")
    track, unit = reading.tracks[0], 5
    html = unit_view(reading, track, unit)
    assert "<b>film" not in html
    spans = re.findall(r'sq-word-part (sq-for|sq-against)" style="--strength:([\d.]+)"', html)
    values = track.trace.cell[0, :, unit].tanh().tolist()
    assert [kind == "sq-for" for kind, _ in spans] == [value >= 0 for value in values]
    assert [float(strength) for _, strength in spans] == pytest.approx([abs(value) for value in values], abs=0.006)
    assert f"forget {float(track.trace.forget[0, 2, unit]):.2f}" in html


def test_a_film_has_a_curve_and_lines_where_its_label_changes(film: Path) -> None:
    reading = replace(read(tiny_video(), str(film)), steps=("a",) * 4 + ("<i>",) + ("a",) * 7)
    html = unit_view(reading, reading.tracks[0], 0)
    assert (html.count("<line "), html.count("<img "), html.count("sq-tip")) == (2, 8, 12)
    assert "<i>" not in html
    texts = [element.text for element in drawing_of(maps(reading, reading.tracks[0], 0)).iter(f"{SVG}text")]
    assert {"0.0 s", "unit 0"} <= set(texts)


def shown(handlers: GatesHandlers, *inputs: Any) -> list[dict[Any, Any]]:
    return list(handlers.show(gr.Request(session_hash="me"), *inputs))


def test_a_missing_model_is_told_and_the_others_work(handlers: GatesHandlers) -> None:
    panel = handlers.panel
    first, last = shown(handlers, "language-model", EXAMPLE, None, None)
    assert "Reading" in first[panel.answer]
    assert "The model could not be loaded." in last[panel.answer]
    assert (last[panel.unit], last[panel.maps], last[panel.source]) == ("", "", None)
    assert last[panel.layer]["visible"] is last[panel.rank]["visible"] is False
    *_, last = shown(handlers, "sentiment", EXAMPLE, None, None)
    assert "The model says" in last[panel.answer]
    assert last[panel.source] == Source("sentiment", EXAMPLE)
    other = handlers.look(last[panel.source], "Layer 1", 3)
    assert other[panel.unit] != last[panel.unit]
    assert other[panel.maps] != last[panel.maps]
    assert handlers.look(None, "", 1) == {panel.unit: "", panel.maps: ""}
    with pytest.raises(InputError, match="There is no layer 'Layer 9': choose one of Layer 1"):
        handlers.look(last[panel.source], "Layer 9", 3)
    with pytest.raises(InputError, match="Write a few words"):
        shown(handlers, "sentiment", " ", None, None)


def test_the_panel_shows_what_the_chosen_model_reads(handlers: GatesHandlers) -> None:
    panel = handlers.panel
    for model, part in (("sentiment", panel.text), ("captioner", panel.photo_part), ("video-shots", panel.film_part)):
        assert [component for component, update in handlers.choose(model).items() if update["visible"]] == [part]


def test_what_was_read_once_is_not_read_again(monkeypatch: pytest.MonkeyPatch, loads: dict[str, Any]) -> None:
    handlers, reading = built(loads), Mock(wraps=read)
    monkeypatch.setattr("apps.inside.gates.read", reading)
    *_, last = shown(handlers, "sentiment", "good film", None, None)
    for rank in (1, 2, 3):
        handlers.look(last[handlers.panel.source], "Layer 1", rank)
    assert [call.args[1] for call in reading.call_args_list] == ["good film"]


# Gradients


def test_the_chart_tells_the_three_networks_apart_without_colour() -> None:
    html = gradients.show(40, 1, 1.0, 1.0, 0)
    drawing = drawing_of(html)
    words = [element.text for element in drawing.iter(f"{SVG}text")]
    assert {"LSTM", "LSTM, forget bias 0", "Plain RNN"} <= set(words)
    dashes = set(re.findall(r"stroke-dasharray: [\d. ,]+", html))
    assert len(dashes) >= 2
    assert "39 steps back are left: LSTM" in str(drawing.get("aria-label"))
    assert "Truncation is off" in html


def test_clipping_and_truncation_are_told_in_figures() -> None:
    html = gradients.show(40, 1, 3.0, 0.5, 10)
    found = gradients_views.measure(40, 1, 3.0, 10)
    plain = found[2]
    assert float(plain.whole.norms[-1]) > 1e3
    assert plain.cut.norms[10:].tolist() == [0.0] * 30
    assert f"of the plain RNN from {gradients_views.readable(plain.cut.weights)} to 0.5" in html
    assert f"{gradients_views.readable(float(plain.whole.norms[10]))} for the plain RNN" in html
    calm = gradients.show(40, 1, 0.5, 10.0, 0)
    assert "Clipping at 10 changes nothing" in calm


def test_numbers_are_told_as_people_read_them() -> None:
    told = [gradients_views.readable(value) for value in (0.0, 1.0, 0.123456, 1234.5, 1.5e-7, 2.13e12)]
    assert told == ["0", "1", "0.123", "1,234", "1.5 · 10⁻⁷", "2.1 · 10¹²"]


@pytest.mark.parametrize("settings", [(2, 1, 0.5, 0.1, 1), (10, 4, 3.0, 10.0, 200), (10.7, 1.2, 99, -1, -5)])
def test_any_setting_gives_a_chart(settings: tuple[float, ...]) -> None:
    assert "<svg" in gradients.show(*settings)


# The page


@pytest.fixture(scope="module")
def client(loads: dict[str, Any], free_port: Callable[[], int]) -> Iterator[Client]:
    app = build(loads)
    yield Client(str(start(app, "127.0.0.1", free_port())), verbose=False)
    app.close()


def test_programs_get_the_gates_of_a_unit(client: Client, film: Path) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(endpoints) == {"/trace_gates", "/write"}
    names = [one["parameter_name"] for one in endpoints["/trace_gates"]["parameters"]]
    assert names == ["model", "text", "file", "layer", "unit"]
    found = client.predict("sentiment", "A good film", None, "", 3, api_name="/trace_gates")
    trace = read(tiny_sentiment(), "A good film").tracks[-1].trace
    assert (found["layer"], found["unit"], found["units"]) == ("Layer 1", 3, 16)
    for gate in ("forget", "input", "output", "candidate", "cell", "hidden"):
        assert found[gate] == pytest.approx(getattr(trace, gate)[0, :, 3].tolist(), abs=1e-5)
    found = client.predict("video-shots", "", handle_file(film), "", None, api_name="/trace_gates")
    assert len(found["steps"]) == len(found["cell"]) == 12
    for arguments, told in (
        (("sentiment", "A good film", None, "", 16), "Unit must be a whole number from 0 to 15"),
        (("nobody", "A", None, "", 0), "There is no model 'nobody': choose one of sentiment"),
        (("language-model", "A", None, "", 0), "There is no checkpoint folder"),
    ):
        with pytest.raises(AppError, match=told):
            client.predict(*arguments, api_name="/trace_gates")


def test_the_command_line_takes_every_model(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served: list[Any] = []
    itself: Any = lambda loads: loads  # noqa: E731
    monkeypatch.setattr("apps.server.launch.serve", lambda demo, options, models: served.append(demo))
    run_apps(itself, "", ["--checkpoint", "sentiment=runs/mine", "--device", "cpu"])
    assert {name: load.checkpoint for name, load in served[0].items()} == {
        **{model: str(CHECKPOINTS / model) for model in MODELS},
        "sentiment": "runs/mine",
    }
    for wrong in ("sentiment", "nobody=runs/mine", "sentiment="):
        with pytest.raises(SystemExit):
            run_apps(itself, "", ["--checkpoint", wrong])
    assert "MODEL=PATH with a model of captioner" in capsys.readouterr().err


def test_panels_have_names_of_their_own() -> None:
    assert len({panel.elem_id for panel in PANELS}) == len(PANELS)
    assert [panel.title for panel in PANELS][:2] == ["Gates", "Gradients"]


def test_a_model_of_another_name_is_refused(handlers: GatesHandlers) -> None:
    with pytest.raises(InputError, match="There is no model"):
        handlers.task("nobody")
    with pytest.raises(CheckpointError):
        handlers.task("language-model")
