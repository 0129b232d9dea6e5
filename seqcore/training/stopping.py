"""Signals that stop a run: the first one lets the best weights be saved, a second one ends at once."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, ClassVar, Optional

from lightning.pytorch import LightningModule, Trainer, callbacks
from typing_extensions import override

# Ctrl-C, what a shell, systemd or a cluster sends, and what a terminal sends that is closed, which Windows has not.
STOP_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

# Seconds in which a terminal and a launcher may both hand the same Ctrl-C on to a process.
_ONE_SIGNAL = 1.0


class Stopped(KeyboardInterrupt):
    """A signal has stopped a run.

    Attributes:
        signal: its number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.signal = number


class StopSignals(callbacks.Callback):
    """Makes an exception of signals while a run lasts, so that it ends in order.

    Only the main thread receives signals, and those that somebody else handles stay as they are: so do those that a
    run is to ignore, as `nohup` and a script that starts something in the background make it.

    Attributes:
        received: the number of the first one, None as long as there was none.
        waits_for_others: no exception comes of the first one, for other processes wait for this one's gradients; it is
            `Together` that stops them all after a step.
    """

    _now: ClassVar[Optional["StopSignals"]] = None  # A process has one set of handlers.

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, Any] = {}
        self.waits_for_others = self._is_held = False
        self._when = 0.0

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread() and StopSignals._now is None:
            StopSignals._now = self
            defaults = (signal.SIG_DFL, signal.default_int_handler)
            self._before = {
                number: handler for number in STOP_SIGNALS if (handler := signal.getsignal(number)) in defaults
            }
            self.take()
        return self

    def __exit__(self, *_: Any) -> None:
        if StopSignals._now is self:
            StopSignals._now = None
            for number, handler in self._before.items():
                signal.signal(number, handler)

    def take(self) -> None:
        """Receive the signals again: Lightning takes SIGTERM, and ends at once or waits for processes that are gone."""
        for number in self._before:
            signal.signal(number, self._handle)

    @contextmanager
    def held(self) -> Iterator[None]:
        """No exception comes of the first signal within, which is still received; one does of the second."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.take()

    @override
    def on_train_batch_end(self, *_: Any) -> None:
        if self.received is not None and not self.waits_for_others:
            raise Stopped(self.received)  # The exception came where none can leave, such as in a destructor.

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.received is None:
            self.received, self._when = number, time.monotonic()
            if self._is_held or self.waits_for_others:
                return
        elif self.waits_for_others and time.monotonic() - self._when < _ONE_SIGNAL:
            return
        else:
            signal.signal(number, signal.SIG_DFL)  # A third one ends even what does not come to an end by itself.
        raise Stopped(number)


@contextmanager
def completed() -> Iterator[None]:
    """What is done within is done to its end, if the first signal comes meanwhile: that stops the run right after."""
    signals = StopSignals._now
    if signals is None or signals._is_held or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signals.received
    with signals.held():
        yield
    if before is None and signals.received is not None:
        raise Stopped(signals.received)
