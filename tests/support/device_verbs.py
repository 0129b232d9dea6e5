"""The verbs of every task over inputs that are always the same, for comparing what devices answer."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

from seqcore.explain import recorded_gates
from seqcore.media.video import read_frames
from seqcore.tasks.base import Batch, Task

TEXTS = (
    "A brown dog runs through the snow. Two men play <b>guitar</b> at 10:30!",
    "Not a good film, but the music was wonderful and the ending moved me to tears.",
    "",
    "a",
)
TOLERANCE = 1e-3
STREAMED = 20  # Frames that are given one by one.


def answers(task: Task, files: Sequence[Any] = ()) -> dict[str, Any]:
    """What each verb of a task gives; of what is drawn at random, nothing.

    Args:
        files: photographs or films, for tasks that read some.
    """
    return dict(_VERBS[task.name](task, list(files)))


def _translation(task: Any, files: list[Any]) -> Iterator[tuple[str, Any]]:
    yield "translate", task.translate(list(TEXTS), source="en", target="de", n_best=2)
    yield "stream", list(task.stream(TEXTS[0], source="en", target="de"))[-1]
    yield "greedy", task.translate(TEXTS[1], source="en", target="de", beam_size=1, no_repeat_ngram_size=2)


def _sentiment(task: Any, files: list[Any]) -> Iterator[tuple[str, Any]]:
    yield "classify", task.classify(list(TEXTS))
    yield "explain", task.classify(TEXTS[1], explain=True)
    with recorded_gates(task.network) as recording:
        task.classify(TEXTS[0])
    yield "gates", [trace.cell.cpu() for trace in recording.traces()]


def _language_model(task: Any, files: list[Any]) -> Iterator[tuple[str, Any]]:
    yield "score", task.score(list(TEXTS))


def _captioning(task: Any, files: list[Any]) -> Iterator[tuple[str, Any]]:
    yield "caption", task.caption(files, n_best=2)
    yield "greedy", task.caption(files[0], beam_size=1)


def _video(task: Any, files: list[Any]) -> Iterator[tuple[str, Any]]:
    yield "label", task.label(list(files))
    if task.config.bidirectional:
        return
    state, labels = None, []
    for _, frame in itertools.islice(read_frames(files[0], task.view), STREAMED):
        label, state = task.step(frame, state)
        labels.append(label)
    yield "step", labels + task.flush(state)


_VERBS: Mapping[str, Any] = {
    "translation": _translation,
    "sentiment": _sentiment,
    "language-model": _language_model,
    "captioning": _captioning,
    "video": _video,
}


def assert_alike(one: Any, other: Any, tolerance: float = TOLERANCE, place: str = "") -> None:
    """Compare answers: the same texts, but for equally good ones, and numbers that differ by no more."""
    if isinstance(one, Tensor):
        torch.testing.assert_close(one, other, rtol=0, atol=tolerance, msg=lambda text: f"{place}: {text}")
    elif isinstance(one, float):
        assert abs(one - other) <= tolerance, (place, one, other)
    elif isinstance(one, str | int | None):
        assert one == other, place
    elif isinstance(one, Mapping):
        assert_alike(list(one.items()), list(other.items()), tolerance, place)
    elif is_dataclass(one):
        text = getattr(one, "text", None)
        if text != getattr(other, "text", None) and abs(getattr(one, "score", 9.0) - other.score) <= tolerance:
            return  # It is a tie.
        for field in fields(one):
            assert_alike(getattr(one, field.name), getattr(other, field.name), tolerance, f"{place}.{field.name}")
    else:
        assert len(one) == len(other), place
        for number, pair in enumerate(zip(one, other, strict=True)):
            assert_alike(*pair, tolerance, f"{place}[{number}]")


ROWS: Mapping[str, list[dict[str, Any]]] = {
    "translation": [
        {"source": "A dog runs.", "target": "Ein Hund rennt."},
        {"source": "Two men play.", "target": "Zwei Männer spielen Gitarre."},
    ],
    "sentiment": [{"text": TEXTS[1], "label": "positive"}, {"text": "Bad.", "label": "negative"}],
    "language-model": [{"text": TEXTS[1]}, {"text": "Bad."}],
}


def batch_of(task: Task, rows: Sequence[Mapping[str, Any]], device: str) -> Batch:
    """Rows as one batch of training."""
    batch = task.collate([task.example(row) for row in rows])
    return {name: value.to(device) for name, value in batch.items()}


def gradients(task: Task, batch: Batch, scale: float = 1.0) -> dict[str, Tensor]:
    """Of the weights that learn from a batch, on the CPU."""
    task.network.zero_grad()
    (task.loss(batch).total * scale).backward()
    return {
        name: weight.grad.detach().cpu() for name, weight in task.network.named_parameters() if weight.grad is not None
    }


@contextmanager
def training(task: Task) -> Iterator[None]:
    """Training mode without dropout, which draws other numbers on another device."""
    task.network.train()
    for layer in task.network.modules():
        for rate in ("p", "weight_dropout"):
            if isinstance(getattr(layer, rate, None), float):
                setattr(layer, rate, 0.0)
    try:
        yield
    finally:
        task.network.eval()
