"""What all recipes share: rows are read, held out and checked; a task is made, trained and reported on."""

import shlex
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch

import seqcore.errors
import seqcore.training
from seqcore.data import hold_out, row_list
from seqcore.errors import SettingsError, install_command
from seqcore.tasks.base import Task
from seqcore.training.settings import TrainingSettings

if TYPE_CHECKING:
    from seqcore.training import FitResult

TO_GO_ON = "To go on, run the same command with --resume."
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Train a model on your own data, from a checkpoint or from nothing.

    A subclass names its task, adds its options, and says how its task is made.

    Attributes:
        train: CSV, TSV, JSON lines or Parquet file, or a hub id.
        output: folder for the checkpoint; logs and resumable state go to its `training`.
        validation: data like `train`; without it, rows are held out of `train`.
        init: checkpoint to start from; without it, a new model is made.
        columns: columns of other names than the fields of a row.
        hold: rows to hold out when there is no validation data (a tenth, if that is less).
        resume: go on with an interrupted run of the same output.
        model: what a new model is. With `init`, the checkpoint says.
        training: how to train.
    """

    task: ClassVar[type[Task]]
    unit: ClassVar[str] = "rows"
    hold_divisor: ClassVar[int] = 10

    train: str
    output: str
    validation: str | None = None
    init: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    hold: int = 500
    resume: bool = False
    model: Any = None
    training: TrainingSettings = TrainingSettings()  # noqa: RUF009

    def run(self, advice: str = "seqcore predict") -> "FitResult":
        """Train, save the checkpoint, and print what was reached.

        Args:
            advice: the command that tries a checkpoint, which is added to it.

        Raises:
            DataError: data that cannot be read, or a row that lacks something.
            SettingsError: options that contradict each other, or a model that is not possible.
        """
        check_installed()
        self.check()
        rows, validation = self.read()
        torch.manual_seed(self.training.seed)  # It makes the first weights the same in every run.
        task = self.make_task(rows, validation)
        self.examine(task, rows, validation)
        rows, validation = self.prepare(task, rows, validation)
        self.announce(task, rows, validation)
        result = seqcore.training.fit(task, rows, validation, self.training, self.output, self.resume)
        if result.scores:
            self.describe(task)
        if seqcore.training.is_first_process():
            report(result, f"{advice} {shlex.quote(str(Path(self.output).expanduser()))}")
        return result

    def check(self) -> None:
        """Raise SettingsError for options that contradict each other, before anything is read."""
        for one, other in combinations(self.task.fields, 2):
            column = self.columns.get(one, one)
            if self.columns.get(other, other) == column:
                raise SettingsError(f"{one} and {other} are both the column {column!r}: name two with --columns")

    def read(self) -> tuple[Rows, Rows]:
        """Read the rows to train and to validate on, checked; without validation data, some are held out."""
        rows = self.read_rows(self.train, "train")
        if self.validation:
            return rows, self.read_rows(self.validation, "validation")
        count = max(1, min(self.hold, len(rows) // self.hold_divisor))
        classes = [self.classes(row) for row in rows]
        rest, validation, places = hold_out(rows, count, self.training.seed, classes)
        say(f"held out for validation: {row_list(rows, places, self.unit)}")
        drawn = hold_out(rows, count, self.training.seed)[2]
        if spared := sorted({*drawn}.difference(places)):
            say(f"kept in training, as the only ones of their class there: {row_list(rows, spared, self.unit)}")
        return rest, validation

    def classes(self, row: Mapping[str, Any]) -> Collection[Hashable]:
        """What a row is an example of, such as its labels: no class loses its last row to those held out."""
        return ()

    def identity(self, row: Mapping[str, Any]) -> Hashable:
        """What two rows that are the same have in common; None of a row that is not compared."""
        value = row[next(iter(self.task.fields))]
        return value.strip() if isinstance(value, str) else value if isinstance(value, bytes) else None

    def read_rows(self, source: str, split: str) -> Rows:
        """Read one source of rows."""
        return self.task.read_rows(source, self.columns, split)

    def make_task(self, rows: Rows, validation: Rows) -> Task:
        """Load the task to start from, or make a new one for these rows."""
        if self.init:
            return self.task.from_pretrained(self.init, device="cpu")
        return self.task.create(self.model, rows)

    def examine(self, task: Task, rows: Rows, validation: Rows) -> None:
        """Warn of what is odd about the data, and refuse what cannot be right of it as a whole.

        Raises:
            DataError: see `Task.examine`.
        """
        for name, part in (("training", rows), ("validation", validation)):
            for notice in task.examine(part, name):
                warn(f"{name}: {notice}")
        trained = {self.identity(row) for row in rows} - {None}
        again = [place for place, row in enumerate(validation) if trained and self.identity(row) in trained]
        if again:
            counts = f"{len(again):,} of {len(validation):,} validation {self.unit}"
            warn(f"{counts} also stand in training: {row_list(validation, again, self.unit)}")

    def prepare(self, task: Task, rows: Rows, validation: Rows) -> tuple[Rows, Rows]:
        """Bring rows into the form that this training wants, and set what the task needs for training alone."""
        return rows, validation

    def announce(self, task: Task, rows: Rows, validation: Rows) -> None:
        """Say how much there is to learn from, and how much learns."""
        trained = sum(weight.numel() for group in task.parameter_groups() for weight in group)
        whole = sum(weight.numel() for weight in task.network.parameters())
        counts = f"{len(rows):,} training and {len(validation):,} validation {self.unit}"
        say(f"{counts}, {trained:,} of {whole:,} parameters are trained")

    def describe(self, task: Task) -> None:
        """Say what the end of the training has set besides weights."""


@dataclass(frozen=True, kw_only=True)
class VocabularyRecipe(Recipe):
    """Train a model that reads or writes text.

    Attributes:
        new_tokenizer: with `init`, learn a new vocabulary, for another language or subject; embeddings of pieces that
            both have stay.
    """

    new_tokenizer: bool = False

    def check(self) -> None:
        super().check()
        if self.new_tokenizer and not self.init:
            raise SettingsError("--new-tokenizer needs --init: a new model has a new tokenizer anyway")

    def say_vocabulary(self, size: int, shared: int | None = None) -> None:
        """Say how many pieces the tokenizer has, and how many of them have the embeddings that they had."""
        whose = "old" if self.init and not self.new_tokenizer else "new"
        known = "" if shared is None else f", {shared:,} of them with the embeddings they had"
        say(f"{whose} tokenizer: {size:,} pieces{known}")


def check_installed() -> None:
    """Raise SettingsError when what trains is not installed."""
    from importlib.util import find_spec

    if find_spec("lightning") is None:
        raise SettingsError(f"training needs lightning, which is not installed: {install_command('train')}")


def say(text: str) -> None:
    """Print a line, in the first process alone."""
    if seqcore.training.is_first_process():
        print(text, flush=True)


def warn(text: str) -> None:
    """Print a warning, in the first process alone."""
    if seqcore.training.is_first_process():
        seqcore.errors.warn(text)


def report(result: "FitResult", advice: str) -> None:
    """Say what training reached and how to go on."""
    scores = ", ".join(f"{name} {value:.2f}" for name, value in result.scores.items() if isinstance(value, float))
    print(f"{'Interrupted' if result.interrupted else 'Done'} after {result.steps} steps", end="")
    if result.scores:
        weights = {0: "the last step", 1: "the single best checkpoint"}
        chosen = weights.get(result.averaged, f"the average of the best {result.averaged} checkpoints")
        print(f": validation {scores}, by {chosen}")
    else:
        print(", before the first validation: no checkpoint was written")
    if result.interrupted:
        print(TO_GO_ON if result.resumable else "Nothing was saved yet.")
    if result.scores:
        print(f"To try it: {advice}")
