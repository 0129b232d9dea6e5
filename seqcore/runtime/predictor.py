"""A checkpoint as a function of columns, for the engines that carry data over processes and machines."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from seqcore.errors import InputError, SettingsError, did_you_mean, warn
from seqcore.tasks.base import Task
from seqcore.tasks.columns import answer_columns, answers_to_columns, input_columns, new_name
from seqcore.tasks.loading import load
from seqcore.validation import check_int

_PANDAS_TYPES = {str: "string", int: "Int64", float: "Float64", bool: "boolean"}


class Predictor:
    """Answers batches of columns with further columns: what came, what `Task.answer_columns` names, and `error`.

    It is pickled as the name of its checkpoint, which each process loads once, when the first batch comes. A row that
    cannot be answered has a sentence as its `error` and nothing in the other columns, and the job goes on; the `error`
    of all others is empty. A column whose name is taken is called `predicted_…`.

    A batch is a mapping from names to lists or arrays, a pandas `DataFrame`, or a pyarrow `Table` or `RecordBatch`; a
    mapping is answered by a dictionary, the others by their kind, with the same types in every batch. A task that reads
    files takes columns of paths, of what files hold, or of both (`{"bytes": …, "path": …}`), and images of arrays too.

    Args:
        checkpoint: a folder, which every machine has at the same place, or a hub id.
        columns: for fields of the task the names of their columns; what the task answers is else in the column of the
            field's name, or in the only one.
        device: where each process computes; `auto` is the first accelerator, or else the CPU.
        threads: of the CPU, while a batch is answered; engines run one process a core, so 1. 0 leaves torch's choice.
        options: of `predict`, such as `source="en"`, the same for every row.

    Raises:
        SettingsError: with the first batch: there is no such option or column, or what came is no batch.
        InputError: `threads` is no such number; with the first batch, an option is wrong for every row.

    Example:
        Ray Data, an actor a core; `examples/distributed.py` is the whole of it:

            dataset.map_batches(
                Predictor, fn_constructor_kwargs={"checkpoint": folder, "source": "en", "target": "de"},
                compute=ray.data.ActorPoolStrategy(size=16), num_cpus=1, batch_size=512, batch_format="pyarrow",
            )

        Hugging Face datasets, Dask and Spark:

            dataset.map(Predictor(folder), batched=True, batch_size=512, num_proc=16)
            frame.map_partitions(Predictor(folder), meta=Predictor(folder)(frame.head(0)))
            predictor = Predictor(folder)
            frame.mapInPandas(lambda batches: map(predictor, batches), "text string, label string, …, error string")

        >>> predictor = Predictor("checkpoints/sentiment", {"text": "review"})
        >>> predictor({"review": ["I would gladly see it again."]})["label"]
        ['positive']
    """

    def __init__(
        self,
        checkpoint: str | Path,
        columns: Mapping[str, str] | None = None,
        *,
        device: str = "auto",
        threads: int = 1,
        **options: Any,
    ) -> None:
        check_int("threads", threads, 0)
        # A process of an engine may work in another folder.
        self.checkpoint = str(Path(checkpoint).absolute() if Path(checkpoint).is_dir() else checkpoint)
        self.columns, self.device, self.threads, self.options = dict(columns or {}), device, threads, options
        self._task: Task | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_task": None}

    @property
    def task(self) -> Task:
        """The task, which is loaded when it is first wanted."""
        if self._task is None:
            self._task = _loaded(self.checkpoint, self.device, _stamp(self.checkpoint))
        return self._task

    def __call__(self, batch: Any) -> Any:
        """Answer a batch: see the class."""
        names = _names(batch)
        columns = self._columns(names)
        added = answer_columns(self.task, names)
        error = new_name("error", [*names, *added])
        cells: dict[str, list[Any]] = {name: [] for name in (*added, error)}
        reading = copy(batch)  # Hugging Face's remember that a column was decoded, and would encode it again.
        values = {column: _values(reading, column) for column in columns.values()}
        with _threads(self.threads):
            for place, result in enumerate(answers_to_columns(self.task, values, columns, self.options)):
                if isinstance(result, InputError):
                    row: list[Any] = [*[None] * len(added), result.message]
                else:
                    row = [*self.task.to_cells(result), ""]
                    self._remark(result, next(iter(values.values()))[place])
                for column, cell in zip(cells.values(), row, strict=True):
                    column.append(cell)
        return _with_columns(batch, cells, {**added, error: str})

    def _columns(self, names: Sequence[str]) -> dict[str, str]:
        known = self.task.prediction_options()
        for option in self.options:
            if option not in known:
                advice = did_you_mean(option, known) or f"; it knows {', '.join(known)}"
                raise SettingsError(f"{self.task.name} has no option {option!r}{advice}")
        columns = input_columns(self.task, self.columns, names)
        for field, column in columns.items():
            if field not in {**self.task.fields, **self.task.optional}:
                raise SettingsError(f"{self.task.name} reads no {field!r}: {', '.join(self.task.fields)}")
            if column not in names:
                advice = f"name the one that holds the {field}: columns={{{field!r}: …}}"
                raise SettingsError(f"there is no column {column!r}, but {', '.join(names)}: {advice}")
        return columns

    def _remark(self, result: Any, source: Any) -> None:
        if remark := self.task.remark(result):
            warn(f"{source if isinstance(source, str) else f'one {next(iter(self.task.fields))}'} {remark}")


@lru_cache(maxsize=1)
def _loaded(checkpoint: str, device: str, stamp: tuple[Any, ...]) -> Task:
    """The task of a checkpoint. Dask and Spark pickle a function anew for every part of the data."""
    return load(checkpoint, device=device)


def _stamp(checkpoint: str) -> tuple[Any, ...]:
    """What tells a folder from what it was before it was written anew."""
    folder = Path(checkpoint)
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let torch use so many threads inside; a process may do other things than answer."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _is_arrow(batch: Any) -> bool:
    return type(batch).__module__.partition(".")[0] == "pyarrow" and hasattr(batch, "column_names")


def _is_pandas(batch: Any) -> bool:
    return hasattr(batch, "assign") and hasattr(batch, "columns")


def _names(batch: Any) -> list[str]:
    if isinstance(batch, Mapping):
        return [*batch]
    if _is_arrow(batch):
        return [*batch.schema.names]
    if _is_pandas(batch):
        return [*batch.columns]
    kind = type(batch).__name__
    raise SettingsError(f"a batch is a mapping of columns, a pandas DataFrame or a pyarrow Table, not {kind}")


def _values(batch: Any, column: str) -> Sequence[Any]:
    """The values of a column as Python has them, None where there is none."""
    values = batch[column]
    if _is_arrow(batch):
        return values.to_pylist()  # type: ignore[no-any-return]
    if _is_pandas(batch):
        return values.astype(object).where(values.notna(), None).tolist()  # type: ignore[no-any-return]
    # An array of arrays, such as images, stays one of arrays.
    return values.tolist() if getattr(values, "ndim", 0) == 1 else list(values)


def _with_columns(batch: Any, cells: Mapping[str, list[Any]], types: Mapping[str, type]) -> Any:
    """What came and further columns, whose types do not depend on what stands in them."""
    if isinstance(batch, Mapping):
        return batch | cells if hasattr(batch, "__or__") else {**batch, **cells}
    if _is_pandas(batch):
        import pandas

        return batch.assign(
            **{name: pandas.array(values, dtype=_PANDAS_TYPES[types[name]]) for name, values in cells.items()}
        )
    import pyarrow

    arrow = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64(), bool: pyarrow.bool_()}
    for name, values in cells.items():
        batch = batch.append_column(name, pyarrow.array(values, arrow[types[name]]))
    return batch
