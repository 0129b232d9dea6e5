"""What training costs beside the network: python -m benchmarks.training [--recipe NAME …] [--steps N] [--rows N]

Rows that a seed makes are trained on by `seqcore.fit`, on the CPU and one thread, with networks that do next to
nothing. Printed for each recipe, as a table:

- rows read: milliseconds for 1,000 rows of Parquet, texts alone
- examples: milliseconds for 1,000 rows, once
- first batches, an epoch's batches: milliseconds for 1,000 rows, once and for every further pass
- collate: milliseconds a batch, the median of the steps of `fit`; photographs are opened meanwhile
- rest of the step: the median of what passes from step to step but for that: the batch is moved, the gradient clipped,
  figures are logged, photographs and films changed at random
- validation: milliseconds a row, with a small network that does search

Besides `fit`, only `seqcore.training.fitting._examples`, loaders and `Task.read_rows` are called: the script runs on
earlier commits, too. `--rows` of another number shows what grows with the data: 1,000,000 takes some minutes.
"""

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from torch import Tensor

from benchmarks.made_up import films, photographs, reviews, sentence_pairs
from seqcore.tasks.base import Loss, Task
from seqcore.tasks.captioning import Captioner, CaptionerConfig
from seqcore.tasks.language import LanguageModel, LanguageModelConfig
from seqcore.tasks.sentiment import SentimentClassifier, SentimentConfig
from seqcore.tasks.translation import Translator, TranslatorConfig
from seqcore.tasks.video import FrameClassifier, FrameClassifierConfig
from seqcore.training import TrainingSettings, fit, stream_loader, token_budget_loader
from seqcore.training.fitting import _examples

VOCABULARY_ROWS = 2000
TEXTS = ("translation", "sentiment", "language-model")


@dataclass(frozen=True)
class Case:
    """What is trained: a task with a small network, rows for both, and the settings of its recipe."""

    task: Task
    rows: Sequence[Mapping[str, Any]]
    validation: Sequence[Mapping[str, Any]]
    settings: Mapping[str, Any]


def translation(rows: int, _: Path) -> Case:
    """Batches of 16,000 tokens, as on a GPU."""
    pairs = list(sentence_pairs(rows + 200, 1))
    small = TranslatorConfig(
        vocab_size=4000, embedding_size=16, encoder_hidden_size=16, decoder_hidden_size=32, max_target_length=30
    )
    task = Translator.create(small, pairs[:VOCABULARY_ROWS])
    return Case(task, pairs[200:], pairs[:200], {"batch_tokens": 16_000})


def sentiment(rows: int, _: Path) -> Case:
    """Batches as in classify.yaml."""
    texts = list(reviews(rows + 200, 2))
    small = SentimentConfig(vocab_size=4000, embedding_size=16, hidden_size=16)
    task = SentimentClassifier.create(small, texts[:VOCABULARY_ROWS])
    return Case(task, texts[200:], texts[:200], {"batch_tokens": 16_000, "batch_rows": 128})


def language_model(rows: int, _: Path) -> Case:
    """Streams as in language-model.yaml."""
    texts = [{"text": row["text"]} for row in reviews(rows + 200, 2)]
    small = LanguageModelConfig(vocab_size=4000, embedding_size=16, hidden_size=16, num_layers=1)
    task = LanguageModel.create(small, texts[:VOCABULARY_ROWS])
    return Case(task, texts[200:], texts[:200], {"batch_tokens": 4480, "bptt": 70})


def captioning(rows: int, folder: Path) -> Case:
    """Photographs that are opened and changed for every batch, as in images.yaml."""
    images = list(photographs(rows + 32, 3, folder))
    small = CaptionerConfig(
        "mobilenetv3_small_050", 224, vocab_size=1000, embedding_size=16, memory_size=16, hidden_size=16, num_layers=1
    )
    task = Captioner.create(small, images)
    task.augments = True
    return Case(task, images[32:], images[:32], {"batch_tokens": 8000, "batch_rows": 32})


def video(rows: int, _: Path) -> Case:
    """Films of 75 small frames that are changed for every batch, as in lipreading.yaml."""
    clips = list(films(rows + 16, 4, 75, 64, 108))
    small = FrameClassifierConfig(
        labels=("one", "two"), height=56, width=100, margin=4, widths=(4, 4), frame_size=8, hidden_size=8, num_layers=1
    )
    task = FrameClassifier.create(small, [], None)
    task.flips = task.time_mask = True
    return Case(task, clips[16:], clips[:16], {"batch_tokens": 750})


CASES: Mapping[str, tuple[Callable[[int, Path], Case], int]] = {
    "translation": (translation, 40_000),
    "sentiment": (sentiment, 4000),
    "language-model": (language_model, 4000),
    "captioning": (captioning, 160),
    "video": (video, 100),
}


class Stopwatch(lightning.Callback):
    """Seconds of each collate, of the rest of each step of training, and of each validation."""

    def __init__(self, task: Task) -> None:
        self.collated: list[float] = []
        self.steps: list[float] = []
        self.validations: list[float] = []
        self._last = self._began = self._collating = 0.0
        self._collate = task.collate
        task.collate = self._timed  # type: ignore[method-assign]

    def _timed(self, examples: Sequence[Any]) -> Any:
        began = time.perf_counter()
        batch = self._collate(examples)
        self._collating += time.perf_counter() - began
        return batch

    def on_train_batch_end(self, *_: Any) -> None:
        now = time.perf_counter()
        if self._last:
            self.collated.append(self._collating)
            self.steps.append(now - self._last - self._collating)
        self._last, self._collating = now, 0.0

    def on_validation_start(self, *_: Any) -> None:
        self._began = time.perf_counter()

    def on_validation_end(self, *_: Any) -> None:
        self.validations.append(time.perf_counter() - self._began)
        self._last = 0.0  # The next step begins after a pause.


def without_network(task: Task) -> None:
    """Let the network's training pass give one of its own weights, as a loss or as logits; what searches stays."""
    weight = min(task.network.parameters(), key=Tensor.numel)
    weight.requires_grad_(True)

    def forward(given: Any, *_: Any) -> Any:
        if isinstance(task, FrameClassifier):
            return weight.sum() + torch.zeros(*given.shape[:2], len(task.config.labels))
        state = given["reset"] if isinstance(task, LanguageModel) and "reset" in given else None
        return Loss(weight.sum(), 1, state)

    task.network.forward = forward  # type: ignore[method-assign]
    if isinstance(task, Captioner):
        width = task.network.encoder.output_size

        def coarse(images: Tensor) -> Tensor:
            return images[:, :1, 0, :1].float().repeat(1, 49, width)

        task.network.encoder.forward = coarse  # type: ignore[method-assign]


@contextmanager
def seconds(into: dict[str, float], name: str, per: float) -> Iterator[None]:
    """Measure what is done inside, in milliseconds for each of so many."""
    began = time.perf_counter()
    yield
    into[name] = 1000 * (time.perf_counter() - began) / per


def measure(case: Case, steps: int, folder: Path, is_text: bool) -> dict[str, float]:
    """Milliseconds by what they were spent on."""
    figures: dict[str, float] = {}
    task, rows = case.task, case.rows
    if is_text:
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), folder / "rows.parquet")
        with seconds(figures, "rows read", len(rows) / 1000):
            task.read_rows(str(folder / "rows.parquet"))
    with seconds(figures, "examples", len(rows) / 1000):
        examples = _examples(task, rows, "training", 1)
    settings = TrainingSettings(
        **case.settings, epochs=2, epoch_steps=steps, precision="32-true", seed=1, threads=1, accelerator="cpu",
        progress=False, save_every=10_000,
    )  # fmt: skip
    with seconds(figures, "first batches", len(rows) / 1000):
        if task.stateful:
            loader = stream_loader(task, examples, settings.batch_tokens, settings.bptt, 1)
        else:
            loader = token_budget_loader(task, examples, settings.batch_tokens, 1, batch_rows=settings.batch_rows)
        loader.batch_sampler.batch(0)
    with seconds(figures, "an epoch's batches", len(rows) / 1000):
        loader.batch_sampler.batch(len(loader))
    watch = Stopwatch(task)
    without_network(task)
    fit(task, rows, case.validation, settings, folder / "output", callbacks=[watch])
    figures["collate, a batch"] = 1000 * statistics.median(watch.collated)
    figures["rest of the step"] = 1000 * statistics.median(watch.steps)
    figures["validation, a row"] = 1000 * min(watch.validations) / len(case.validation)
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--steps", type=int, default=60, help="of an epoch; there are two")
    parser.add_argument("--rows", type=int, help="to train on")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table: dict[str, dict[str, float]] = {}
    for name in options.recipe:
        make, count = CASES[name]
        with tempfile.TemporaryDirectory() as folder:
            case = make(options.rows or count, Path(folder))
            table[name] = measure(case, options.steps, Path(folder), name in TEXTS)
    lines = dict.fromkeys(itertools.chain.from_iterable(table.values()))
    print(f"| ms | {' | '.join(table)} |\n|---|{'--:|' * len(table)}")
    for line in lines:
        cells = (f"{figures[line]:,.2f}" if line in figures else "" for figures in table.values())
        print(f"| {line} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
