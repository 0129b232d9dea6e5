"""A captioner so small that a test can train it: it tells colours apart."""

import functools
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from tiny_training import train

from seqcore.tasks.captioning import Captioner, CaptionerConfig

COLOURS = {"red": "a red square", "blue": "a blue square", "lime": "a green square"}
CONFIG = CaptionerConfig(
    "mobilenetv3_small_050", 64, vocab_size=400, embedding_size=32, memory_size=32, hidden_size=48, num_layers=1,
    dropout=0.0, label_smoothing=0.0, max_length=20,
)  # fmt: skip


def picture(colour: str, width: int = 40, height: int = 30) -> Image.Image:
    """A photo of nothing but a colour."""
    return Image.new("RGB", (width, height), colour)


@functools.cache
def tiny_captioner() -> Captioner:
    """A trained one, the same every time; not to be changed, since whoever asks again gets it too."""
    torch.manual_seed(0)
    task = Captioner.create(CONFIG, [{"captions": [*COLOURS.values()] * 20}])
    task.augments = False
    with torch.no_grad():  # colours in the grid: random weights of a whole network keep little of them
        task.network.encoder.forward = _coarse  # type: ignore[method-assign]
    rows = [{"image": picture(name), "captions": [text]} for name, text in COLOURS.items()]
    train(task, rows, steps=150, learning_rate=0.01)
    return task


def _coarse(images: torch.Tensor) -> torch.Tensor:
    """A grid of 2 × 2 with the mean colour of each part, again and again over the width of the real one."""
    cells = torch.nn.functional.adaptive_avg_pool2d(images.float() / 127 - 1, 2).flatten(2).transpose(1, 2)
    return cells.repeat(1, 1, 96)


def tiny_load(path: Path) -> Any:
    """What a page loads its model with, beside a model card in `path`."""
    from apps.server.models import LazyTask

    (path / "README.md").write_text("# A model\n\nTells **colours** apart.\n", encoding="utf-8")
    return LazyTask(path, open_checkpoint=lambda _, device: tiny_captioner())
