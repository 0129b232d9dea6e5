"""Settings that are declared: what is allowed, what is said of what is not, and their way through JSON and pickle."""

import copy
import dataclasses
import json
import pickle
from pathlib import Path
from typing import Any, Literal

import pytest

from seqcore.errors import CheckpointError, SettingsError
from seqcore.tasks.translation import TranslatorConfig
from seqcore.training import TrainingSettings
from seqcore.validation import Rate, Size, read_settings, settings

FILE = Path("config.json")


@settings()
class Window:
    """Settings within others."""

    size: Size = 3


@settings()
class Reader:
    """Settings of every kind."""

    limit: int | None = None
    edge: Literal["zero", "mirror"] = "zero"
    weights: dict[str, float] = dataclasses.field(default_factory=dict)
    window: Window = Window()
    second: Window | None = None
    more: tuple[Window, ...] = ()
    spans: dict[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    pair: tuple[int, str] = (1, "a")
    dropout: Rate = 0.1
    names: tuple[str, ...] = ()
    deep: bool = False

    def __post_init__(self) -> None:
        if self.deep and self.window.size < 2:
            raise SettingsError("a deep reader needs a window of at least 2")


def test_every_kind_goes_through_json_and_comes_back_the_same() -> None:
    lists: dict[str, Any] = {"names": ["x", "y"], "spans": {"a": [1, 2]}, "more": [Window(2)], "pair": [2, "b"]}
    reader = Reader(4, "mirror", {"a": 0.5}, Window(7), Window(8), dropout=0, deep=True, **lists)
    assert (reader.names, reader.spans, reader.pair) == (("x", "y"), {"a": (1, 2)}, (2, "b"))
    written = json.loads(json.dumps(dataclasses.asdict(reader)))
    assert read_settings(Reader, written, FILE) == reader
    assert read_settings(Reader, dataclasses.asdict(Reader()), FILE) == Reader()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"limit": "x"}, "limit must be a whole number or None, not 'x'"),
        ({"limit": True}, "limit must be a whole number or None, not True"),
        ({"edge": "wrap"}, "edge must be one of zero, mirror, not 'wrap'"),
        ({"weights": {"a": "b"}}, "weights must be a mapping, each value a number, not 'b'"),
        ({"window": {"size": 0}}, "window.size must be a whole number of at least 1, not 0"),
        ({"window": {"side": 1}}, "'side' is no setting of Window, which has size"),
        ({"window": 5}, "window must be settings of Window, not 5"),
        ({"second": {"size": 0}}, "second.size must be a whole number of at least 1, not 0"),
        ({"second": 5}, "second must be settings of Window or None, not 5"),
        ({"more": [{"size": 1}, {"size": 0}]}, "more.1.size must be a whole number of at least 1, not 0"),
        ({"more": [{"side": 1}]}, "'side' is no setting of Window, which has size"),
        ({"spans": {"a": [0.5]}}, "spans must be a mapping, each value a list, each a whole number, not 0.5"),
        ({"pair": [1, 2]}, "pair must be a list of a whole number, a text, not 2"),
        ({"dropout": 1.0}, "dropout must be a number of at least 0 and less than 1, not 1.0"),
        ({"dropout": float("nan")}, "dropout must be a number"),
        ({"names": "x"}, "names must be a list, each a text, not 'x'"),
        ({"names": [1]}, "names must be a list, each a text, not 1"),
        ({"deep": 1}, "deep must be True or False, not 1"),
        ({"deep": True, "window": {"size": 1}}, "a deep reader needs a window of at least 2"),
    ],
)
def test_what_a_file_may_not_hold_is_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        read_settings(Reader, dataclasses.asdict(Reader()) | values, FILE)
    assert str(caught.value).startswith("config.json is damaged: ")
    assert message in str(caught.value)


def test_a_file_holds_every_setting_and_no_other() -> None:
    values = dataclasses.asdict(Window())
    with pytest.raises(CheckpointError, match=r"config\.json holds 'side', which this seqcore does not know"):
        read_settings(Window, {**values, "side": 1}, FILE)
    with pytest.raises(CheckpointError, match=r"config\.json lacks 'size'"):
        read_settings(Window, {}, FILE)


@pytest.mark.parametrize("value", [0, "3", True, 2.0, None, float("inf"), [3]])
def test_what_is_no_size_is_refused_when_settings_are_made(value: Any) -> None:
    with pytest.raises(SettingsError, match="decoder_layers must be a whole number of at least 1, not "):
        TranslatorConfig(decoder_layers=value)
    with pytest.raises(SettingsError, match=r"^training\.epochs must be a whole number of at least 1, not "):
        TrainingSettings(epochs=value)


def test_what_is_no_setting_is_refused_by_name() -> None:
    made: Any = TranslatorConfig
    with pytest.raises(SettingsError, match="'layers' is no setting of TranslatorConfig, which has directions, "):
        made(layers=3)
    made = Window
    with pytest.raises(SettingsError, match="1 is no setting of Window, which has size"):
        made(1, 2)
    for make in (Window, lambda size: dataclasses.replace(Window(), size=size)):
        with pytest.raises(SettingsError, match=r"^size must be a whole number of at least 1, not -1"):
            make(-1)


def test_settings_are_values() -> None:
    config = TranslatorConfig(dropout=0)
    assert config == TranslatorConfig(dropout=0.0)
    assert hash(config) == hash(TranslatorConfig(dropout=0.0))
    assert copy.deepcopy(config) == config
    assert pickle.loads(pickle.dumps(config)) == config
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.dropout = 0.5  # type: ignore[misc]
