"""One LightningModule for every task."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass, replace
from functools import partial
from typing import Any

import lightning
import torch
from torch import Tensor

from seqcore.errors import SettingsError, warn
from seqcore.tasks.base import Batch, Task
from seqcore.training.clock import Clock
from seqcore.training.settings import TrainingSettings

MAX_WARMUP = 0.1  # Of a budget in minutes.
VALIDATION = "val_"  # Begins the names of what validation logs.
ACCELERATOR_ROWS = 128  # Of a batch of predictions, where more at once cost hardly more.
_WITH_QUEUE = {"cuda", "xpu"}  # Devices that work on while Python prepares what comes next.
MakeOptimizer = Callable[[list[dict[str, Any]]], torch.optim.Optimizer]


class TaskModule(lightning.LightningModule):
    """Trains the network of a task on what `Task.loss` says, and validates with its metrics.

    Attributes:
        must_stop: whether this process is to stop.
        stops: how many processes were to stop when the last step began.

    Args:
        rows: the validation rows, in the order that the validation loader's examples have.
        optimizer: makes an optimizer of groups of parameters with their rate and weight decay; AdamW without it.
        clock: what the rate follows where `settings` have `minutes`.
    """

    def __init__(
        self,
        task: Task,
        settings: TrainingSettings,
        steps: int,
        rows: Sequence[Mapping[str, Any]] = (),
        optimizer: MakeOptimizer | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__()
        self._clock = clock or Clock(settings)
        self.task, self.settings, self.steps, self.rows = task, settings, steps, rows
        self.network = task.network
        self._optimizer = optimizer or partial(torch.optim.AdamW, betas=(0.9, 0.98))
        self._optimizer_name = ""  # Of a run that is resumed.
        self._layers = task.parameter_groups()
        self._random: Tensor | None = None
        self._state: Any = None  # Carried from batch to batch where the task is stateful.
        self._losses: list[tuple[Tensor, int]] = []
        self._last_norm: tuple[int, Tensor] | None = None  # Of a gradient that was not looked at yet, and its step.
        self.must_stop = False
        self.stops: Tensor | float = 0.0

    def on_train_start(self) -> None:
        self._state = _moved(self._state, self.device)
        if self._random is not None:  # A resumed run goes on with the same dropout masks.
            torch.set_rng_state(self._random)
        elif self.global_rank:  # Other rows than the first process has deserve other dropout masks.
            torch.manual_seed(self.settings.seed + self.global_rank + 1_000_003 * self.global_step)

    def on_train_batch_start(self, batch: Batch, number: int) -> None:
        if not self.settings.unfreeze_steps:
            return
        trained = 1 + self.global_step // self.settings.unfreeze_steps
        for depth, layer in enumerate(self._layers):
            for weight in layer:
                weight.requires_grad_(depth < trained)

    def on_train_end(self) -> None:
        self._check_divergence()
        self.network.requires_grad_(True)

    def training_step(self, batch: Batch, number: int) -> dict[str, Tensor]:
        step = self.task.loss(batch, self._state)
        self._state = step.state
        if self.trainer.world_size == 1:
            loss = mean = step.total / step.count
        else:
            mine = torch.tensor([float(step.count), float(self.must_stop)], device=self.device)
            mine = torch.cat([step.total.detach().float()[None], mine])
            total, count, self.stops = self.trainer.strategy.reduce(mine, reduce_op="sum")
            mean = total / count
            # Divided by the tokens of all processes, times the processes, since their gradients are averaged.
            loss = step.total * self.trainer.world_size / count
        self.log("loss", mean.detach())
        return {"loss": loss, "mean": mean.detach()}

    def configure_gradient_clipping(self, optimizer: Any, *_: Any, **__: Any) -> None:
        limit = self.settings.clip or math.inf
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), limit)
        self._check_divergence()
        self._last_norm = self.global_step, norm
        if norm.device.type not in _WITH_QUEUE:
            self._check_divergence()
        self.log("gradient_norm", norm)

    def _check_divergence(self) -> None:
        """Raise SettingsError where the last gradient was not finite.

        On a GPU that is looked at a step later, and before anything is saved or validated: to wait for a number there
        would leave it without work while the next step is prepared.
        """
        last, self._last_norm = self._last_norm, None
        if last is None or self.settings.precision == "16-mixed":  # Which scales its loss down and goes on.
            return
        step, norm = last
        if not norm.isfinite():
            raise SettingsError(
                f"training diverged at step {step}: the gradient's norm is {norm.item()}. "
                "Lower training.learning_rate, or raise training.warmup_steps"
            )

    def on_validation_start(self) -> None:
        self._check_divergence()

    def validation_step(self, batch: Batch, number: int) -> None:
        loss = self.task.loss(batch)
        self._losses.append((loss.total, loss.count))

    def on_validation_epoch_end(self) -> None:
        world, rank = self.trainer.world_size, self.trainer.global_rank
        mine = list(range(rank, len(self.rows), world))
        results = dict(zip(mine, self._predicted(mine), strict=True))
        losses, self._losses = [(float(total), count) for total, count in self._losses], []
        if world > 1:
            gathered: list[Any] = [None] * world
            torch.distributed.all_gather_object(gathered, (results, losses))
            results = {row: result for part, _ in gathered for row, result in part.items()}
            losses = [loss for _, part in gathered for loss in part]
        scores = self.task.compute_metrics([results[i] for i in range(len(self.rows))], self.rows)
        figures = {name: value for name, value in scores.items() if isinstance(value, float)}
        loss = sum(total for total, _ in losses) / max(1, sum(count for _, count in losses))
        self.log_dict({f"{VALIDATION}{name}": value for name, value in {**figures, "loss": loss}.items()})

    def _predicted(self, numbers: Sequence[int]) -> list[Any]:
        inputs, options = self.task.inputs([self.rows[i] for i in numbers])
        return self.task.predict(inputs, **options, **validation_options(self.task))

    def configure_optimizers(self) -> Any:
        groups = []
        for depth, layer in enumerate(self._layers):
            rate = self.settings.learning_rate * self.settings.layer_decay**depth
            matrices = [weight for weight in layer if weight.dim() > 1]
            vectors = [weight for weight in layer if weight.dim() <= 1]
            groups += [
                {"params": matrices, "weight_decay": self.settings.weight_decay, "lr": rate},
                {"params": vectors, "weight_decay": 0.0, "lr": rate},
            ]
        groups = [group for group in groups if group["params"]]
        optimizer = self._optimizer(groups)
        name = type(optimizer).__name__
        if self._optimizer_name not in {"", name}:
            raise SettingsError(f"this run began with {self._optimizer_name} and cannot go on with {name}")
        self._optimizer_name = name
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _rate(self, step: int) -> float:
        """Linear warm-up, then a cosine to zero (Loshchilov & Hutter 2017), as a part of the peak.

        By the clock, the fall is linear, which was best for a budget that is fixed beforehand (Li 2020).
        """
        if self.settings.minutes:
            spent = self._clock.spent
            rise = (step + 1) / max(1, self.settings.warmup_steps)
            return min(1.0, max(rise, spent / MAX_WARMUP)) * (1 - spent)
        warmup = min(self.settings.warmup_steps, self.steps // 2)
        if step < warmup:
            return (step + 1) / warmup
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, self.steps - warmup))))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._check_divergence()
        checkpoint["optimizer_name"] = self._optimizer_name
        checkpoint["model"] = json.dumps(asdict(self.task.config), default=str)
        checkpoint["random_state"] = torch.get_rng_state()
        if self.trainer.world_size == 1:
            checkpoint["carried_state"] = self._state
            return
        checkpoint["processes"] = [None] * self.trainer.world_size
        mine = (torch.get_rng_state(), _moved(self._state, torch.device("cpu")))
        torch.distributed.all_gather_object(checkpoint["processes"], mine)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._optimizer_name = checkpoint.get("optimizer_name", "")
        states = checkpoint.get("processes") or [(checkpoint["random_state"], checkpoint.get("carried_state"))]
        if len(states) == self.trainer.world_size:
            self._random, self._state = states[self.global_rank]
            return
        self._random = None if self.global_rank else states[0][0]
        if self.task.stateful and not self.global_rank:
            before, now = len(states), self.trainer.world_size
            warn(f"processes are {now} now and were {before}, so what each carries from batch to batch begins anew")


def validation_options(task: Task) -> dict[str, Any]:
    """Options of `predict` that validation uses: on a GPU larger batches, unless the task names their size."""
    larger = next(task.network.parameters()).device.type in _WITH_QUEUE and "batch_size" in task.prediction_options()
    return {**({"batch_size": ACCELERATOR_ROWS} if larger else {}), **task.validation_options}


def _moved(state: Any, device: torch.device) -> Any:
    """A state on a device: tensors, in tuples, lists, dictionaries and dataclasses."""
    if isinstance(state, Tensor):
        return state.to(device)
    if isinstance(state, tuple | list):
        parts = [_moved(part, device) for part in state]
        return type(state)(*parts) if hasattr(state, "_fields") else type(state)(parts)
    if isinstance(state, dict):
        return {name: _moved(part, device) for name, part in state.items()}
    if is_dataclass(state) and not isinstance(state, type):
        return replace(state, **{field.name: _moved(getattr(state, field.name), device) for field in fields(state)})
    return state
