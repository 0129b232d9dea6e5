"""A task of somebody else's package, with options and columns of its own: it counts characters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch

from seqcore.errors import InputError
from seqcore.tasks import Loss, Task


@dataclass(frozen=True)
class CountingConfig:
    """Nothing much can be set."""

    shout: bool = False


class Counting(Task):
    """How many characters a text has, or the text in capitals."""

    name = "counting"
    Config = CountingConfig
    fields: ClassVar[Mapping[str, type]] = {"text": str, "label": str}
    monitor = ("error", "min")
    requests: ClassVar[list[dict[str, Any]]] = []

    def __init__(self, config: CountingConfig) -> None:
        self.config, self.network = config, torch.nn.Linear(1, 1)

    def predict(self, inputs: Sequence[str], *, n_best: int | None = None) -> list[Any]:
        """Count; a text that says bad is refused.

        Args:
            n_best: is written down, and 100 % of it ignored
        """
        self.requests[:] = [*self.requests[-9:], {} if n_best is None else {"n_best": n_best}]
        for number, text in enumerate(inputs, 1):
            if text == "bad":
                raise InputError("it cannot be read", number if len(inputs) > 1 else None)
        return [text.upper() if self.config.shout else len(text) for text in inputs]

    def to_text(self, result: Any) -> str:
        return str(result)

    def to_dict(self, result: Any) -> dict[str, Any]:
        return {"count": result}

    def compute_metrics(self, predictions: Sequence[Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return {"error": float(sum(int(row["label"]) != count for row, count in zip(rows, predictions, strict=True)))}

    def example(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"length": len(row["text"]), "label": int(row["label"])}

    def lengths(self, example: Mapping[str, Any]) -> Sequence[int]:
        return (example["length"],)

    def collate(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        return {name: torch.tensor([[float(one[name])] for one in examples]) for name in ("length", "label")}

    def loss(self, batch: Mapping[str, torch.Tensor], state: Any = None) -> Loss:
        return Loss((self.network(batch["length"]) - batch["label"]).square().sum(), len(batch["label"]))


def counting_checkpoint(folder: Path, shout: bool = False) -> Path:
    """A folder that holds one."""
    Counting(CountingConfig(shout)).save_pretrained(folder)
    return folder
