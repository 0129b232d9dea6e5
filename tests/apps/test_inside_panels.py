"""What three panels of the page Inside do: memory against a window, one to one, writing."""

import csv
import random
from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
import torch
from tiny_captioner import COLOURS, picture, tiny_captioner
from tiny_writer import tiny_writer

from apps.inside import labels, memory, writing
from apps.inside.adding import FIGURES, adding_table
from apps.inside.forecasts import mean, repeated, train_lstm, train_window, windows
from apps.inside.head import train_head
from apps.inside.labels import own_examples
from apps.inside.series import MAX_WINDOW, MIN_GAP, TITLES, series
from apps.inside.shapes import SHAPES, draw, drawn
from apps.inside.writing import WritingHandlers, bars, page_of
from apps.inside.writing_api import MAX_PROMPT_CHARS, Settings, WritingAPI
from apps.server.models import MODELS, LazyTask
from benchmarks import adding as benchmark
from seqcore.errors import CheckpointError, InputError


def built(panel: Any, **tasks: Any) -> Any:
    """The handlers of a panel, over tasks by the names of their models; others are missing."""
    loads = {name: LazyTask[Any](Path("nothing/there"), "cpu") for name in MODELS}
    for name, task in tasks.items():
        loads[name] = LazyTask("none", open_checkpoint=lambda path, device, task=task: task)
    with gr.Blocks():
        return panel.build(loads)


def result(steps: Generator[Any, None, Any]) -> Any:
    """What a generator returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_a_window_sees_the_last_numbers_and_nothing_before_them() -> None:
    seen = windows(torch.arange(1.0, 6), 3)
    assert seen.shape == (5, 3, 1)
    assert seen[0].flatten().tolist() == [0, 0, 1]
    assert seen[4].flatten().tolist() == [3, 4, 5]


def test_the_lstm_remembers_the_mark_and_the_widest_window_cannot() -> None:
    of = series(TITLES[0])
    assert MIN_GAP > MAX_WINDOW
    assert of.error(result(train_lstm(of, 2))) < 0.4
    assert of.error(result(train_window(of, MAX_WINDOW, 2))) > 0.9
    assert of.error(mean(of)) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("title", TITLES[1:])
def test_real_series_are_forecast_in_their_own_unit(title: str) -> None:
    of = series(title)
    found = result(train_window(of, 2, 1))
    assert found.shape == of.values[of.begin :].shape
    assert of.error(of.restored(of.inputs[of.begin :])) == pytest.approx(0, abs=1e-3 * float(of.values.std()))
    assert of.error(found) < 1.1 * min(of.error(repeated(of)), of.error(mean(of)))
    assert of.error(of.values[of.begin :]) == 0
    again = result(train_window(of, 2, 1))
    assert torch.equal(found, again)


def test_a_forecast_is_trained_once_and_shown_with_its_errors() -> None:
    handlers = built(memory)
    given = ("Brain waves", 3, 10, 1)
    first = list(handlers.show(gr.Request(), *given))
    assert "<progress" in first[0][handlers.progress]
    assert len(list(handlers.show(gr.Request(), *given))) == 1
    html = first[-1][handlers.shown]
    assert html.count("<tr>") == 5
    assert "the 3 steps that the window sees before step 609" in html
    assert "matplotlib" in html


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (("Weather", 1, 1, 1), "series"),
        ((TITLES[0], 99, 1, 1), "window"),
        ((TITLES[0], 1.5, 1, 1), "window"),
        ((TITLES[0], 1, None, 1), "place"),
        ((TITLES[0], 1, 1, 0), "seed"),
    ],
)
def test_what_the_page_does_not_offer_is_refused(wrong: tuple[Any, ...], named: str) -> None:
    with pytest.raises(InputError, match=named):
        list(built(memory).show(gr.Request(), *wrong))


def test_the_verdict_says_what_was_measured() -> None:
    assert "LSTM knows" in memory.verdict(0.1, 1.0, 2.3, 1.0)
    assert "window is better" in memory.verdict(0.5, 0.4, 0.6, 1.0)
    assert "LSTM is better here: its error is 20 %" in memory.verdict(0.4, 0.5, 0.6, 1.0)
    assert "about as good" in memory.verdict(0.45, 0.451, 0.6, 1.0)
    assert "Neither is better than repeating" in memory.verdict(15.2, 15.1, 15.0, 200.0)
    assert "Neither is better than always saying the mean" in memory.verdict(1.1, 1.0, 2.0, 1.0)


def test_the_adding_problem_is_shown_as_its_benchmark_says() -> None:
    table = adding_table()
    assert "<td><strong>0.0024</strong> ✓<small>solved</small></td>" in table
    assert table.count('scope="row"') == 4
    assert table.count("<td>") == 12
    report = (Path(benchmark.__file__).with_suffix(".md")).read_text(encoding="utf-8")
    kinds = (int, int, str, int, int, float, float)
    with FIGURES.open(encoding="utf-8", newline="") as file:
        rows = [[kind(value) for kind, value in zip(kinds, row, strict=True)] for row in list(csv.reader(file))[1:]]
    assert all(benchmark.markdown_row(benchmark.Result(*row)) in report for row in rows)


def test_figures_of_a_benchmark_are_written_as_they_are_read(tmp_path: Path) -> None:
    errors = dict(zip(benchmark.NAMES, (0.00432, 0.2, 0.01), strict=True))
    results = [benchmark.Result(50, 1, name, 17, 350, 2.6, error) for name, error in errors.items()]
    benchmark.write_figures(tmp_path / "adding.csv", results)
    table = adding_table(tmp_path / "adding.csv")
    assert table.count("solved") == 1
    assert "<strong>0.0043</strong>" in table


def test_shapes_are_drawn_as_asked_and_alike_for_a_seed() -> None:
    chance = random.Random(3)
    assert all(draw(shape, chance).size == (224, 224) for shape in SHAPES)
    made = drawn(2, 5)
    assert [name for _, name in made] == [*SHAPES, *SHAPES]
    assert [image.tobytes() for image, _ in made] == [image.tobytes() for image, _ in drawn(2, 5)]


def test_a_head_tells_apart_what_a_line_divides() -> None:
    torch.manual_seed(0)
    features = torch.randn(40, 5)
    named = ["left" if value < 0 else "right" for value in features[:, 0]]
    head = train_head(features, named)
    assert head.accuracy(features, named) > 0.9
    assert head.probabilities(features).sum(1).tolist() == pytest.approx([1] * 40, abs=1e-5)


@pytest.fixture
def colours(tmp_path: Path) -> dict[str, list[str]]:
    """Four files of each colour."""
    found: dict[str, list[str]] = {}
    for name in COLOURS:
        for number in range(4):
            path = tmp_path / f"{name}{number}.png"
            picture(name, 40 + number).save(path)
            found.setdefault(name, []).append(str(path))
    return found


class _MeanColour(torch.nn.Module):
    """As an image encoder, but its features are the colours themselves."""

    config = SimpleNamespace(size=64)

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))

    def pooled(self, images: torch.Tensor) -> torch.Tensor:
        return images.float().mean((2, 3)) * self.scale


def seeing_colours() -> Any:
    return built(labels, captioner=SimpleNamespace(caption=None, network=SimpleNamespace(encoder=_MeanColour())))


def test_own_labels_are_learned_and_told(colours: dict[str, list[str]]) -> None:
    handlers = seeing_colours()
    panel = handlers.panel
    steps = list(handlers.learn_own(gr.Request(), "Rot", "<b>Blau</b>", "", colours["red"], colours["blue"], None))
    assert "Images seen" in steps[0][panel.progress]
    report, head = steps[-1][panel.learned], steps[-1][panel.head]
    assert head.labels == ("Rot", "<b>Blau</b>")
    assert "&lt;b&gt;Blau" in report
    assert "<td>6</td><td>100 %</td>" in report
    assert "<td>2</td><td>100 %</td>" in report
    assert "<strong>Rot</strong>" in handlers.classify(colours["red"][3], head)[panel.label]
    assert handlers.classify(None, head) == {panel.label: ""}


def test_images_that_cannot_be_learned_from_are_named(colours: dict[str, list[str]], tmp_path: Path) -> None:
    red, blue = colours["red"], colours["blue"]
    for given, message in (
        ((["a", "", ""], [red, None, None]), "at least two labels"),
        ((["a", "", ""], [red, blue, None]), "Label 2 needs a name"),
        ((["a", "a ", ""], [red, blue, None]), "Label 2 needs a name"),
        ((["a", "b", ""], [red, blue[:1], None]), "has 1 images"),
    ):
        with pytest.raises(InputError, match=message):
            own_examples(*given)
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no image")
    handlers = seeing_colours()
    head = list(handlers.learn_own(gr.Request(), "a", "b", "", red, blue, None))[-1][handlers.panel.head]
    with pytest.raises(InputError, match=r"bad\.jpg is no image"):
        handlers.classify(str(bad), head)
    with pytest.raises(InputError, match="Nothing is learned yet"):
        handlers.classify(red[0], None)


def test_the_captioners_own_encoder_sees() -> None:
    assert built(labels, captioner=tiny_captioner()).encoder() is tiny_captioner().network.encoder
    with pytest.raises(CheckpointError, match="holds no captioner"):
        built(labels, captioner=tiny_writer()).encoder()


def test_a_missing_checkpoint_is_told_in_its_place() -> None:
    learning = built(labels)
    assert "The model could not be loaded" in list(learning.learn_shapes(gr.Request()))[-1][learning.panel.learned]
    handlers = built(writing)
    last = list(handlers.show(gr.Request(), "The film", 0.8, 0, 1.0, 5, 1))[-1]
    assert "The model could not be loaded" in last[handlers.panel.text]
    assert last[handlers.panel.status] == "Not written."
    assert last[handlers.panel.stop]["interactive"] is False
    with pytest.raises(CheckpointError):
        handlers.api.write("The film")
    with pytest.raises(CheckpointError, match="holds no language model"):
        built(writing, **{"language-model": tiny_captioner()}).api.write("The film")


@pytest.fixture
def handlers() -> WritingHandlers:
    """Of the panel Writing."""
    written: WritingHandlers = built(writing, **{"language-model": tiny_writer()})
    return written


@pytest.fixture
def api(handlers: WritingHandlers) -> WritingAPI:
    return handlers.api


def test_the_panel_and_the_endpoint_write_the_same(handlers: WritingHandlers) -> None:
    panel = handlers.panel
    *_, last, end = handlers.show(gr.Request(), "It was", 0.7, 0, 1.0, 12, 3)
    answer = handlers.api.write("It was", 0.7, length=12, seed=3)
    written = end[panel.last].text
    assert answer["text"] == tiny_writer().write("It was", temperature=0.7, max_length=12, seed=3) == written
    assert len(answer["tokens"]) == len(answer["token_probabilities"]) <= 12
    assert "<mark>" in last[panel.text]
    assert 'class="sq-dice"' in last[panel.dice]


@pytest.mark.parametrize(
    "prompt", ["", "   ", "🙂\u200b\0 \ud800", "<script>alert(1)</script>", "x" * MAX_PROMPT_CHARS]
)
def test_any_prompt_is_written_on(api: WritingAPI, prompt: str) -> None:
    for written in api.stream(prompt, Settings(max_length=4)):
        html = page_of(written, "") + bars(tiny_writer(), written, Settings())
        assert "<script" not in html
    assert api.write(prompt, length=4)["text"].startswith(written.prompt)


def test_too_long_a_prompt_and_wrong_settings_are_refused(api: WritingAPI) -> None:
    with pytest.raises(InputError, match="2,001 characters"):
        api.write("x" * (MAX_PROMPT_CHARS + 1))
    with pytest.raises(InputError, match="must be a string"):
        api.write(3)  # type: ignore[arg-type]
    for wrong in ({"temperature": 0}, {"top_p": "1"}, {"top_k": 2.5}, {"length": 10_000}, {"seed": None}):
        with pytest.raises(InputError, match=next(iter(wrong)).replace("_", " ")):
            api.write("It was", **wrong)  # type: ignore[arg-type]


def test_temperature_moves_the_bars(handlers: WritingHandlers) -> None:
    *_, last = handlers.api.stream("It was", Settings(max_length=3))
    dice = handlers.panel.dice
    assert "yours: 0.3" in handlers.reshape(last, 0.3, 0, 1.0)[dice]
    assert handlers.reshape(last, 0.3, 1, 1.0)[dice].count("100.0 %") >= 1
    assert "yours" not in str(handlers.reshape(None, 0.3, 0, 1.0))
