"""Runs that are killed and go on, and checkpoints that are damaged: python -m benchmarks.faults [--kills 20]

A tiny translator is trained on made-up sentences on the CPU, killed (SIGKILL) at a moment drawn at random, and resumed;
all losses and scores of its log and every weight must be those of a run that nobody disturbed. Then each of the damages
of benchmarks/damages.py is done to its checkpoint, which must be refused with an error of ours and a clear line.

Two workers of `seqcore predict` answer made-up sentences by the bundled translator, and are killed at random moments,
all of them or the process that started them alone, and resumed, as often as it takes: what is written must be, to the
byte, what a run writes that nobody disturbed.
"""

import argparse
import csv
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.damages import damages

_ROOT = Path(__file__).resolve().parent.parent
# A server that has imported everything once forks a clean process for every run.
_FORKED = multiprocessing.get_context("forkserver")
_FORKED.set_forkserver_preload(["apps.translator.finetune", "seqcore.training.fitting", "sacrebleu", "datasets"])
_WORDS = {
    "a": "ein",
    "dog": "Hund",
    "cat": "Kater",
    "runs": "rennt",
    "sleeps": "schläft",
    "here": "hier",
    "old": "alte",
}
_SETTINGS = {
    "model.vocab_size": 330, "model.embedding_size": 16, "model.encoder_hidden_size": 10,
    "model.decoder_hidden_size": 16, "training.batch_tokens": 150, "training.precision": "32-true",
    "training.accelerator": "cpu", "training.threads": 1, "training.learning_rate": 0.01, "training.warmup_steps": 5,
    "training.epochs": 4, "training.average": 2, "training.save_every": 3, "training.progress": "false",
}  # fmt: skip


def made_up(path: Path, count: int = 120) -> Path:
    """A table of sentences that are translated word by word."""
    rng = random.Random(0)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["source", "target"])
        for _ in range(count):
            words = rng.choices(list(_WORDS), k=rng.randint(2, 9))
            writer.writerow([" ".join(words), " ".join(_WORDS[word] for word in words)])
    return path


def train(rows: Path, output: Path, resume: bool = False, seconds: float | None = None) -> bool:
    """Train, and kill it after so many seconds if it has not ended by then. Whether it was killed."""
    named = [part for name, value in _SETTINGS.items() for part in (f"--{name}", str(value))]
    flags = ["--train", str(rows), "--output", str(output), *named, *["--resume"] * resume]
    process = _FORKED.Process(target=_finetune, args=(flags, str(output.with_suffix(".said"))))
    process.start()
    process.join(seconds)
    if process.is_alive():
        process.kill()
        process.join()
        return True
    if process.exitcode:
        sys.exit(output.with_suffix(".said").read_text())
    return False


def _finetune(flags: list[str], output: str) -> None:
    import torch

    from apps.translator import finetune

    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(file, stream)
    torch.set_num_threads(1)
    sys.argv = ["finetune", *flags]
    finetune.main()


def reached(output: Path) -> tuple[list[str], dict[str, Any]]:
    """Every line of the log, and every weight."""
    from safetensors.torch import load_file

    log = (output / "training" / "csv" / "metrics.csv").read_text(encoding="utf-8").splitlines()
    return log, {name: weight.tolist() for name, weight in load_file(output / "model.safetensors").items()}


def kills(work: Path, count: int, seed: int = 0) -> Counter[str]:
    """Kill so many runs, each at a moment of its own; what came out, counted, of runs that had ended before, too."""
    rows = made_up(work / "rows.csv")
    train(rows, work / "warm")  # the first one also waits for the imports
    begin = time.monotonic()
    train(rows, work / "unbroken")
    whole = time.monotonic() - begin
    wanted, outcomes, rng = reached(work / "unbroken"), Counter[str](), random.Random(seed)
    number = killed_so_far = 0
    while killed_so_far < count:
        number += 1
        output = work / f"run{number}"
        killed = train(rows, output, seconds=rng.uniform(0.1, 1) * whole)
        killed_so_far += killed
        state = (output / "training" / "last.ckpt").exists()
        if killed:
            train(rows, output, resume=state)
        same = reached(output) == wanted
        what = ("killed, resumed" if state else "killed before it saved, begun again") if killed else "ended before"
        outcomes[f"{what}: {'the same losses and weights' if same else 'DIFFERENT'}"] += 1
        print(f"{number:3}  {what}  {'same' if same else 'DIFFERENT'}", flush=True)
        shutil.rmtree(output, ignore_errors=True)
    return outcomes


def answer(source: Path, output: Path, seconds: float | None = None, alone: bool = False) -> bool:
    """Answer all lines, and kill it after so many seconds if it has not ended by then. Whether it was killed.

    Args:
        alone: kill the process that started the workers, and not them.
    """
    command = [sys.executable, "-m", "seqcore.cli", "predict", str(_ROOT / "checkpoints" / "translator"), str(source)]
    flags = ["--source", "en", "--target", "de", "--format", "jsonl", "--workers", "2", "--resume"]
    with subprocess.Popen([*command, *flags, "--output", str(output)], start_new_session=True, cwd=_ROOT) as process:
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            (os.kill if alone else os.killpg)(process.pid, signal.SIGKILL)
            return True
    if status:
        sys.exit(f"seqcore predict ended with status {status}")
    return False


def bulk_kills(work: Path, count: int, seed: int = 0, lines: int = 300) -> Counter[str]:
    """Kill `seqcore predict` so many times; what came out, counted."""
    rng, source, whole = random.Random(seed), work / "lines.txt", work / "whole.jsonl"
    sentences = (" ".join(rng.choices(list(_WORDS), k=rng.randint(4, 20))) for _ in range(lines))
    source.write_text("".join(f"{text}\n" for text in sentences), encoding="utf-8")
    answer(source, work / "warm.jsonl")
    begin = time.monotonic()
    answer(source, whole)
    seconds, outcomes, number = time.monotonic() - begin, Counter[str](), 0
    while outcomes["killed"] < count:
        number += 1
        output = work / f"bulk{number}.jsonl"
        times = 0
        # Each time it may go on for longer, so that it ends where others use the machine, too.
        while answer(source, output, rng.uniform(0.1, 0.8 + times / 4) * seconds, bool(rng.getrandbits(1))):
            times += 1
            journal = output.with_name(f"{output.name}.journal")
            outcomes["killed"] += 1
            outcomes["killed before anything was written down"] += not journal.exists()
        same = output.read_bytes() == whole.read_bytes()
        outcomes[f"outputs {'the same to the byte' if same else 'DIFFERENT'}"] += 1
        print(f"{number:3}  killed {times} times  {'same' if same else 'DIFFERENT'}", flush=True)
    return outcomes


def damaged(good: Path, work: Path) -> Counter[str]:
    """What came of each damage, counted."""
    import seqcore
    from seqcore.errors import SeqcoreError

    outcomes = Counter[str]()
    for number, (name, damage) in enumerate(damages(work / "trap")):
        folder = Path(shutil.copytree(good, work / f"damaged{number}", ignore=shutil.ignore_patterns("training")))
        damage(folder)
        try:
            seqcore.load(folder, device="cpu")
            outcomes[f"LOADED: {name}"] += 1
        except SeqcoreError as error:
            outcomes["refused in a line" if len(str(error).splitlines()) == 1 else f"UNCLEAR: {name}"] += 1
        except Exception as error:
            outcomes[f"{type(error).__name__}: {name}"] += 1
        shutil.rmtree(folder)
    outcomes["PICKLES RUN" if (work / "trap").exists() else "pickles run: none"] += 1
    return outcomes


def main() -> None:
    """Do all three and print what came out."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=20, help="kills of each kind of run")
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="seqcore-faults-") as folder:
        work = Path(folder)
        for what, outcomes in (
            ("answers", bulk_kills(work, chosen.kills, chosen.seed)),
            ("training", kills(work, chosen.kills, chosen.seed)),
            ("damages", damaged(work / "unbroken", work)),
        ):
            for outcome, count in outcomes.items():
                print(f"{what}: {count} × {outcome}")


if __name__ == "__main__":
    main()
