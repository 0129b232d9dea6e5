"""Several processes that train together: their steps are those of one, and none outlives another."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
import torch
from training_runs import FORKED, Run, command_line, finish, finish_both, log_every_step, made_up_rows, write_csv

from seqcore.errors import DataError, SettingsError
from seqcore.tasks.translation import Translator, TranslatorConfig
from seqcore.training import TrainingSettings, fit, processes, token_budget_loader
from seqcore.training.module import TaskModule

TORCHRUN = {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2", "LOCAL_RANK": "0", "RANK": "0"}
SLURM = {"SLURM_NTASKS": "6", "SLURM_NNODES": "2", "SLURM_PROCID": "0"}


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in {*TORCHRUN, *SLURM, *processes._PLACES, "NODE_RANK"}:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "train.csv", made_up_rows(160))


@pytest.mark.parametrize(
    ("environment", "asked", "number"),
    [
        ({}, {"devices": 3}, (3, 1)),
        (TORCHRUN, {}, (2, 2)),
        (TORCHRUN, {"devices": 2}, (2, 2)),
        (TORCHRUN, {"devices": 2, "num_nodes": 2}, (2, 2)),
        (SLURM, {}, (3, 2)),
        (SLURM | {"SLURM_NTASKS_PER_NODE": "3"}, {"num_nodes": 2}, (3, 2)),
        (SLURM | {"SLURM_JOB_NAME": "interactive"}, {"devices": 2}, (2, 1)),
    ],
)
def test_a_launcher_says_how_many_there_are(
    environment: Mapping[str, str], asked: Mapping[str, Any], number: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = processes.as_launched(TrainingSettings(**asked))
    assert (settings.devices, settings.num_nodes) == number
    started_by_us = environment.keys().isdisjoint({"TORCHELASTIC_RUN_ID", "SLURM_NTASKS"})
    assert processes.must_start(settings) == (started_by_us or environment.get("SLURM_JOB_NAME") == "interactive")


@pytest.mark.parametrize(
    ("environment", "asked", "says"),
    [
        (TORCHRUN, {"devices": 3}, "training.devices is 3, but torchrun started this run for 2: leave it out"),
        (TORCHRUN, {"num_nodes": 4}, "training.num_nodes is 4, but torchrun started this run for 2"),
        (SLURM, {"devices": 2}, "training.devices is 2, but SLURM started this run for 3"),
        (TORCHRUN | {"LOCAL_WORLD_SIZE": "3"}, {}, "started 4 processes, 3 of them here: every node needs as many"),
        ({}, {"num_nodes": 2}, "run the same command by torchrun --nnodes 2"),
    ],
)
def test_what_contradicts_the_launcher_is_refused(
    environment: Mapping[str, str], asked: Mapping[str, Any], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=says):
        processes.must_start(processes.as_launched(TrainingSettings(**asked)))


def failure(code: int, timestamp: int = 0, file: Path = Path("nowhere"), message: str = "") -> Any:
    return SimpleNamespace(
        exitcode=code, timestamp=timestamp, error_file=str(file), error_file_data={"message": message}
    )


def test_the_process_that_was_lost_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    last, file = tmp_path / "last.ckpt", tmp_path / "error.json"
    lost = {0: failure(processes.LOST), 1: failure(-signal.SIGKILL, 1), 2: failure(-signal.SIGTERM, 2)}
    assert processes._ended(lost, 3, last) == 1
    assert "process 2 of 3 was ended by SIGKILL, as a system does" in (line := capsys.readouterr().err)
    assert "nothing was saved yet, so run the same command again" in line
    last.touch()
    assert processes._ended({0: failure(-signal.SIGTERM), 1: failure(3)}, 2, last) == 1
    assert "process 2 of 2 ended with status 3, and so all have: run" in (line := capsys.readouterr().err)
    assert "--resume to go on" in line
    file.touch()
    refusal = failure(1, 1, file, "row 3 is empty")
    assert processes._ended({0: failure(-signal.SIGTERM), 1: refusal}, 2, last) == 1
    assert capsys.readouterr().err == "error: row 3 is empty\n"
    assert processes._ended({0: failure(130), 1: failure(-signal.SIGTERM)}, 2, last) == 130
    assert capsys.readouterr().err == ""


def test_what_torch_says_of_a_lost_process_is_translated(tmp_path: Path) -> None:
    with (
        pytest.raises(processes.LostProcessError, match="another process of this training has ended: nothing was"),
        processes.others_may_be_lost(tmp_path / "last.ckpt"),
    ):
        raise RuntimeError("[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer")
    with pytest.raises(RuntimeError, match="shapes"), processes.others_may_be_lost(tmp_path / "last.ckpt"):
        raise RuntimeError("shapes do not match")


def test_batches_that_depend_on_the_number_of_processes_are_not_mixed(tmp_path: Path) -> None:
    config = TranslatorConfig(vocab_size=400, embedding_size=8, encoder_hidden_size=6, decoder_hidden_size=8)
    task = Translator.create(config, made_up_rows(60))
    examples = [task.example(row) for row in made_up_rows(60)]
    one, two = (token_budget_loader(task, examples, 200, 7, 0, world) for world in (1, 2))
    two.load_state_dict(one.state_dict())
    one, two = (token_budget_loader(task, examples, 10, 7, 0, world) for world in (1, 2))
    with pytest.raises(SettingsError, match="the number of processes"):
        two.load_state_dict(one.state_dict())
    with pytest.raises(DataError, match="1 rows are too few for 2 processes"):
        fit(task, made_up_rows(60), made_up_rows(1), TrainingSettings(accelerator="cpu", devices=2), tmp_path / "run")


def test_two_processes_do_what_one_does(rows: Path, tmp_path: Path, free_port: Callable[[], int]) -> None:
    settings = {"model__dropout": 0, "training__epochs": 2}
    one = finish(command_line(rows, tmp_path / "one", **settings), log_every_step)
    arguments = command_line(rows, tmp_path / "two", training__devices=2, **settings)
    two, second = finish_both(arguments, free_port(), log_every_step)
    assert (two.status, second.status) == (0, 0), two.said + second.said
    # Only the first one speaks, and torch 2.9.
    assert [line for line in second.said.splitlines() if not line.startswith("[Gloo]")] == []
    assert_alike(two, one)
    assert two.said.splitlines()[-2] == one.said.splitlines()[-2]


def assert_alike(run: Run, other: Run) -> None:
    assert len(run.log()) == len(other.log()) >= 4
    for row, wanted in zip(run.log(), other.log(), strict=True):
        assert row.keys() == wanted.keys()
        for name, value in row.items():
            digits = 1e-6 if "loss" in name else 1e-4
            close = value == wanted[name] or pytest.approx(float(wanted[name]), rel=digits, abs=1e-6) == float(value)
            assert close, (name, value, wanted[name])
    weights, wanted_weights = run.state()["state_dict"], other.state()["state_dict"]
    assert all(torch.allclose(weights[name], wanted_weights[name], atol=1e-5) for name in wanted_weights)


def test_processes_with_other_data_are_refused(rows: Path, tmp_path: Path, free_port: Callable[[], int]) -> None:
    arguments = command_line(rows, tmp_path / "run", training__devices=2, training__epochs=1)
    run, second = finish_both(arguments, free_port(), fewer_rows_in_the_second)
    assert (run.status, second.status) == (1, 1), run.said + second.said
    assert run.last_line() == "error: process 2 has other training data than process 1: give all the same files"
    assert "Traceback" not in run.said + second.said


def fewer_rows_in_the_second() -> None:
    if os.environ["LOCAL_RANK"] == "1":
        method = Translator.read_rows
        Translator.read_rows = classmethod(  # type: ignore[assignment]
            lambda cls, *arguments: method.__func__(cls, *arguments)[:-1]  # type: ignore[attr-defined]
        )


@pytest.mark.slow
@pytest.mark.parametrize(("rank", "status"), [(0, 128 + signal.SIGINT), (1, 128 + signal.SIGTERM)])
def test_a_signal_to_one_process_stops_all_after_the_same_step(
    rank: int, status: int, rows: Path, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    settings = {"training__devices": 2, "model__dropout": 0, "training__epochs": 2}
    arguments = command_line(rows, tmp_path / "run", **settings)
    run, second = finish_both(arguments, free_port(), SignalIn(rank, 13))
    assert (run.status, second.status) == (status, 0), run.said + second.said
    assert run.state()["global_step"] == 15  # the others hear of it with the next step
    assert "Interrupted after 15 steps: validation" in run.said
    assert "To go on, run the same command with --resume" in run.said
    whole, _ = finish_both(command_line(rows, tmp_path / "whole", **settings), free_port())
    again, _ = finish_both([*arguments, "--resume"], free_port())
    assert again.log() == whole.log()


class SignalIn:
    """Sends Ctrl-C to one of the processes within a step; given to a run as `before`."""

    def __init__(self, rank: int, step: int) -> None:
        self.rank, self.step = rank, step

    def __call__(self) -> None:
        method = TaskModule.training_step

        def training_step(module: TaskModule, batch: Any, number: int) -> Any:
            if module.global_step == self.step and module.global_rank == self.rank:
                os.kill(os.getpid(), signal.SIGINT)
            return method(module, batch, number)

        patch.object(TaskModule, "training_step", training_step).start()


# Dies in a step, as a process does that the system takes the memory from.
DIES = """
import os, signal, sys
from seqcore.training.module import TaskModule
from seqcore.cli import main
step = TaskModule.training_step
def training_step(module, batch, number):
    if module.global_step == 17 and module.global_rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(module, batch, number)
TaskModule.training_step = training_step
sys.exit(main())
"""


@pytest.mark.slow
def test_a_run_that_lost_a_process_ends_with_a_line_and_goes_on(
    rows: Path, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    (tmp_path / "dies.py").write_text(DIES)
    arguments = command_line(rows, tmp_path / "run", training__devices=2, training__save_every=8)
    command = [sys.executable, str(tmp_path / "dies.py"), "train", "translation", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 1, ended.stderr
    line = ended.stderr.splitlines()[-1]
    assert line.startswith("error: process 2 of 2 was ended by SIGKILL")
    assert "run the same command with --resume to go on" in line
    assert "Traceback" not in ended.stderr
    assert not [path.name for path in (tmp_path / "run" / "training").rglob("*.part")]
    again, _ = finish_both([*arguments, "--resume"], free_port())
    whole, _ = finish_both(
        command_line(rows, tmp_path / "whole", training__devices=2, training__save_every=8), free_port()
    )
    assert again.log() == whole.log()  # with dropout, too
    assert again.status == whole.status == 0
    assert again.said.splitlines()[-2] == whole.said.splitlines()[-2]


@pytest.mark.slow
def test_two_nodes_under_torchrun_do_what_one_process_does(
    rows: Path, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    settings = {"model__dropout": 0, "training__epochs": 4}
    one = finish(command_line(rows, tmp_path / "one", **settings))
    arguments = command_line(rows, tmp_path / "two", **settings)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1"]
    meeting = ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{free_port()}", "--rdzv-id", "two"]
    command = [*torchrun, *meeting, "-m", "apps.translator.finetune", *arguments]
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo"}
    nodes = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2)
    ]
    try:
        said = [node.communicate(timeout=300)[0] for node in nodes]
    finally:
        for node in nodes:
            node.kill()
    assert [node.returncode for node in nodes] == [0, 0], said
    assert sum("Done after 40 steps" in text for text in said) == 1
    assert "" in [text.strip() for text in said]  # only the first process speaks
    assert_alike(Run(tmp_path / "two", 0, ""), one)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["language", "sentiment", "captioning"])
def test_every_kind_of_task_makes_the_same_steps(kind: str, tmp_path: Path, free_port: Callable[[], int]) -> None:
    port = free_port()
    started = [
        FORKED.Process(target=train_tiny, args=(kind, str(tmp_path / name), world, rank, port))
        for name, world, rank in (("one", 1, 0), ("two", 2, 0), ("two", 2, 1))
    ]
    for process in started:
        process.start()
    for process in started:
        process.join(100)
        process.kill()
    assert [process.exitcode for process in started] == [0, 0, 0]
    assert_alike(Run(tmp_path / "two", 0, ""), Run(tmp_path / "one", 0, ""))


def train_tiny(kind: str, output: str, world: int, rank: int, port: int) -> None:
    """Train a tiny one, without dropout, as one of so many processes."""
    from lightning.pytorch.utilities import rank_zero_only

    if world > 1:
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "LOCAL_RANK": str(rank)}
    patch.object(rank_zero_only, "rank", rank).start()
    log_every_step()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    settings: dict[str, Any] = {"epochs": 2, "batch_tokens": 200, "warmup_steps": 2, "learning_rate": 0.002}
    rows: list[dict[str, Any]]
    if kind == "language":
        import tiny_writer

        task: Any = tiny_writer.tiny_writer()
        rows = [{"text": text} for text in tiny_writer.TEXTS * 8]
        settings |= {"bptt": 10}
    elif kind == "sentiment":
        import tiny_sentiment

        from seqcore.tasks.sentiment import SentimentClassifier, SentimentConfig

        rows = [*tiny_sentiment.rows()]
        names = ("dropout", "input_dropout", "embedding_dropout", "weight_dropout", "head_dropout")
        none: dict[str, Any] = dict.fromkeys(names, 0.0)
        config = SentimentConfig(
            vocab_size=300, embedding_size=16, hidden_size=16, num_layers=1, head_size=16,
            labels=("negative", "positive"), **none,
        )  # fmt: skip
        task = SentimentClassifier.create(config, rows)
        settings |= {"unfreeze_steps": 4, "batch_tokens": 1000, "batch_rows": 31}
    else:
        import tiny_captioner

        from seqcore.tasks.captioning import Captioner

        colours = tiny_captioner.COLOURS
        rows = [{"image": tiny_captioner.picture(name), "captions": [text]} for name, text in colours.items()] * 8
        task = Captioner.create(tiny_captioner.CONFIG, [{"captions": [*colours.values()] * 20}])
        task.augments = False
        task.network.encoder.train_last(0)
        task.network.encoder.forward = tiny_captioner._coarse  # type: ignore[method-assign]
    chosen = TrainingSettings(
        accelerator="cpu", devices=world, precision="32-true", threads=1, progress=False, **settings
    )
    fit(task, rows, rows[:7], chosen, output)
