"""A short training without a trainer, for models so small that a test can train them."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from seqcore.tasks.base import Task


def train(task: Task, rows: Sequence[Mapping[str, Any]], steps: int, learning_rate: float) -> None:
    """So many steps on all rows at once; afterwards the task is ready to answer."""
    batch = task.collate([task.example(row) for row in rows])
    optimizer = torch.optim.AdamW(task.network.parameters(), lr=learning_rate)
    task.network.train()
    for _ in range(steps):
        optimizer.zero_grad()
        loss = task.loss(batch)
        (loss.total / loss.count).backward()
        optimizer.step()
    task.network.eval()
