"""Epochs of batches, in an order that survives being stopped at any moment."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

from seqcore.errors import SettingsError
from seqcore.tasks.base import Batch


class ResumableLoader(ABC):
    """Batches, counted from the beginning of the training; Lightning saves and restores it by :meth:`state_dict`.

    Attributes:
        decided_by: the setting that decides the order besides those that decide it for every loader.

    Args:
        count: batches an epoch; all epochs have as many.
        order: a mark of what decides the order.
    """

    decided_by: ClassVar[str]

    def __init__(self, count: int, order: int) -> None:
        self._count, self._order = count, order
        self.epoch = self.position = 0

    def __len__(self) -> int:
        """Batches an epoch."""
        return self._count

    def __iter__(self) -> Iterator[Batch]:
        if self.position >= self._count:  # the epoch before was read to its end
            self.epoch, self.position = self.epoch + 1, 0
        while self.position < self._count:
            batch = self._batch(self.epoch * self._count + self.position)
            self.position += 1
            yield batch

    @abstractmethod
    def _batch(self, number: int) -> Batch:
        """The batch of a number, from 0 at the beginning of the training."""

    def state_dict(self) -> dict[str, Any]:
        """Where it is: the epoch, the batches given in it, and a mark of what decides the order."""
        return {"epoch": self.epoch, "position": self.position, "order": self._order}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there.

        Raises:
            SettingsError: the order is another one now, so that rows would be skipped or repeated.
        """
        if state.get("order", self._order) != self._order:
            raise SettingsError(
                "a run is resumed with what it began with, but the training data, training.seed, "
                f"training.batch_tokens, {self.decided_by} or training.epoch_steps have changed"
            )
        self.epoch, self.position = state["epoch"], state["position"]
