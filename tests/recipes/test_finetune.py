"""Fine-tuning as people do it: what it prints, in which languages, from which model, and with rude input."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from training_runs import (
    Run,
    command_line,
    finish,
    killed_at_the_end,
    made_up_rows,
    refused,
    start,
    wait_for,
    write_csv,
)  # fmt: skip

from seqcore.tasks.translation import Translator, TranslatorConfig

ROOT = Path(__file__).resolve().parents[2]
FIRST = ROOT / "tests" / "fixtures" / "translator-v1"
ONE_EPOCH = {"training__epochs": 1, "training__average": 1}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "train.csv", made_up_rows(160))


@pytest.fixture(scope="module")
def both_ways(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained checkpoint that knows two directions."""
    torch.manual_seed(0)
    config = TranslatorConfig(("en-de", "de-en"), 300, 16, 10, decoder_hidden_size=16, dropout=0.2)
    folder = tmp_path_factory.mktemp("both_ways") / "model"
    Translator.create(config, made_up_rows(60)).save_pretrained(folder)
    return folder


def with_languages(rows: Sequence[Mapping[str, str]], source: str, target: str) -> list[dict[str, str]]:
    return [{**row, "source_lang": source, "target_lang": target} for row in rows]


def config(run: Run) -> dict[str, Any]:
    assert run.status == 0, run.said
    return dict(json.loads((run.output / "config.json").read_text(encoding="utf-8")))


def on_a_terminal(arguments: list[str]) -> str:
    """What a run shows on a terminal of 100 columns."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    shown = b""
    with killed_at_the_end(start(arguments, Path(os.ttyname(slave)))) as process:
        end = time.monotonic() + 60
        while process.is_alive() and time.monotonic() < end:
            if select.select([master], [], [], 0.05)[0]:
                shown += os.read(master, 65536)
        while select.select([master], [], [], 0)[0]:
            shown += os.read(master, 65536)
        assert process.exitcode == 0, shown.decode()
    os.close(slave)
    os.close(master)
    return shown.decode()


def test_a_terminal_shows_one_bar_for_the_whole_run(rows: Path, tmp_path: Path) -> None:
    shown = on_a_terminal(command_line(rows, tmp_path / "run", training__progress="true"))
    bars = [part for part in re.split(r"[\r\n]+", shown) if "steps" in part and "%" in part]
    assert len(bars) > 3
    assert all(len(bar) <= 100 for bar in bars)
    assert re.match(r"epoch 1/3: +\d+%\|.*\| \d+/30 steps, ", bars[0])
    assert "validating: " in shown
    last = r".*100%\|.*\| 30/30 steps, 00:00 left, loss [\d.]+, validation bleu [\d.]+ \(best [\d.]+\)$"
    assert re.match(last, bars[-1])
    assert "To try it: python -m apps.translator" in shown.splitlines()[-1]


def test_elsewhere_every_validation_is_a_line(rows: Path, tmp_path: Path) -> None:
    for setting in ("true", "false"):  # a file is no terminal
        run = finish(command_line(rows, tmp_path / setting, training__progress=setting))
        lines = [line for line in run.said.splitlines() if line.startswith("step ")]
        assert [line.split(":")[0] for line in lines] == ["step 10 of 30", "step 20 of 30", "step 30 of 30"]
        number = r"\d+\.\d+"
        scores = rf"validation bleu {number} \(best {number}\), chrf {number}, loss {number}"
        assert all(re.fullmatch(rf"step .*: loss {number}, {scores}; 0:00:\d\d left", line) for line in lines)
        found = [re.findall(r"bleu ([\d.]+) \(best ([\d.]+)\)", line)[0] for line in lines]
        assert [best for _, best in found] == [max((score for score, _ in found[: n + 1]), key=float) for n in range(3)]
        assert "\r" not in run.said


def test_the_best_score_is_known_after_a_resume(rows: Path, tmp_path: Path) -> None:
    arguments = command_line(rows, tmp_path / "run", training__epochs=2)
    first = finish(arguments)
    again = finish([*arguments, "--resume", "--training.epochs", "3"])
    before, after = (re.findall(r"(bleu) ([\d.]+) \(best ([\d.]+)\)", run.said) for run in (first, again))
    assert [line.split(":")[0] for line in again.said.splitlines() if "left" in line] == ["step 30 of 30"]
    assert float(after[-1][2]) == max(float(before[-1][2]), float(after[-1][1]))


def test_scores_of_parts_stay_out_of_the_lines(both_ways: Path, tmp_path: Path) -> None:
    turned = [{"source": row["target"], "target": row["source"]} for row in made_up_rows(20)]
    mixed = [*with_languages(made_up_rows(20), "en", "de"), *with_languages(turned, "de", "en")]
    train = write_csv(tmp_path / "train.csv", mixed)
    run = finish(command_line(train, tmp_path / "run", "--init", str(both_ways), "--hold", "9", **ONE_EPOCH))
    assert config(run)["directions"] == ["en-de", "de-en"]
    (line,) = [line for line in run.said.splitlines() if line.startswith("step ")]
    assert "bleu_" not in line
    assert "bleu_de-en" in next(line for line in run.said.splitlines() if line.startswith("Done"))


def test_a_new_model_is_for_the_languages_that_are_named(rows: Path, tmp_path: Path) -> None:
    run = finish(command_line(rows, tmp_path / "run", "--source", "fr", "--target", "de", **ONE_EPOCH))
    assert config(run)["directions"] == ["fr-de"]
    assert "directions: fr-de" in run.said.splitlines()


def test_columns_called_by_a_language_say_it(both_ways: Path, tmp_path: Path) -> None:
    turned = [{"de": row["target"], "en": row["source"]} for row in made_up_rows(30)]
    train = write_csv(tmp_path / "train.csv", turned)
    columns = {"columns__source": "de", "columns__target": "en"}
    assert config(finish(command_line(train, tmp_path / "new", **columns, **ONE_EPOCH)))["directions"] == ["de-en"]
    tuned = finish(command_line(train, tmp_path / "tuned", "--init", str(both_ways), **columns, **ONE_EPOCH))
    assert config(tuned)["directions"] == ["en-de", "de-en"]
    called = finish(command_line(train, tmp_path / "called", "--source", "nl", **columns, **ONE_EPOCH))
    assert config(called)["directions"] == ["nl-en"]


def test_a_new_model_is_for_the_languages_of_its_rows(tmp_path: Path) -> None:
    pairs = with_languages(made_up_rows(30), "fr", "de") + with_languages(made_up_rows(30, 1), "fr", "it")
    renamed = {"source_lang": "from", "target_lang": "to"}
    train = write_csv(tmp_path / "train.csv", [{renamed.get(k, k): v for k, v in pair.items()} for pair in pairs])
    columns = {"columns__source_lang": "from", "columns__target_lang": "to"}
    run = finish(command_line(train, tmp_path / "run", **columns, **ONE_EPOCH))
    assert sorted(config(run)["directions"]) == ["fr-de", "fr-it"]
    wanted = {"model__directions": "[fr-de]"}
    assert "translate fr-it, as the data does" in refused(command_line(train, tmp_path / "no", **columns, **wanted))


def test_a_model_of_several_directions_is_tuned_in_the_one_that_is_named(
    rows: Path, both_ways: Path, tmp_path: Path
) -> None:
    chosen = ("--init", str(both_ways), "--source", "de", "--target", "en")
    run = finish(command_line(rows, tmp_path / "run", *chosen, **ONE_EPOCH))
    assert config(run)["directions"] == ["en-de", "de-en"]
    plain = refused(command_line(rows, tmp_path / "no", "--init", str(both_ways)))
    assert "knows en-de, de-en" in plain
    assert "--source and --target" in plain


def test_languages_that_do_not_fit_are_named(rows: Path, both_ways: Path, tmp_path: Path) -> None:
    french = ("--init", str(both_ways), "--source", "fr", "--target", "de")
    message = refused(command_line(rows, tmp_path / "run", *french))
    assert "does not translate fr-de, as the data does, but en-de, de-en: --new-tokenizer" in message
    german = write_csv(tmp_path / "german.csv", with_languages(made_up_rows(20), "en", "de"))
    message = refused(command_line(german, tmp_path / "run", "--source", "fr"))
    assert "german.csv, row 1: source_lang is 'en', but 'fr' was asked for" in message
    some = with_languages(made_up_rows(3), "en", "de")
    some[1]["source_lang"] = ""
    message = refused(command_line(write_csv(tmp_path / "some.csv", some), tmp_path / "run"))
    assert "some rows do not say of which languages" in message
    assert "no column 'lang'" in refused(command_line(german, tmp_path / "run", columns__source_lang="lang"))
    assert "written like en-de" in refused(command_line(rows, tmp_path / "run", "--source", "zh CN"))
    same = refused(command_line(rows, tmp_path / "run", columns__source="target"))
    assert "source and target are both the column 'target'" in same


def test_a_new_tokenizer_keeps_the_embeddings_of_known_pieces(both_ways: Path) -> None:
    old = Translator.from_pretrained(both_ways, device="cpu")
    texts = [text for row in made_up_rows(60) for text in row.values()] + ["le chien dort ici", "un vieux chat"] * 9
    directions = ("en-de", "en-fr", "fr-en")
    wanted = TranslatorConfig(directions, 320, dropout=0.0)
    new, kept = Translator.adapt(old, wanted, Translator.train_tokenizer(wanted, [{"source": text} for text in texts]))
    assert new.config.directions == directions
    assert (new.config.embedding_size, new.config.dropout) == (16, 0.0)
    pieces, before = ({piece: n for n, piece in enumerate(task.tokenizer.ids_to_tokens(range(len(task.tokenizer))))}
                      for task in (new, old))  # fmt: skip
    shared = pieces.keys() & before.keys()
    assert kept == len(shared)
    assert "<2fr>" in pieces.keys() - shared
    mine, theirs = (task.network.decoder.embedding.weight for task in (new, old))
    my_bias, their_bias = (task.network.get_parameter("decoder.output.bias") for task in (new, old))
    for piece in shared:
        assert torch.equal(mine[pieces[piece]], theirs[before[piece]])
        assert torch.equal(my_bias[pieces[piece]], their_bias[before[piece]])
    for name, weight in new.network.named_parameters():
        if name not in {"decoder.embedding.weight", "decoder.output.weight", "decoder.output.bias"}:
            assert torch.equal(weight, old.network.get_parameter(name)), name


def test_a_model_is_extended_by_a_language(both_ways: Path, tmp_path: Path) -> None:
    french = [{"source": "le chien dort " + "ici " * n, "target": "a dog sleeps " + "here " * n} for n in range(8)]
    pairs = with_languages(made_up_rows(60), "en", "de") + with_languages(french, "fr", "en")
    arguments = command_line(
        write_csv(tmp_path / "train.csv", pairs), tmp_path / "run", "--init", str(both_ways), "--new_tokenizer",
        **ONE_EPOCH,
    )  # fmt: skip
    run = finish(arguments)
    assert sorted(config(run)["directions"]) == ["en-de", "fr-en"]
    old, new = (
        set(task.tokenizer.ids_to_tokens(range(len(task.tokenizer))))
        for task in (Translator.from_pretrained(both_ways), Translator.from_pretrained(tmp_path / "run"))
    )
    told = f"new tokenizer: {len(new):,} pieces, {len(old & new):,} of them with the embeddings they had"
    assert told in run.said.splitlines()
    alone = refused(command_line(tmp_path / "train.csv", tmp_path / "no", "--new-tokenizer"))
    assert "--new-tokenizer needs --init" in alone


def test_a_model_is_extended_by_a_script(both_ways: Path, tmp_path: Path) -> None:
    russian = [{"source": f"кошка спит {'тут ' * n}", "target": "a cat sleeps " + "here " * n} for n in range(30)]
    rows = write_csv(tmp_path / "train.csv", with_languages(russian, "en", "de"))
    told = refused(command_line(rows, tmp_path / "no", "--init", str(both_ways)))
    assert "the source texts are written in Cyrillic" in told
    assert "--new-tokenizer teaches it other scripts" in told
    rows = write_csv(tmp_path / "train.csv", with_languages(russian, "ru", "en"))
    run = finish(command_line(rows, tmp_path / "run", "--init", str(both_ways), "--new-tokenizer", **ONE_EPOCH))
    assert config(run)["scripts"] == ["cyrillic", "latin"]
    task = Translator.from_pretrained(tmp_path / "run", device="cpu")
    pieces = task.tokenizer.ids_to_tokens(task.tokenizer.encode("кошка спит"))
    assert not any(piece.startswith("<0x") for piece in pieces)
    assert task.translate("кошка спит", beam_size=1).source_tokens[1:-1] == pieces


class SayMode:
    """Says in training whether dropout is on; given to a run as `before`."""

    def __call__(self) -> None:
        from seqcore.training.module import TaskModule

        method = TaskModule.training_step

        def training_step(module: TaskModule, *arguments: Any) -> Any:
            print("modes", {part.training for part in module.modules()})
            return method(module, *arguments)

        patch.object(TaskModule, "training_step", training_step).start()


def test_dropout_is_on_when_a_checkpoint_is_tuned(rows: Path, both_ways: Path, tmp_path: Path) -> None:
    chosen = ("--init", str(both_ways), "--source", "en", "--target", "de")
    run = finish(command_line(rows, tmp_path / "run", *chosen, **ONE_EPOCH | {"training__epochs": 2}), SayMode())
    assert {line for line in run.said.splitlines() if line.startswith("modes")} == {"modes {True}"}


RUDE = {
    "NUL bytes": "a\0dog",
    "only emoji": "😀🎉👩‍👩‍👧",
    "right to left": "שלום עולם مرحبا",
    "nothing": "",
    "source is target": "ein Hund",
    "quotes": "a \"dog\", 'cat'",
    "100,000 characters": "dog " * 25_000,
}


def test_rude_texts_are_trained_on(tmp_path: Path) -> None:
    rude = [{"source": text, "target": "ein Hund" if name != "nothing" else ""} for name, text in RUDE.items()]
    rows = [*made_up_rows(40), *rude, *({"source": row["target"], "target": row["source"]} for row in rude)]
    train, checks = write_csv(tmp_path / "train.csv", rows), write_csv(tmp_path / "checks.csv", rude[:-1])
    run = finish(command_line(train, tmp_path / "run", "--validation", str(checks), **ONE_EPOCH))
    assert run.status == 0, run.said
    assert "Traceback" not in run.said
    translator = Translator.from_pretrained(tmp_path / "run", device="cpu")
    assert translator.translate("", beam_size=1).text == ""


def test_files_that_cannot_be_used_are_refused_in_one_line(rows: Path, tmp_path: Path) -> None:
    latin = tmp_path / "latin.csv"
    latin.write_bytes("source,target\na dog,ein Hund\ncafé,Kaffee\n".encode("latin-1"))
    assert "latin.csv, line 3 is not UTF-8" in refused(command_line(latin, tmp_path / "run"))
    one = write_csv(tmp_path / "one.csv", made_up_rows(1))
    assert "1 rows are too few to hold 1 of them out" in refused(command_line(one, tmp_path / "run"))
    blank = write_csv(tmp_path / "blank.csv", [{"source": "", "target": ""}] * 5)
    refused(command_line(blank, tmp_path / "run"))
    away = refused(
        command_line(rows, tmp_path / "run", "--init", "nobody/nothing"), HF_HUB_OFFLINE="1", said=tmp_path / "said"
    )
    assert "nobody/nothing is no folder here" in away
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_hub_id_without_a_network_is_refused_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "apps.translator.finetune", "--train", "bentrevett/multi30k"]
    closed = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "hub")}
    done = subprocess.run(
        [*command, "--output", str(tmp_path / "run")],
        capture_output=True, text=True, cwd=ROOT, env=os.environ | closed, timeout=30,
    )  # fmt: skip
    assert done.returncode == 1
    assert "bentrevett/multi30k" in done.stderr
    assert "the hub cannot be reached" in done.stderr
    assert "CSV, TSV, JSON lines or Parquet file" in done.stderr
    assert "Retry" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


class Mounted:
    """Makes a folder look like a mount point; given to a run as `before`."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __call__(self) -> None:
        os.path.ismount = lambda path: str(path) == self.folder


def test_a_mount_point_is_refused_before_training_and_a_folder_inside_is_not(rows: Path, tmp_path: Path) -> None:
    place = tmp_path / "mounted"
    place.mkdir()
    run = finish(command_line(rows, place), Mounted(place))
    assert run.status == 1
    assert f"{place} is a mount point" in run.last_line()
    assert f"name a folder inside it, such as {place / 'model'}" in run.last_line()
    assert list(place.iterdir()) == []
    assert finish(command_line(rows, place / "model", **ONE_EPOCH), Mounted(place)).status == 0


class Missing:
    """Makes a module look as if it were not installed; given to a run as `before`."""

    def __init__(self, module: str) -> None:
        self.module = module

    def __call__(self) -> None:
        sys.modules[self.module] = None  # type: ignore[assignment]
        from lightning.pytorch.loggers import tensorboard

        if self.module == "tensorboard":  # which Lightning looked for when it was imported

            def refuse(*_: Any, **__: Any) -> None:
                raise ModuleNotFoundError("Neither `tensorboard` nor `tensorboardX` is available.")

            tensorboard.TensorBoardLogger.__init__ = refuse  # type: ignore[method-assign]


@pytest.mark.parametrize("module", ["sacrebleu", "tensorboard"])
def test_what_is_not_installed_is_named_before_training(module: str, rows: Path, tmp_path: Path) -> None:
    run = finish(command_line(rows, tmp_path / "run"), Missing(module))
    assert run.status == 1
    assert "pip install 'seqcore-lstm[train]'" in run.last_line()
    assert module in run.last_line()
    assert "Traceback" not in run.said
    assert "loss" not in run.said


def test_without_lightning_the_command_says_what_to_install() -> None:
    blocked = "import runpy, sys; sys.modules['lightning'] = None; "
    run = "runpy.run_module('apps.translator.finetune', run_name='__main__', alter_sys=True)"
    done = subprocess.run([sys.executable, "-c", blocked + run], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1
    wanted = "error: training needs lightning, which is not installed: pip install 'seqcore-lstm[train]'"
    assert done.stderr.splitlines() == [wanted]


@pytest.mark.slow
def test_the_real_command_is_stopped_by_ctrl_c_and_goes_on(tmp_path: Path) -> None:
    rows = write_csv(tmp_path / "train.csv", made_up_rows(300))
    output = tmp_path / "a run"
    arguments = command_line(rows, output, training__epochs=4, training__batch_tokens=60, training__save_every=2)
    command = [sys.executable, "-m", "apps.translator.finetune", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT) as process:
        wait_for(lambda: (output / "training" / "last.ckpt").exists() or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[0]
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert "Interrupted after" in said
    assert "To go on, run the same command with --resume." in said
    done = subprocess.run([*command, "--resume"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert re.search(r"Done after \d+ steps", done.stdout)
    assert done.stdout.splitlines()[-1] == f"To try it: python -m apps.translator --checkpoint '{output}'"


@pytest.mark.parametrize("name", ["multi30k", "multilingual"])
def test_bundled_settings_are_found_by_name(name: str, tmp_path: Path) -> None:
    run = finish(["--config", name, "--train", "no.csv", "--output", str(tmp_path / "run"), "--print_config"])
    assert run.status == 0, run.said
    assert "epochs:" in run.said
