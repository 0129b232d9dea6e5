"""Figures and pieces of HTML that pages show of a result."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
import torch

from apps.ui import figures


def test_labels_join_pieces_as_people_read_them() -> None:
    pieces = ["<2de>", "▁Hun", "de", ".", "▁", "<0xE2>", "</s>"]
    assert figures.piece_labels(pieces) == ["⟨de⟩", "Hun", "·de", ".", "␣", "·<0xE2>", "⟨end⟩"]


def test_a_heat_map_of_any_text_is_sound_and_quiet() -> None:
    source = ["<2de>", "▁$x^2$", "<b>&", "▁كلب", "▁狗", "▁🐕", "\0", "\\frac", "</s>"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure = figures.attention_figure(source, source, torch.eye(len(source)))
        drawing = figures.svg(figure, 'of "this" & <that>')
    root = ElementTree.fromstring(drawing)
    written = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"$x^2$", "·<b>&", "狗", "🐕"} <= written
    assert root.get("aria-label") == 'of "this" & <that>'
    assert "currentColor" in drawing
    assert "#010203" not in drawing


@pytest.mark.parametrize(("rows", "columns"), [(0, 3), (0, 0), (1, 1), (300, 400)])
def test_a_heat_map_of_any_size_is_drawn(rows: int, columns: int) -> None:
    attention = torch.zeros(rows, columns)
    figure = figures.attention_figure(["▁a"] * columns, ["▁b"] * rows, attention)
    drawing = figures.svg(figure, "attention")
    assert drawing.count("<text") == min(rows, figures.MAX_AXIS) + min(columns, figures.MAX_AXIS)


def test_heat_maps_are_drawn_by_many_threads_at_once() -> None:
    def draw(number: int) -> list[str | None]:
        words = [f"▁{number}-{index}" for index in range(number)]
        root = ElementTree.fromstring(figures.svg(figures.attention_figure(words, [], torch.zeros(0, number)), "x"))
        return [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]

    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(draw, range(1, 13)))
    assert drawn == [[f"{number}-{index}" for index in range(number)] for number in range(1, 13)]


def test_pieces_of_html_hold_no_markup_of_a_user() -> None:
    strip = figures.confidence_strip(["▁<b>", "x", "</s>"], [0.5, 0.25, 1.0])
    assert "&lt;b&gt;" in strip
    assert strip.count("sq-piece") == 2
    assert strip.count("sq-word") == 1
    assert "&lt;i&gt;" in figures.ranking(
        [SimpleNamespace(text="<i>", score=-0.5), SimpleNamespace(text="", score=-1.0)], "Title"
    )


def test_pieces_of_a_right_to_left_text_go_from_right_to_left() -> None:
    for tokens, way in ((["▁القط", "▁5"], "rtl"), (["▁5", "▁שלום"], "rtl"), (["▁the", "▁القط"], "ltr"), ([], "ltr")):
        strip = figures.confidence_strip(tokens, [0.5] * len(tokens), ["a"] * len(tokens))
        assert strip.startswith(f'<div class="sq-strip" dir="{way}">')
        assert strip.count('role="tooltip" dir="ltr"') == len(tokens)
