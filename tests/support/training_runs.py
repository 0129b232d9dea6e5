"""Runs of the fine-tuning command line in processes of their own, which start in milliseconds and can be killed."""

import contextlib
import csv
import importlib
import io
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import tqdm  # type: ignore[import-untyped]
from safetensors.torch import load_file

# A server that has imported everything once, and has computed nothing, forks a clean process for every run.
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(
    [f"apps.{app}.finetune" for app in ("translator", "sentiment", "captioner")]
    + ["seqcore.training.fitting", "timm", "sacrebleu", "pyarrow.parquet"]
)

TRANSLATOR = "apps.translator.finetune"
WORDS = {
    "a": "ein", "the": "der", "dog": "Hund", "cat": "Kater", "bird": "Vogel", "child": "Junge", "old": "alte",
    "small": "kleine", "red": "rote", "runs": "rennt", "sleeps": "schläft", "sings": "singt", "eats": "isst",
    "here": "hier", "now": "jetzt", "often": "oft", "and": "und", "sees": "sieht", "green": "grüne", "tree": "Baum",
}  # fmt: skip
TINY = {
    "model.vocab_size": 400,
    "model.embedding_size": 16,
    "model.encoder_hidden_size": 10,
    "model.decoder_hidden_size": 16,
    "model.dropout": 0.2,
    "training.batch_tokens": 150,
    "training.precision": "32-true",
    "training.accelerator": "cpu",
    "training.threads": 1,
    "training.learning_rate": 0.01,
    "training.warmup_steps": 5,
    "training.epochs": 3,
    "training.average": 2,
    "training.save_every": 4,
    "training.progress": "false",
}


def made_up_rows(count: int, seed: int = 0) -> list[dict[str, str]]:
    """Sentences that are translated word by word, all different."""
    chance = random.Random(seed)
    rows: dict[str, str] = {}
    while len(rows) < count:
        words = chance.choices(list(WORDS), k=chance.randint(2, 9))
        rows[" ".join(words)] = " ".join(WORDS[word] for word in words)
    return [{"source": source, "target": target} for source, target in rows.items()]


def write_csv(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    written = io.StringIO(newline="")
    writer = csv.DictWriter(written, list(rows[0]))
    writer.writeheader()
    # The csv module of Python 3.10 does not write NUL.
    writer.writerows({name: text.replace("\0", "\ue000") for name, text in row.items()} for row in rows)
    path.write_text(written.getvalue().replace("\ue000", "\0"), encoding="utf-8", newline="")
    return path


def command_line(train: Path, output: Path, *flags: str, **settings: Any) -> list[str]:
    """Arguments for `python -m apps.translator.finetune`; `training__epochs=2` stands for --training.epochs 2."""
    chosen = TINY | {name.replace("__", "."): value for name, value in settings.items()}
    named = [part for name, value in chosen.items() for part in (f"--{name}", str(value))]
    return ["--train", str(train), "--output", str(output), *named, *flags]


@dataclass
class Run:
    """A run that is over."""

    output: Path
    status: int
    said: str

    def state(self) -> dict[str, Any]:
        """What the run would go on from."""
        return dict(torch.load(self.output / "training" / "last.ckpt", weights_only=False))

    def log(self) -> list[dict[str, str]]:
        """The rows of its CSV log."""
        with (self.output / "training" / "csv" / "metrics.csv").open(encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def weights(self) -> dict[str, torch.Tensor]:
        """Of the checkpoint that it made."""
        return load_file(self.output / "model.safetensors")

    def last_line(self) -> str:
        return self.said.strip().splitlines()[-1]


def start(
    arguments: Sequence[str],
    said: Path,
    before: Callable[[], None] | None = None,
    script: str = TRANSLATOR,
    **environment: str,
) -> Any:
    """Start a run and return its process. `before` is called in it first."""
    process = FORKED.Process(target=_finetune, args=(list(arguments), str(said), before, script, environment))
    process.start()
    return process


def finish(
    arguments: Sequence[str],
    before: Callable[[], None] | None = None,
    said: Path | None = None,
    timeout: float = 60,
    script: str = TRANSLATOR,
    **environment: Any,
) -> Run:
    """Start a run and wait for its end. What it says goes to the file `said`, by default beside its output."""
    output = Path(arguments[list(arguments).index("--output") + 1])
    said = said or output.with_name(f"{output.name}.said")
    process = start(arguments, said, before, script, **environment)
    process.join(timeout)
    alive = process.is_alive()
    process.kill()
    process.join()
    assert not alive, said.read_text()
    return Run(output, process.exitcode, said.read_text())


def finish_both(
    arguments: Sequence[str], port: int, before: Callable[[], None] | None = None, environment: Mapping[str, str] = {}
) -> tuple[Run, Run]:
    """Two processes that train together, as a launcher starts them: the first and the second one."""
    common: dict[str, Any] = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "NODE_RANK": "0",
        "WORLD_SIZE": "2",
        **environment,
    }
    output = Path(arguments[list(arguments).index("--output") + 1])
    said = output.with_name(f"{output.name}.second")
    second = start(arguments, said, before, LOCAL_RANK="1", **common)
    with killed_at_the_end(second):
        first = finish(arguments, before, LOCAL_RANK="0", **common)
        second.join(20)
    return first, Run(output, second.exitcode, said.read_text())


def log_every_step() -> None:
    """Let the log have every step; given to a run as `before`."""
    patch("seqcore.training.trainer.LOG_EVERY", 1).start()


def refused(arguments: Sequence[str], said: Path | None = None, script: str = TRANSLATOR, **environment: Any) -> str:
    """What the command line says when it refuses, in one line and before it trains."""
    run = finish(arguments, said=said, script=script, **environment)
    assert run.status == 1, run.said
    assert "Traceback" not in run.said
    assert "loss" not in run.said
    assert run.last_line().startswith("error: ")
    return run.last_line()


def _finetune(
    arguments: list[str],
    said: str,
    before: Callable[[], None] | None,
    script: str,
    environment: Mapping[str, str],
) -> None:
    os.environ.update(environment)
    if "LOCAL_RANK" in environment:  # It is read when this is imported, which was long ago.
        from lightning.pytorch.utilities import rank_zero_only

        patch.object(rank_zero_only, "rank", int(environment["LOCAL_RANK"])).start()
    file = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(file, stream)
    finetune = importlib.import_module(script)
    torch.set_num_threads(1)
    tqdm.tqdm.set_lock(threading.RLock())  # its own would be left behind in the system by a process that is killed
    sys.argv = ["finetune", *arguments]
    if before is not None:
        before()
    finetune.main()


def elsewhere(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function of a test file answers in a process of its own."""
    with FORKED.Pool(1) as pool:
        return pool.apply_async(function, arguments).get(timeout=180)


class KillAt:
    """Kills the process with SIGKILL at a moment of training; given to a run as `before`.

    Moments:
        step: within training step `step`, counted from 0.
        validation: within the validation after `step` steps.
        best: when the best checkpoint after `step` steps was written, and the resumable state was not yet.
        writing: when the state after `step` steps is written, but does not have its name yet.
        saved: when it has.
    """

    def __init__(self, moment: str, step: int) -> None:
        self.moment, self.step = moment, step

    def __call__(self) -> None:
        from seqcore.training.module import TaskModule
        from seqcore.training.resuming import AtomicCheckpointIO

        if self.moment in {"step", "validation"}:
            name = {"step": "training_step", "validation": "on_validation_epoch_end"}[self.moment]
            method = getattr(TaskModule, name)

            def stopped(module: TaskModule, *arguments: Any) -> Any:
                result = method(module, *arguments)
                if module.global_step == self.step:
                    die()
                return result

            setattr(TaskModule, name, stopped)
            return
        save = AtomicCheckpointIO.save_checkpoint

        def save_checkpoint(files: AtomicCheckpointIO, checkpoint: dict[str, Any], path: Any, **options: Any) -> None:
            wanted = "best" if self.moment == "best" else "last"
            mine = checkpoint["global_step"] == self.step and Path(path).name.startswith(wanted)
            if mine and self.moment == "writing":
                patch.object(Path, "replace", lambda *_: die()).start()
            save(files, checkpoint, path, **options)
            if mine:
                die()

        patch.object(AtomicCheckpointIO, "save_checkpoint", save_checkpoint).start()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait_for(happened: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something has happened, and fail if it does not."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@contextlib.contextmanager
def killed_at_the_end(process: Any) -> Any:
    """Whatever the test finds, its process does not outlive it."""
    try:
        yield process
    finally:
        if process.is_alive():
            process.kill()
        process.join()
