"""The captioner's demo: its endpoints, its files, and what its page does with a photo."""

import csv
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import gradio as gr
import numpy as np
import pytest
import torch
from every_format import EPS
from gradio.data_classes import ImageData
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from handlers import head, named
from heic_files import Item, heic
from tiny_captioner import COLOURS, picture, tiny_captioner, tiny_load

from apps.captioner import files, views
from apps.captioner.api import API
from apps.captioner.app import build
from apps.captioner.files import caption_files
from apps.captioner.handlers import EXAMPLES, Handlers, ManyTab, PhotoTab
from apps.captioner.views import spotlight
from apps.server.launch import start
from apps.server.models import CHECKPOINTS, LazyTask
from apps.ui.pictures import shrunk
from apps.ui.search import SearchSettings
from seqcore.errors import CheckpointError, InputError
from seqcore.media import images
from seqcore.tasks import load
from seqcore.tasks.captioning import Captioner


@pytest.fixture(scope="module")
def server(free_port: Callable[[], int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    app = build(tiny_load(tmp_path_factory.mktemp("captioner")))  # type: ignore[arg-type]
    yield str(start(app, "127.0.0.1", free_port()))
    app.close()


@pytest.fixture(scope="module")
def client(server: str) -> Client:
    return Client(server, verbose=False)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    picture("red").save(tmp_path / "red.png")
    return tmp_path / "red.png"


# Endpoints


def test_endpoints_say_what_they_take(client: Client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(endpoints) == {"/caption", "/explain_caption"}
    taken = [one["parameter_name"] for one in endpoints["/explain_caption"]["parameters"]]
    assert taken == ["image", "beam_size", "length_penalty", "n_best"]


def test_an_image_is_captioned_and_explained(client: Client, photo: Path) -> None:
    assert client.predict(handle_file(photo), api_name="/caption") == "A red square."
    found = client.predict(handle_file(photo), n_best=2, api_name="/explain_caption")
    assert found["text"] == "A red square."
    assert len(found["tokens"]) == len(found["token_probabilities"]) == len(found["attention"])
    assert all(sum(map(sum, grid)) == pytest.approx(1, abs=1e-3) for grid in found["attention"])
    assert len(found["alternatives"]) == 1


def test_concurrent_calls_get_each_their_own_answer_and_a_bad_one_fails_alone(server: str, tmp_path: Path) -> None:
    for colour in COLOURS:
        picture(colour).save(tmp_path / f"{colour}.png")
    (tmp_path / "bad.png").write_bytes(b"no image")

    def ask(name: str) -> str:
        try:
            image = handle_file(tmp_path / f"{name}.png")
            return str(Client(server, verbose=False).predict(image, api_name="/caption"))
        except AppError as error:
            return str(error)

    names = [*COLOURS, "bad", *COLOURS]
    with ThreadPoolExecutor(len(names)) as pool:
        answers = list(pool.map(ask, names))
    for name, answer in zip(names, answers, strict=True):
        assert ("no image that can be read" in answer) if name == "bad" else answer == f"{COLOURS[name].capitalize()}."


@pytest.mark.parametrize(
    ("options", "message"),
    [({"beam_size": 0}, "Beam size"), ({"length_penalty": 9}, "Length penalty"), ({"n_best": 4, "beam_size": 2}, "4")],
)
def test_wrong_settings_are_named(client: Client, photo: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(AppError, match=message):
        client.predict(handle_file(photo), **options, api_name="/explain_caption")


def test_a_file_that_is_too_large_or_missing_is_told(
    client: Client, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AppError, match="Choose an image"):
        client.predict(None, api_name="/caption")
    monkeypatch.setattr("apps.ui.uploads.MAX_IMAGE_BYTES", 10)
    with pytest.raises(AppError, match="make it smaller"):
        client.predict(handle_file(photo), api_name="/caption")


def test_an_upload_meets_named_decoders_alone_whatever_it_is_called(
    client: Client, tmp_path: Path, ghostscript: Path
) -> None:
    red = np.full((48, 64, 3), (255, 0, 0), np.uint8)
    for name, content in (("eps-as.jpg", EPS), ("heic.heic", heic(Item(red)))):
        (tmp_path / name).write_bytes(content)
    with pytest.raises(AppError, match=r"eps-as\.jpg is an EPS or PostScript document") as caught:
        client.predict(handle_file(tmp_path / "eps-as.jpg"), api_name="/caption")
    assert "Eps" not in str(caught.value)
    assert not ghostscript.exists()
    assert client.predict(handle_file(tmp_path / "heic.heic"), api_name="/caption") == "A red square."


# Many files


def test_many_files_give_a_table_and_json_lines(photo: Path, tmp_path: Path) -> None:
    (tmp_path / "=cmd.png").write_bytes(b"no image")
    (tmp_path / "more").mkdir()
    picture("blue").save(tmp_path / "more" / "red.png")
    paths = [str(photo), str(tmp_path / "=cmd.png"), str(tmp_path / "more" / "red.png")]
    steps = caption_files(tiny_captioner(), paths, SearchSettings())
    assert next(steps).done == 0
    step = next(steps)
    assert step.done == 3
    table, objects = map(Path, next(steps).files)
    with table.open(encoding="utf-8", newline="") as file:
        _, first, bad, second = csv.reader(file)
    assert (first[:2], second[:2]) == (["red.png", "A red square."], ["red.png", "A blue square."])
    assert [bool(line.thumbnail) for line in step.results] == [True, False, True]
    assert bad[:3] == ["'=cmd.png", "", ""]
    assert "no image" in bad[3]
    lines = [json.loads(line) for line in objects.read_text(encoding="utf-8").splitlines()]
    assert [line.keys() for line in lines] == [{"file", "text", "score"}, {"file", "error"}, {"file", "text", "score"}]
    assert list(steps) == []
    assert not table.exists()


def test_none_and_too_many_files_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="Choose images"):
        next(caption_files(tiny_captioner(), [], SearchSettings()))
    monkeypatch.setattr(files, "MAX_IMAGES", 2)
    with pytest.raises(InputError, match="choose fewer"):
        next(caption_files(tiny_captioner(), ["a", "b", "c"], SearchSettings()))


# What is shown


def test_words_are_their_pieces_together() -> None:
    found = tiny_captioner().caption(picture("lime"))
    words = views.words(found)
    assert [text for text, _, _ in words] == ["a", "green", "square"]
    assert all(float(grid.sum()) == pytest.approx(1, abs=1e-4) for _, _, grid in words)
    assert all(0 < probability <= 1 for _, probability, _ in words)


def test_pictures_are_small_whatever_their_shape() -> None:
    assert shrunk(picture("red", 400, 100), 40).size == (40, 10)
    assert shrunk(picture("red", 1, 5000), 40).size == (1, 40)
    assert shrunk(picture("red", 3, 2), 40).size == (3, 2)


def test_a_photo_is_light_where_the_model_looked() -> None:
    grid = torch.zeros(2, 2)
    grid[0, 1] = 1.0
    shown = spotlight(picture("white", 64, 64), grid)
    assert shown.size == (64, 64)
    assert sum(shown.getpixel((62, 2))) > sum(shown.getpixel((2, 62)))  # type: ignore[arg-type]


def test_the_page_works_on_the_file_itself(tmp_path: Path) -> None:
    """Gradio would open it, and write what is transparent, or has 16 bits, anew in RGB."""
    app = build(tiny_load(tmp_path))  # type: ignore[arg-type]
    (photo,) = (block for block in app.blocks.values() if block.elem_id == "photo")
    (tmp_path / "text.jpg").write_text("A dog.", encoding="utf-8")
    given = ImageData(path=str(tmp_path / "text.jpg"), orig_name="text.jpg")
    assert photo.preprocess(given) == given.path  # type: ignore[attr-defined]
    assert photo.preprocess(None) is None  # type: ignore[attr-defined]


def test_file_names_are_text() -> None:
    shown = views.table([files.Line("<img src=x onerror=alert(1)>.png", "<b>bold</b>", 0.0)])
    assert "<img" not in shown
    assert "<b>" not in shown


def test_another_kind_of_checkpoint_is_told() -> None:
    api = API(LazyTask("other", open_checkpoint=Mock(return_value=object())))
    with pytest.raises(CheckpointError, match="holds no captioner"):
        api.captioner()


def test_examples_name_their_terms() -> None:
    told = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    names = [path.name for path in EXAMPLES.glob("*.jpg")]
    assert len(names) >= 3
    assert all(name in told for name in names)


# The page


def test_a_photo_is_opened_once(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_captioner()  # Its training opens images, too.
    opening = Mock(wraps=images.open_image)
    monkeypatch.setattr(images, "open_image", opening)
    handlers = Handlers(API(tiny_load(tmp_path)), head(), named(PhotoTab), named(ManyTab))
    first, last = handlers.show_caption(gr.Request(), str(photo), 5, 1.0, 3)
    assert (first["status"], last["text"]) == ("Looking …", "A red square.")
    assert "Where it looked" in last["looked"]
    opening.assert_called_once_with(str(photo))


def test_the_bundled_model_answers() -> None:
    """The checkpoint that `make demo` serves: it knows a person when it sees one, and company changes nothing."""
    captioner = load(CHECKPOINTS / "captioner", device="cpu")
    assert isinstance(captioner, Captioner)
    alone = captioner.caption(EXAMPLES / "astronaut.jpg")
    assert re.match(r"A (wo)?man in a \w+ .*\.$", alone.text)
    assert alone.attention.shape == (len(alone.tokens), 7, 7)
    assert len({other.text for other in (alone, *alone.alternatives)}) == 3
    together = captioner.caption(sorted(EXAMPLES.glob("*.jpg")))
    assert together[0].text == alone.text
    assert together[0].score == pytest.approx(alone.score, abs=1e-4)
