"""What a run says while it goes on: a bar on a terminal, a line for every validation elsewhere."""

import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer, callbacks
from torch import Tensor
from tqdm import tqdm  # type: ignore[import-untyped]
from typing_extensions import override

from seqcore.training.clock import Clock, clock_time
from seqcore.training.module import VALIDATION

_FORMAT = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} steps, {remaining} left{postfix}"
_TIME_FORMAT = "{{desc}}: {{percentage:3.0f}}%|{{bar}}| {}{{postfix}}"
_SECONDS_BETWEEN = 0.5


class Progress(callbacks.Callback):
    """Loss, validation scores and the time left for the whole run; early stopping may end it sooner.

    Lightning's own bars begin anew with every epoch, and tell the time left of that epoch.

    Args:
        steps: of the whole run.
        best: knows the best score, also that of a run which is resumed.
        monitor: the metric that chooses among checkpoints, and whether more (`max`) or less (`min`) of it is better.
        bar: show a bar, if standard error is a terminal.
        clock: what time it is.
        minutes: how long the whole run is to be, where not the steps say it.
    """

    def __init__(
        self,
        steps: int,
        best: callbacks.ModelCheckpoint,
        monitor: tuple[str, str],
        bar: bool,
        clock: Clock | None = None,
        minutes: float = 0,
    ) -> None:
        self.steps, self.best, self.monitor = steps, best, monitor
        self.clock, self.budget = clock, 60 * minutes if clock else 0
        self._wants_bar = bar and sys.stderr.isatty()
        self._bar: tqdm[Any] | None = None
        self._loss: Tensor | None = None
        self._scores: dict[str, float] = {}
        self._began = self._shown = 0.0
        self._first = 0

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._began, self._first = time.monotonic(), trainer.global_step
        if self._wants_bar and trainer.is_global_zero:
            self._bar = tqdm(
                desc=_epoch(trainer),
                total=round(self.budget) or self.steps,
                initial=self._done(self._first),
                smoothing=0,  # The mean speed, validations included.
                bar_format=_TIME_FORMAT.format(self._time()) if self.budget else _FORMAT,
                dynamic_ncols=True,
            )

    @override
    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._bar is not None:
            self._bar.set_description_str(_epoch(trainer))

    @override
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        loss = outputs["mean"]  # Of all processes together.
        self._loss = loss if self._loss is None else torch.lerp(self._loss, loss, 0.05)
        if self._bar is not None and time.monotonic() - self._shown > _SECONDS_BETWEEN:
            self._show(self._bar, trainer.global_step)

    @override
    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._bar is not None:
            self._bar.set_description_str("validating")

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self._scores = _in_short(
            {name[len(VALIDATION) :]: value for name, value in metrics.items() if name.startswith(VALIDATION)}
        )
        if self._bar is not None:
            self._bar.set_description_str(_epoch(trainer), False)  # The epoch may go on.
            self._show(self._bar, trainer.global_step)
        elif trainer.is_global_zero:
            step, reached = trainer.global_step, self._reached(self._scores)
            line = f"step {step:,} of {self.steps:,}: {reached}; {self._remaining(step)} left"
            if self.budget:
                line = f"step {step:,}, {self._time()}: {reached}"
            print(line, file=sys.stderr, flush=True)

    @override
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._close(trainer)

    @override
    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._close(trainer)

    def _show(self, bar: "tqdm[Any]", step: int) -> None:
        self._shown = time.monotonic()
        metric = self.monitor[0]
        bar.set_postfix_str(self._reached({metric: self._scores[metric]} if self._scores else {}), False)
        bar.n = self._done(step)
        if self.budget:
            bar.bar_format = _TIME_FORMAT.format(self._time())
        bar.refresh()

    def _close(self, trainer: Trainer) -> None:
        if self._bar is not None:
            self._show(self._bar, trainer.global_step)
            self._bar.close()
            self._bar = None

    def _reached(self, scores: Mapping[str, float]) -> str:
        parts = [] if self._loss is None else [f"loss {float(self._loss):.3f}"]
        shown = [f"{name} {value:.2f}{self._best_so_far(name, value)}" for name, value in scores.items()]
        return ", ".join([*parts, f"validation {', '.join(shown)}"] if shown else parts)

    def _best_so_far(self, name: str, value: float) -> str:
        metric, mode = self.monitor
        if name != metric:
            return ""
        earlier = self.best.best_model_score  # Of the validations before this one.
        better = max if mode == "max" else min
        return f" (best {value if earlier is None else better(value, float(earlier)):.2f})"

    def _done(self, step: int) -> int:
        """How far the bar is."""
        if self.clock is None or not self.budget:
            return step
        return round(min(self.clock.seconds, self.budget))

    def _time(self) -> str:
        return f"{clock_time(self.clock.seconds if self.clock else 0)} of {clock_time(self.budget)} minutes"

    def _remaining(self, step: int) -> timedelta:
        seconds = (time.monotonic() - self._began) / max(1, step - self._first) * (self.steps - step)
        return timedelta(seconds=round(seconds))


def _epoch(trainer: Trainer) -> str:
    last = f"/{trainer.max_epochs}" if trainer.max_epochs != -1 else ""
    return f"epoch {trainer.current_epoch + 1}{last}"


def _in_short(scores: Mapping[str, float]) -> dict[str, float]:
    """Without the scores of parts of the data, such as `bleu_en-de` beside `bleu`."""
    return {name: value for name, value in scores.items() if not any(name.startswith(f"{other}_") for other in scores)}
