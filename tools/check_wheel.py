"""Train from the wheel alone, with its extra for training, in an empty environment: ``make check-wheel`` calls this.

It needs a package registry, 7 GB of disk and some minutes.
"""

import csv
import os
import subprocess
import tempfile
from pathlib import Path

from check_install import report
from install import ROOT
from packages import CONSTRAINTS

UV = ROOT / ".venv" / "bin" / "uv"
ANIMALS = {"dog": "Hund", "cat": "Kater", "horse": "Pferd", "cow": "Kuh"}
VERBS = {"runs": "rennt", "sleeps": "schläft", "eats": "frisst", "drinks": "trinkt"}
ADVERBS = {"here": "hier", "today": "heute", "outside": "draußen", "now": "jetzt"}
SMALL = ["--model.vocab-size", "400", "--model.embedding-size", "16", "--model.encoder-hidden-size", "16",
         "--model.decoder-hidden-size", "16", "--training.epochs", "1", "--training.precision", "32-true"]  # fmt: skip


def write_pairs(path: Path) -> None:
    """A table of English and German sentences."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["source", "target"])
        for animal, tier in ANIMALS.items():
            for verb, tut in VERBS.items():
                rows.writerows(
                    [f"The {animal} {verb} {when}.", f"Das {tier} {tut} {wann}."] for when, wann in ADVERBS.items()
                )


def run(command: list[str | Path], folder: Path, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program where no clone of this project is to be found."""
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    return subprocess.run(command, cwd=folder, env=environment, input=text, capture_output=True, text=True)


def check(folder: Path) -> None:
    """Build, install, train and translate."""
    done = run([UV, "build", "--wheel", "--out-dir", folder, ROOT], folder)
    report("the wheel is built", done.returncode == 0, done)
    (wheel,) = folder.glob("*.whl")
    done = run([UV, "venv", folder / "environment"], folder)
    report("an empty environment is made", done.returncode == 0, done)
    python = folder / "environment" / "bin" / "python"
    done = run([UV, "pip", "install", "--python", python, "--constraint", CONSTRAINTS, f"{wheel}[train]"], folder)
    report("the wheel and its extra for training are installed", done.returncode == 0, done)
    seqcore = folder / "environment" / "bin" / "seqcore"
    write_pairs(folder / "my.csv")
    done = run([seqcore, "train", "translation", "--train", "my.csv", "--output", "mine", *SMALL], folder)
    report(
        "seqcore train makes a translator", done.returncode == 0 and (folder / "mine" / "config.json").exists(), done
    )
    done = run([seqcore, "predict", "mine", "--source", "en", "--target", "de"], folder, "The dog runs.\n")
    report("seqcore predict answers with it", done.returncode == 0 and done.stdout.count("\n") == 1, done)


def main() -> None:
    """The command line, which has no options."""
    with tempfile.TemporaryDirectory(prefix=".check-", dir=ROOT.parent) as folder:
        check(Path(folder))


if __name__ == "__main__":
    main()
