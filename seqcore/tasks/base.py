"""What every task is: a configuration, a network and their verbs, in one object and one folder."""

import inspect
import random
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import Tensor, nn
from typing_extensions import Self

from seqcore.data import read_rows
from seqcore.deprecation import Renamed
from seqcore.tasks.pretrained import Pretrained
from seqcore.tasks.registry import register

Batch = Mapping[str, Tensor]
Example = Mapping[str, Any]


@dataclass(frozen=True)
class Loss:
    """A loss summed over what it counts, such as target tokens, and their number, so that processes can add both.

    Attributes:
        total: the sum, (), with its graph.
        count: how many were summed over.
        state: what a stateful task carries on to the next batch, detached.
    """

    total: Tensor
    count: int
    state: Any = None
    counted = Renamed("count")


class Task(Pretrained):
    """A model that users call on raw input, its configuration and its files, in one object and one folder.

    A subclass that has a `name` is known from then on: `seqcore.load` finds it by what `config.json` calls its task.
    Training sees `example` (by way of `examples`), `lengths`, `collate`, `loss` and `parameter_groups`; validation sees
    `inputs`, `predict` and `compute_metrics`; at the end come `evaluate` and `finish_training`.

    Attributes:
        name: what `config.json` calls the task.
        Config: its frozen dataclass of settings.
        fields: the columns of a row, and their types (`str`, `int`, `float`, `list`, `dict` or `object`, which is any);
            the first is what the task answers.
        optional: columns that a row may have besides.
        monitor: the metric that chooses among checkpoints, and whether more of it is better (`max`) or less (`min`).
        validation_options: options of `predict` that validation during training uses, for speed.
        stateful: trained by truncated BPTT on all examples one after the other (Williams & Peng 1990), without a mark
            where one ends: `loss` is given the state that the batch before has left. `collate` makes batches of
            validation alone; those of training are chunks of `training.bptt` + 1 steps of the `stream_fields`,
            (streams, bptt + 1, …), the first of which is the last of the chunk before, so that what comes next can be
            learned, and `reset` (streams,), true where a stream begins and the state counts for nothing.
        stream_fields: of a stateful task, the fields of an example that run along time, their first dimension, and
            are cut into chunks.
        state_types: of a stateful task, the types that its state is made of besides tensors, tuples and those of
            `seqcore.nn`: a run is resumed only with types that are named here.
        rewrites: an answer is a text that can stand in the input's place, such as a translation: `seqcore predict`
            keeps the structure of subtitles and Markdown then.
        bfloat16_pays: kinds of device, such as `cpu`, on which batches were measured to be answered faster in bfloat16
            and about as well (`python -m benchmarks.dtypes`): what a `dtype` of `auto` goes by.
        input_kind: what `seqcore predict` reads for it: lines of text, or files, which `files` finds.
        config: the settings of this model.
        network: its weights.
    """

    fields: ClassVar[Mapping[str, type]]
    optional: ClassVar[Mapping[str, type]] = {}
    monitor: ClassVar[tuple[str, Literal["max", "min"]]]
    validation_options: ClassVar[Mapping[str, Any]] = {}
    stateful: ClassVar[bool] = False
    stream_fields: ClassVar[tuple[str, ...]] = ("tokens",)
    state_types: ClassVar[tuple[type, ...]] = ()
    input_kind: ClassVar[Literal["text", "file"]] = "text"
    rewrites: ClassVar[bool] = False

    selection = Renamed("monitor", lambda monitor: monitor[0])
    reads_streams = Renamed("stateful")
    reads_files = Renamed("input_kind", lambda kind: kind == "file")
    line, record, scores = Renamed("to_text"), Renamed("to_dict"), Renamed("compute_metrics")

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "example" in vars(cls) and "examples" not in vars(cls):  # Those of a parent would be another's.
            cls.examples = Task.examples  # type: ignore[method-assign]
        if "name" in vars(cls) and not inspect.isabstract(cls):
            register(cls)

    def parameter_groups(self) -> list[list[nn.Parameter]]:
        """All parameters, in groups from the output down to the input: for rates that differ and gradual unfreezing."""
        return [list(self.network.parameters())]

    @classmethod
    def create(cls, config: Any, rows: Sequence[Mapping[str, Any]]) -> Self:
        """Make an untrained task for rows of training data, from which it takes such as a vocabulary or labels.

        Raises:
            DataError: the rows do not hold what it needs.
        """
        return cls(config)

    def finish_training(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Set what a trained network still needs by validation rows, such as a temperature; by default nothing."""

    @classmethod
    def read_rows(
        cls, source: str, columns: Mapping[str, str] | None = None, split: str = "train"
    ) -> Sequence[Mapping[str, Any]]:
        """Rows of a data set, checked: see `seqcore.data.read_rows`."""
        return read_rows(source, cls.fields, columns, split, cls.optional)

    def rows_to_score(
        self, source: str, columns: Mapping[str, str], split: str, options: Mapping[str, Any]
    ) -> Sequence[Mapping[str, Any]]:
        """Rows of a data set for `evaluate`, as `seqcore evaluate` reads them.

        Args:
            options: those of `evaluate`, which may say what the rows do not.
        """
        return self.read_rows(source, columns, split)

    def examine(self, rows: Sequence[Mapping[str, Any]], name: str = "the data") -> list[str]:
        """Look at the rows of a data set as a whole, before any work: what its user should know, as sentences.

        Args:
            name: what the rows are, for messages, such as `training`.

        Raises:
            DataError: what each row has may be right, but not all of it together; the message names a row.
        """
        return []

    def files(self, names: Sequence[str]) -> list[str]:
        """The files that are meant by names of files and folders, for a task whose `input_kind` is `file`.

        Raises:
            InputError: a folder holds none, or no name was given.
        """
        raise NotImplementedError

    @abstractmethod
    def example(self, row: Mapping[str, Any]) -> Example:
        """Turn a row of data into numbers.

        Raises:
            InputError: the row holds what the task cannot learn from.
        """

    def examples(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Example]:
        """Turn many rows into numbers, in their order; by default one after the other, as `example` does.

        A `TextTask` that does it in another way is asked by several processes, each for a part of the rows.

        Raises:
            InputError: where the example of a row would come that the task cannot learn from, after those before it.
        """
        return map(self.example, rows)

    @property
    def varies(self) -> bool:
        """Whether examples are changed at random each time that they are trained on: see `vary`."""
        return False

    def vary(self, example: Example, draw: random.Random) -> Example:
        """Change an example of the training, in the process that makes its batch.

        Args:
            draw: where all random numbers come from; it is another one each time, and the same one whatever makes the
                batch, so that a run is reproducible.
        """
        return example

    def opens_files(self, examples: Sequence[Example]) -> bool:
        """Whether `vary` or `collate` open files, or make films: work for processes beside the one that trains."""
        return False

    def lengths(self, example: Example) -> Sequence[int]:
        """How long an example is, for the token budget: source first. By default that is its first field's length."""
        return (len(next(iter(example.values()))),)

    @abstractmethod
    def collate(self, examples: Sequence[Example]) -> Batch:
        """Pad examples into one batch, on the CPU."""

    @abstractmethod
    def loss(self, batch: Batch, state: Any = None) -> Loss:
        """The training objective; in evaluation mode, what is comparable between runs."""

    def inputs(self, rows: Sequence[Mapping[str, Any]]) -> tuple[list[Any], dict[str, list[Any]]]:
        """Rows of data → what `predict` takes of them: inputs, and options that each row has its own value for."""
        field = next(iter(self.fields))
        return [row[field] for row in rows], {}

    def evaluate(self, rows: Sequence[Mapping[str, Any]], **options: Any) -> dict[str, Any]:
        """Predict rows of data and give the metrics; options are those of `predict`.

        Raises:
            DataError: see `examine`.
        """
        self.examine(rows)
        inputs, of_rows = self.inputs(rows)
        return self.compute_metrics(self.predict(inputs, **{**of_rows, **options}), rows)

    @abstractmethod
    def to_text(self, result: Any) -> str:
        """A result as one line of text, as `seqcore predict` prints it."""

    @abstractmethod
    def to_dict(self, result: Any) -> dict[str, Any]:
        """A result as what JSON can hold."""

    @property
    def answer_columns(self) -> Mapping[str, type]:
        """Names and types of the columns that `to_cells` fills in a table: `str`, `int`, `float` or `bool`."""
        return {"answer": str}

    def to_cells(self, result: Any) -> list[str | int | float | bool]:
        """A result as cells of a table, one for each of `answer_columns`; by default what `to_text` says."""
        return [self.to_text(result)]

    def document_options(self, text: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """Options of `predict` for all texts of a document, of one that `rewrites`: such as its language.

        Args:
            text: what is to be read of it.
            options: what was chosen.
        """
        return options

    def remark(self, result: Any) -> str:
        """What is to be known of a result beside it, in a clause about its input, such as that it is cut short."""
        return ""

    @abstractmethod
    def compute_metrics(self, predictions: Sequence[Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """How good predictions are; each name and definition is in `seqcore.metrics`. Figures are floats."""
