"""A checkpoint as a function of columns, as engines call it: nothing is lost, and no row ends a job."""

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas
import pyarrow
import pytest
import torch
from counting_task import Counting, CountingConfig, counting_checkpoint
from PIL import Image

from seqcore.errors import InputError, SettingsError
from seqcore.media.images import open_image
from seqcore.runtime import Predictor
from seqcore.tasks import load


class Sizes(Counting):
    """How wide and high a picture is."""

    name = "sizes"
    fields: ClassVar[Mapping[str, type]] = {"image": object, "captions": list}
    input_kind = "file"
    answer_columns = {"width": int, "remarkable": bool, "height": float}  # type: ignore[assignment]  # noqa: RUF012

    def predict(self, inputs: Sequence[Any], *, n_best: int | None = None) -> list[Any]:
        sizes = []
        for number, image in enumerate(inputs, 1):
            try:
                sizes.append(open_image(image).size)
            except InputError as error:
                raise InputError(error.message, number if len(inputs) > 1 else None) from error
        return sizes

    def to_cells(self, result: Any) -> list[str | int | float | bool]:
        return [result[0], result[0] > 40, float(result[1])]

    def remark(self, result: Any) -> str:
        return "is wide" if result[0] > 40 else ""


@pytest.fixture
def shouting(tmp_path: Path) -> Path:
    return counting_checkpoint(tmp_path / "shouting", shout=True)


@pytest.fixture
def sizes(tmp_path: Path) -> Path:
    Sizes(CountingConfig()).save_pretrained(tmp_path / "sizes")
    return tmp_path / "sizes"


def test_all_columns_come_back_with_the_answers_and_an_error_where_there_is_none(shouting: Path) -> None:
    batch = {"id": [1, 2, 3, 4, 5], "text": ["a", "bad", None, 1.5, ["b"]], "answer": list("vwxyz")}
    assert Predictor(shouting)(batch) == {
        **batch,
        "predicted_answer": ["A", None, None, "1.5", None],
        "error": ["", "it cannot be read", "column 'text' is empty", "", "column 'text' holds list, not text"],
    }
    assert [*batch] == ["id", "text", "answer"]


def test_arrays_of_numpy_are_columns(shouting: Path) -> None:
    batch = {"text": np.array(["a", None, float("nan"), "bad"], object), "n": np.arange(4)}
    answered = Predictor(shouting)(batch)
    assert answered["answer"] == ["A", None, None, None]
    assert answered["n"] is batch["n"]
    assert Predictor(shouting)({"only": np.array([1.5, np.nan])})["answer"] == ["1.5", None]


def test_a_data_frame_gives_one_with_the_same_types_whatever_failed(shouting: Path) -> None:
    predictor = Predictor(shouting, {"text": "review"})
    frames = [pandas.DataFrame({"review": texts, "n": range(len(texts))}) for texts in (["a", "b"], ["bad", None], [])]
    good, bad, none = map(predictor, frames)
    assert good["answer"].tolist() == ["A", "B"]
    assert bad["answer"].isna().all()
    assert bad["error"].tolist() == ["it cannot be read", "column 'review' is empty"]
    assert good.dtypes.equals(bad.dtypes)
    assert good.dtypes.drop("review").equals(none.dtypes.drop("review"))
    assert [*none.columns] == ["review", "n", "answer", "error"]


def test_a_table_of_arrow_gives_one_with_the_same_schema_whatever_failed(sizes: Path, tmp_path: Path) -> None:
    Image.new("RGB", (50, 30)).save(tmp_path / "wide.png")
    types = pyarrow.schema([("image", pyarrow.binary())])
    content = (tmp_path / "wide.png").read_bytes()
    tables = [pyarrow.table({"image": cells}, types) for cells in ([content, b"none"], [None], [])]
    tables.append(tables[0].to_batches()[0])
    answered = [*map(Predictor(sizes), tables)]
    assert {str(table.schema) for table in answered} == {
        "image: binary\nwidth: int64\nremarkable: bool\nheight: double\nerror: string"
    }
    for table in (answered[0], answered[-1]):
        assert table.column("width").to_pylist() == [50, None]
        assert table.column("remarkable").to_pylist() == [True, None]
        assert [bool(error) for error in table.column("error").to_pylist()] == [False, True]


def test_files_are_paths_or_contents_or_both_or_arrays(
    sizes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wide.png"
    Image.new("RGB", (50, 30)).save(path)
    content = path.read_bytes()
    images = [str(path), content, {"path": str(path), "bytes": None}, {"path": "wide.png", "bytes": content},
              Image.open(path), {"path": None, "bytes": None}, str(tmp_path / "none.png")]  # fmt: skip
    answered = Predictor(sizes)({"image": images})
    assert answered["width"] == [50] * 5 + [None] * 2
    assert answered["error"][:5] == [""] * 5
    assert answered["error"][5] == "column 'image' has neither a path nor bytes"
    assert "none.png" in answered["error"][6]
    assert capsys.readouterr().err.splitlines()[:2] == [f"warning: {path} is wide", "warning: one image is wide"]
    assert Predictor(sizes)({"image": np.zeros((2, 30, 20, 3), np.uint8)})["width"] == [20, 20]


def test_it_travels_as_a_name_and_a_process_loads_it_once(
    shouting: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    loads: list[str] = []

    def counted(folder: str, device: str) -> Any:
        loads.append(folder)
        return load(folder, device=device)

    monkeypatch.setattr("seqcore.runtime.predictor.load", counted)
    monkeypatch.chdir(tmp_path)
    predictor = Predictor("shouting", device="cpu")
    assert loads == []
    monkeypatch.chdir("/")  # as the process of an engine may
    unused = pickle.dumps(predictor)
    assert predictor({"text": ["a"]})["answer"] == ["A"]
    assert pickle.dumps(predictor) == unused
    assert len(unused) < 500
    for _ in range(3):
        assert pickle.loads(unused)({"text": ["b"]})["answer"] == ["B"]
    assert loads == [str(shouting)]
    counting_checkpoint(shouting)
    assert pickle.loads(unused)({"text": ["b"]})["answer"] == ["1"]


def test_threads_are_those_of_the_batch_alone(shouting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []

    def predict(task: Counting, inputs: Sequence[str]) -> list[Any]:
        used.append(torch.get_num_threads())
        return [len(text) for text in inputs]

    monkeypatch.setattr(Counting, "predict", predict)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        for threads in (1, 2, 0):
            Predictor(shouting, threads=threads)({"text": ["a"]})
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert used == [1, 2, 3]


def test_what_cannot_be_answered_at_all_is_said_in_a_line(shouting: Path) -> None:
    batch = {"review": ["a"], "stars": [5]}
    with pytest.raises(SettingsError, match=r"no column 'text', but review, stars: name the .*columns=\{'text': …\}"):
        Predictor(shouting)(batch)
    with pytest.raises(SettingsError, match=r"counting has no option 'nbest'; did you mean n_best\?"):
        Predictor(shouting, {"text": "review"}, nbest=3)(batch)
    with pytest.raises(SettingsError, match=r"counting reads no 'txt': text, label"):
        Predictor(shouting, {"txt": "review"})({"text": ["a"]})
    with pytest.raises(SettingsError, match=r"a batch is a mapping .* not list"):
        Predictor(shouting)(["a"])
    with pytest.raises(InputError, match=r"threads must be a whole number of at least 0, not -1"):
        Predictor(shouting, threads=-1)


def test_hugging_face_datasets_map_it_and_do_not_encode_pictures_again(
    shouting: Path, sizes: Path, tmp_path: Path
) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    texts = datasets.Dataset.from_dict({"text": ["a", "bad", "c"], "n": [1, 2, 3]})
    answered = texts.map(Predictor(shouting), batched=True, batch_size=2)
    assert answered["answer"][:] == ["A", None, "C"]
    assert answered["error"][:] == ["", "it cannot be read", ""]
    path = tmp_path / "wide.jpg"
    Image.new("RGB", (50, 30)).save(path)
    content = path.read_bytes()
    pictures = datasets.Dataset.from_dict({"image": [{"bytes": content, "path": None}]})
    pictures = pictures.cast_column("image", datasets.Image())
    measured = pictures.map(Predictor(sizes), batched=True)
    assert measured["width"][:] == [50]
    undecoded = measured.cast_column("image", datasets.Image(decode=False))
    assert undecoded[0]["image"]["bytes"] == content
