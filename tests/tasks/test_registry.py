"""Tasks of others: known by an entry point, by a name of their own, and with settings of every kind."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
import torch

import seqcore
from seqcore.errors import CheckpointError, SettingsError
from seqcore.tasks import Loss, Task
from seqcore.tasks.registry import task_class, task_names
from seqcore.validation import Size, settings

SOURCE = '''
from collections.abc import Mapping
from typing import ClassVar
import torch
from seqcore.tasks import Task

class Config:
    pass

class Elsewhere(Task):
    """A task of a package that nobody imports by hand."""
    name = "elsewhere"
    Config = Config
    fields: ClassVar[Mapping[str, type]] = {"text": str}
    monitor = ("error", "min")

    def example(self, row): return row
    def collate(self, examples): return {}
    def loss(self, batch, state=None): raise NotImplementedError
    def predict(self, inputs, *, loud: bool = False): return list(inputs)
    def to_text(self, result): return result
    def to_dict(self, result): return {"text": result}
    def compute_metrics(self, predictions, rows): return {"error": 0.0}
'''


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path with a module and a distribution that says which tasks it has."""
    (tmp_path / "somebodys_tasks.py").write_text(SOURCE, encoding="utf-8")
    described = tmp_path / "somebodys-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: somebodys\nVersion: 1.0\n", encoding="utf-8")
    lines = ["elsewhere = somebodys_tasks:Elsewhere", "misnamed = somebodys_tasks:Config", "gone = no_module:Task"]
    (described / "entry_points.txt").write_text("[seqcore.tasks]\n" + "\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("somebodys_tasks", None)


def test_an_entry_point_makes_a_task_known(installed: Path) -> None:
    assert {"elsewhere", "translation"} <= set(task_names())
    assert "somebodys_tasks" not in sys.modules  # It is imported when it is needed.
    task = task_class("elsewhere")
    assert (task.name, task.__module__) == ("elsewhere", "somebodys_tasks")
    assert task.prediction_options()["loud"].type is bool


def test_entry_points_that_lead_nowhere_are_named(installed: Path) -> None:
    with pytest.raises(SettingsError, match="somebodys_tasks:Config is installed as the task 'misnamed', but it is no"):
        task_class("misnamed")
    with pytest.raises(SettingsError, match="the task 'gone' is no_module:Task, which cannot be imported"):
        task_class("gone")
    with pytest.raises(SettingsError, match=r"no task 'unheard of' here, but .*translation.* --import MODULE"):
        task_class("unheard of")


@settings()
class Inner:
    """Settings inside others."""

    width: Size = 2


@settings()
class ManyConfig:
    """Settings of every kind."""

    window: int | None = None
    edge: Literal["zero", "mirror"] = "zero"
    scales: dict[str, float] = None  # type: ignore[assignment]  # always given here
    inner: Inner = Inner()
    sizes: tuple[Size, ...] = (1,)


class Many(Task):
    """A task whose configuration has fields of every kind."""

    name = "many-settings"
    Config = ManyConfig
    fields: ClassVar[Mapping[str, type]] = {"text": str}
    monitor = ("error", "min")

    def __init__(self, config: ManyConfig) -> None:
        super().__init__(config)
        self.network = torch.nn.Linear(config.inner.width, len(config.sizes))

    def example(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        return row

    def collate(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        return {}

    def loss(self, batch: Any, state: Any = None) -> Loss:
        return Loss(self.network.get_parameter("weight").sum(), 1)

    def predict(self, inputs: Sequence[str]) -> list[str]:
        return list(inputs)

    def to_text(self, result: str) -> str:
        return result

    def to_dict(self, result: str) -> dict[str, Any]:
        return {"text": result}

    def compute_metrics(self, predictions: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return {"error": 0.0}


def test_settings_of_every_kind_are_saved_and_loaded(tmp_path: Path) -> None:
    for number, config in enumerate((
        ManyConfig(scales={}),
        ManyConfig(5, "mirror", {"low": 0.5, "high": 2.0}, Inner(7), (3, 4)),
    )):  # fmt: skip
        Many(config).save_pretrained(tmp_path / f"{number}")
        loaded = seqcore.load(tmp_path / f"{number}", device="cpu")
        assert isinstance(loaded, Many)
        assert loaded.config == config


@pytest.mark.parametrize(
    ("saved", "damaged", "message"),
    [
        ('"edge": "zero"', '"edge": "torn"', "edge must be one of zero, mirror"),
        ('"window": null', '"window": "wide"', "window must be a whole number or None"),
        ('"width": 2', '"width": 0', "inner.width must be a whole number of at least 1"),
        ('"scales": {}', '"scales": 3', "scales must be a mapping"),
    ],
)
def test_damaged_settings_are_named(tmp_path: Path, saved: str, damaged: str, message: str) -> None:
    Many(ManyConfig(scales={})).save_pretrained(tmp_path / "saved")
    file = tmp_path / "saved" / "config.json"
    text = file.read_text(encoding="utf-8")
    assert saved in text
    file.write_text(text.replace(saved, damaged), encoding="utf-8")
    with pytest.raises(CheckpointError, match=message):
        seqcore.load(tmp_path / "saved", device="cpu")


def test_two_tasks_of_one_name_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"cannot be the task 'translation', for that is seqcore.tasks.translation"):
        type("Mine", (Many,), {"name": "translation"})
    with pytest.raises(SettingsError, match=r"test_registry:Other cannot be the task 'many-settings', for that is .*:"):
        type("Other", (Many,), {"name": "many-settings", "__module__": __name__})


def test_a_class_that_is_defined_once_more_takes_its_place() -> None:
    again = type("Many", (Many,), {"name": "many-settings", "__module__": __name__, "__qualname__": "Many"})
    assert task_class("many-settings") is again
    type("Many", (Many,), {"name": "many-settings", "__module__": __name__, "__qualname__": "Many"})
