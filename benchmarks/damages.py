"""A hundred ways to damage a checkpoint of a translator, each of which must be refused."""

import json
import pickle
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

Damage = Callable[[Path], Any]
CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.model"


def _to(name: str, change: Callable[..., Any], *arguments: Any) -> Damage:
    return lambda folder: change(folder / name, *arguments)


def damages(trap: Path) -> Iterator[tuple[str, Damage]]:
    """What is done, and a function that does it to a folder, the same ones every time.

    Args:
        trap: a file that the pickles among them make when they are run.
    """
    rng = random.Random(0)
    for part in sorted(rng.random() for _ in range(15)):
        yield f"weights cut at {part:.1%}", _to(WEIGHTS, _cut, part)
    for part in (0, 0.001, 0.3, 0.999):
        yield f"tokenizer cut at {part:.1%}", _to(TOKENIZER, _cut, part)
    for part in (0, 0.2, 0.5, 0.9):
        yield f"configuration cut at {part:.0%}", _to(CONFIG, _cut, part)
    for _ in range(15):
        place = rng.random()
        yield f"a bit of the header, {place:.1%}", _to(WEIGHTS, _flip_header, place)
    for _ in range(10):
        place = rng.random()
        yield f"a bit of the weights, {place:.1%}", _to(WEIGHTS, _flip_data, place)
    for _ in range(8):
        place = rng.random()
        yield f"a bit of the tokenizer, {place:.1%}", _to(TOKENIZER, _flip, place)
    for name in (CONFIG, WEIGHTS, TOKENIZER):
        yield f"no {name}", _to(name, Path.unlink)
        yield f"{name} a folder", _to(name, _folder)
        yield f"{name} a link to nothing", _to(name, _link, "/nowhere/at/all")
        yield f"{name} a link to a device", _to(name, _link, "/dev/zero")
    yield "weights a text", lambda folder: (folder / WEIGHTS).write_text("weights")
    yield "weights a pickle", lambda folder: (folder / WEIGHTS).write_bytes(pickle.dumps(Trap(trap)))
    yield "weights a file of torch", lambda folder: torch.save({"a": Trap(trap)}, folder / WEIGHTS)
    yield "a pickle beside", lambda folder: _only_pickle(folder, trap)
    yield from _wrong_tensors()
    yield from _wrong_settings()


def _wrong_tensors() -> Iterator[tuple[str, Damage]]:
    bias = "decoder.output.bias"
    wrong: dict[str, Callable[[dict[str, Any]], Any]] = {
        "no tensors": lambda weights: weights.clear(),
        "a tensor less": lambda weights: weights.pop(bias),
        "a tensor more": lambda weights: weights.update(more=torch.zeros(3)),
        "a tensor of another name": lambda weights: weights.update(other=weights.pop(bias)),
        "a tensor cut": lambda weights: weights.update({bias: weights[bias][:-1].clone()}),
        "a tensor in a column": lambda weights: weights.update({bias: weights[bias][:, None].clone()}),
        "a tensor of integers": lambda weights: weights.update({bias: weights[bias].int()}),
        "a tensor of truth values": lambda weights: weights.update({bias: weights[bias] > 0}),
        "a tensor of complex numbers": lambda weights: weights.update({bias: weights[bias].to(torch.complex64)}),
        "a tensor that is no number": lambda weights: weights[bias].fill_(float("nan")),
        "an infinite weight": lambda weights: weights[bias][3].fill_(float("inf")),
        "zeros for weights": lambda weights: weights[bias].zero_(),
    }
    for name, change in wrong.items():
        yield name, _to(WEIGHTS, _change_weights, change)


def _wrong_settings() -> Iterator[tuple[str, Damage]]:
    vast = {"decoder_hidden_size": 40_000, "encoder_hidden_size": 40_000}  # a model of 10,000,000,000 numbers
    wrong: dict[str, dict[str, Any]] = {
        "ten billion numbers": vast,
        "ten million layers": {"encoder_layers": 10_000_000},
        "more than a computer counts": {"vocab_size": 10**30},
        "a vast vocabulary": {"vocab_size": 2_000_000_000},
        "another size": {"embedding_size": 17},
        "no size": {"embedding_size": 0},
        "a size below nothing": {"encoder_hidden_size": -12},
        "a size of half": {"embedding_size": 16.5},
        "a size in letters": {"embedding_size": "16"},
        "a size that is true": {"encoder_layers": True},
        "a size in a list": {"encoder_layers": [1]},
        "a size of null": {"decoder_layers": None},
        "a rate of 2": {"dropout": 2},
        "a rate that is no number": {"dropout": float("nan")},
        "an infinite rate": {"label_smoothing": float("inf")},
        "a switch in letters": {"layer_norm": "no"},
        "an attention nobody knows": {"attention": "divided"},
        "an attention too high": {"attention_layer": 9},
        "directions in a string": {"directions": "en-de"},
        "directions of numbers": {"directions": [1, 2]},
        "no directions": {"directions": []},
        "a direction to nowhere": {"directions": ["en-"]},
        "another task": {"task": "captioning"},
        "a task nobody knows": {"task": "juggling"},
        "a task in a list": {"task": ["translation"]},
        "no task": {"task": None},
        "a format to come": {"format_version": 99},
        "a format that is true": {"format_version": True},
        "a setting nobody knows": {"__class__": "os.system"},
    }
    for name, change in wrong.items():
        yield f"a configuration of {name}", _to(CONFIG, _change_config, change)
    texts = {"a list": "[]", "a number": "1", "too deep": "[" * 100_000, "an attack": '{"format_version": 1, "task":'}
    for name, text in texts.items():
        yield f"a configuration that is {name}", _to(CONFIG, Path.write_text, text)
    yield "a configuration that is no UTF-8", lambda folder: (folder / CONFIG).write_bytes(b'{"task": "\xff\xfe"}')


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def _cut(path: Path, part: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])


def _flip(path: Path, place: float, begin: int = 0, end: int | None = None) -> None:
    content = bytearray(path.read_bytes())
    at = begin + int(place * ((end or len(content)) - begin))
    content[at] ^= 1 << at % 7
    path.write_bytes(content)


def _flip_header(path: Path, place: float) -> None:
    """Of what it says of tensors: behind its own notes, up to the weights."""
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    _flip(path, place, content.index(b"}", 8) + 1, 8 + size)


def _flip_data(path: Path, place: float) -> None:
    _flip(path, place, 8 + int.from_bytes(path.read_bytes()[:8], "little"))


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


def _only_pickle(folder: Path, trap: Path) -> None:
    (folder / WEIGHTS).unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(trap)))


def _change_weights(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    with safe_open(path, framework="pt") as file:
        notes = dict(file.metadata())
    weights = load_file(path)
    change(weights)
    save_file(weights, path, notes)


def _change_config(path: Path, change: dict[str, Any]) -> None:
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
