"""What lets a run be stopped at any moment and go on as if it had not been."""

import csv
import dataclasses
import io
import json
import os
import re
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO, Any

import torch
from lightning.pytorch import LightningModule, Trainer, callbacks, loggers
from lightning.pytorch.plugins.io import TorchCheckpointIO
from lightning.pytorch.utilities import rank_zero_only
from typing_extensions import override

from seqcore.errors import SettingsError
from seqcore.nn.state import DecoderState, LSTMState, Memory
from seqcore.tasks.base import Task
from seqcore.training.clock import Clock
from seqcore.training.loaders import ResumableDataLoader
from seqcore.training.settings import TrainingSettings
from seqcore.training.stopping import completed
from seqcore.validation import shown

LOG_EVERY = 20
CSV = "csv"  # The folder of the log, which the first process makes.


def read_state(path: Path, types: Collection[type]) -> dict[str, Any]:
    """A state of training, on the CPU.

    It holds tensors, numbers, texts and the state that a stream carries on, of types of `seqcore.nn` or those that are
    named. A file with anything else is refused, for it could run something.
    """
    with torch.serialization.safe_globals([LSTMState, Memory, DecoderState, *types]):
        return dict(torch.load(path, map_location="cpu", weights_only=True))


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a file beside its place and renames it, so that a file of that name is always whole.

    Lightning's own way leads through the system's folder for temporary files, which may be on another disk: then the
    file is copied into its place, and a run that is killed meanwhile has nothing to go on from.

    Args:
        types: what it reads besides what every state of training holds.
    """

    def __init__(self, types: Collection[type] = ()) -> None:
        super().__init__()
        self.types = types

    @override
    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.part")
        try:
            with completed():
                with fresh.open("wb") as file:
                    _save(checkpoint, file)
                    file.flush()
                    os.fsync(file.fileno())
                fresh.replace(path)
        except BaseException:
            fresh.unlink(missing_ok=True)  # On a full disk, it is in the way of everything else.
            raise

    @override
    def load_checkpoint(self, path: Any, *_: Any, **__: Any) -> dict[str, Any]:
        return read_state(path, self.types)


class BestCheckpoints(callbacks.ModelCheckpoint):
    """Lightning's, which forgets a checkpoint before it writes the better one: no signal comes between the two."""

    @property
    @override
    def state_key(self) -> str:
        """What states of training have called it since version 0.1.0."""
        return super().state_key.replace(type(self).__qualname__, callbacks.ModelCheckpoint.__qualname__, 1)

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        with completed():
            super().on_validation_end(trainer, pl_module)

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        with completed():
            super().on_train_epoch_end(trainer, pl_module)


class LastCheckpoint(callbacks.Checkpoint):
    """Saves all that a run needs to go on: every so many steps or minutes, after the first validation, and at the end.

    Not between a step and a validation that follows it: a run that goes on from there would leave out that validation,
    and with it what early stopping and the choice of the best checkpoints need.

    Args:
        clock: says when a validation follows, and what time it is.
        settings: how often, and the patience of `stop` from here on: a resumed run may have been given another one.
        loader: of the training data. Lightning restores its position within an epoch, but not at the end of one.
    """

    def __init__(
        self,
        path: Path,
        settings: TrainingSettings,
        loader: ResumableDataLoader,
        best: callbacks.ModelCheckpoint,
        stop: callbacks.EarlyStopping,
        clock: Clock,
    ) -> None:
        self.path, self.settings, self.loader, self.best, self.stop = path, settings, loader, best, stop
        self.clock = clock
        self._saved: float | None = None  # When, by the clock.

    @property
    @override
    def state_key(self) -> str:
        """What states of training have called it since version 0.1.0."""
        return "LastState"

    @override
    def state_dict(self) -> dict[str, Any]:
        return self.loader.state_dict()

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.loader.load_state_dict(state_dict)
        self._saved = self.clock.seconds

    @override
    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.is_last_batch:  # What is done at an epoch's end comes after its validation.
            return
        if self.clock.validates:
            is_due = self._saved is None  # So that what is validated can go on in any case.
        elif self.settings.save_every:
            is_due = trainer.global_step % self.settings.save_every == 0
        else:
            is_due = self._is_time()
        if is_due:
            self.save(trainer)

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.loader.batch_sampler.cut_epoch()  # Where a run ends in the midst of it and is given more.
        if self.settings.save_every or self._saved is None or self._is_time() or self.clock.is_ending(trainer):
            self.save(trainer)

    @override
    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Find the best checkpoints again where the run's folder is now; it may have been moved."""
        state = checkpoint["callbacks"].get(self.best.state_key)
        if state is not None:
            moved = {name: str(self.path.with_name(Path(name).name)) for name in state["best_k_models"]}
            state["best_k_models"] = {moved[name]: score for name, score in state["best_k_models"].items()}
            state["dirpath"] = self.best.dirpath
            for key in ("best_model_path", "kth_best_model_path"):
                state[key] = moved.get(state[key], "")

    @override
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.stop.patience = self.settings.patience
        if self.stop.wait_count >= self.stop.patience:  # It had stopped early: there is nothing to go on with.
            trainer.should_stop = True

    def _is_time(self) -> bool:
        return self.clock.seconds - (self._saved or 0) >= 60 * self.settings.save_minutes

    def save(self, trainer: Trainer) -> None:
        """Save the state, in all processes at once."""
        for logger in trainer.loggers:
            logger.save()  # So that no row before this step is lost.
        trainer.save_checkpoint(self.path)
        self._saved = self.clock.seconds


def _save(checkpoint: dict[str, Any], file: IO[bytes]) -> None:
    try:
        torch.save(checkpoint, file)
    except RuntimeError as error:
        # Stopped in the middle, torch still closes its archive, and that it is incomplete hides why.
        if isinstance(error.__context__, KeyboardInterrupt | OSError):
            raise error.__context__ from None
        raise


def saved_step(last: Path, task: Task) -> int:
    """The step that an earlier run was saved at.

    Raises:
        SettingsError: its state cannot be read, or it trained another model.
    """
    try:
        state = read_state(last, task.state_types)
        step, weights = int(state["global_step"]), state["state_dict"]
    except Exception as error:  # Whatever torch and pickle raise for a damaged file.
        unknown = re.search(r"GLOBAL (\S+) was not", str(error))
        reason = f" or not of this task: {unknown[1]} is not among its state_types" if unknown else ""
        raise SettingsError(f"{last} is damaged{reason}. That run cannot be resumed: name another output") from error
    now = {f"network.{name}": weight.shape for name, weight in task.network.state_dict().items()}
    changes = _changed_settings(state, task)
    # Other settings, such as dropout, may change; the labels say what the network's answers mean.
    if now != {name: weight.shape for name, weight in weights.items()} or "labels" in changes:
        raise SettingsError(
            f"{last.parent} holds a run of another model{''.join(changes.values())}: resume it with the data and the "
            "model settings it began with"
        )
    return step


def _changed_settings(state: Mapping[str, Any], task: Task) -> dict[str, str]:
    """Of each setting of the model that has changed since a run began, what to say of it."""
    before = json.loads(state.get("model", "{}"))  # Version 0.1.0 did not write it.
    now = json.loads(json.dumps(dataclasses.asdict(task.config), default=str))
    changed = {name: value for name, value in before.items() if name in now and now[name] != value}
    return {
        name: f", whose {name} changed from {shown(value)} to {shown(now[name])}" for name, value in changed.items()
    }


def csv_log(folder: Path, step: int | None) -> loggers.CSVLogger:
    """`folder/csv/metrics.csv`, continued where it holds an earlier run's rows up to `step`."""
    logger = loggers.CSVLogger(folder, name="", version=CSV, flush_logs_every_n_steps=LOG_EVERY)
    file = folder / CSV / "metrics.csv"
    if getattr(rank_zero_only, "rank", 0) == 0:
        earlier = file.read_text(encoding="utf-8") if step is not None and file.is_file() else ""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*exists and is not empty")
            experiment = logger.experiment  # This deletes the file.
        rows = [row for row in csv.DictReader(io.StringIO(earlier)) if _before(row, step)]
        if rows:
            experiment.metrics_keys = list(rows[0])
            with file.open("w", encoding="utf-8", newline="") as log:
                writer = csv.DictWriter(log, experiment.metrics_keys)
                writer.writeheader()
                writer.writerows(rows)
    return logger


def _before(row: Mapping[str, str], step: int | None) -> bool:
    return step is not None and row.get("step", "").isdigit() and int(row["step"]) < step
