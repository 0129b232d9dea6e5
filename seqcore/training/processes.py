"""Several processes that train together: who starts them, how many they are, and how a command line ends with them."""

import json
import logging
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from seqcore.errors import SeqcoreError, SettingsError
from seqcore.training.settings import TrainingSettings

# What torchrun's agent calls our own launch, so that a process knows that it need not speak: the one that started it
# does.
_OURS = "seqcore-devices"
# What launchers set for every process that they start; SLURM and torchrun are told apart below.
_PLACES = ("LOCAL_RANK", "JSM_NAMESPACE_RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK")
# While some end, others may still save what they reached: longer than that takes, shorter than a batch system waits.
_SECONDS_TO_END = 600
_SECONDS_TO_SPEAK = 1.0
# In what gloo says of a process that is gone; NCCL has exceptions of its own.
_SILENCE = re.compile(r"gloo|Connection (closed|reset) by peer|Broken pipe")
LOST = 75  # The exit status of a process that lost another one ("temporary failure", as sysexits.h names it).


class LostProcessError(SettingsError):
    """One of several processes that train together has ended, and so no other can go on."""


def is_first_process() -> bool:
    """Whether this is the process that speaks and writes, when several train together."""
    from lightning.pytorch.utilities import rank_zero_only

    return int(getattr(rank_zero_only, "rank", 0)) == 0


def as_launched(settings: TrainingSettings) -> TrainingSettings:
    """The settings for as many processes as torchrun or SLURM has started; what is 1 is taken from there.

    Raises:
        SettingsError: they ask for others, or nodes have different numbers of processes.
    """
    launch = _launch()
    if launch is None:
        return settings
    launcher, wanted = launch
    for name, count in wanted.items():
        asked = getattr(settings, name)
        if asked not in {1, count}:
            raise SettingsError(
                f"training.{name} is {asked}, but {launcher} started this run for {count}: leave it out, for what was "
                "started is known"
            )
    return replace(settings, devices=wanted["devices"], num_nodes=wanted["num_nodes"])


def _launch() -> tuple[str, dict[str, int]] | None:
    """Who started this process among others, and on how many devices and nodes; None if nobody did."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        launcher, world = "torchrun", int(os.environ["WORLD_SIZE"])
        each = int(os.environ["LOCAL_WORLD_SIZE"])
    elif "SLURM_NTASKS" in os.environ and os.environ.get("SLURM_JOB_NAME") not in {"bash", "interactive"}:
        launcher, world = "SLURM", int(os.environ["SLURM_NTASKS"])
        each = int(os.environ.get("SLURM_NTASKS_PER_NODE") or world // int(os.environ.get("SLURM_NNODES", 1)) or 1)
    else:
        return None
    if world % each:
        raise SettingsError(f"{launcher} started {world} processes, {each} of them here: every node needs as many")
    return launcher, {"devices": each, "num_nodes": world // each}


def must_start(settings: TrainingSettings) -> bool:
    """Whether a command line with these settings is to start processes that do what it says.

    Raises:
        SettingsError: several nodes, on which something else has to start them.
    """
    if settings.devices * settings.num_nodes == 1 or _launch() or any(place in os.environ for place in _PLACES):
        return False
    if settings.num_nodes > 1 and not {"MASTER_ADDR", "NODE_RANK"} <= os.environ.keys():
        raise SettingsError(
            f"training.num_nodes {settings.num_nodes} needs something that starts processes on every node: run the "
            f"same command by torchrun --nnodes {settings.num_nodes}, or by srun"
        )
    return settings.num_nodes == 1


def start(settings: TrainingSettings, last: Path) -> int:
    """Run this very command line again in as many processes as there are devices, until all or one of them have ended.

    torchrun's agent watches over them (torch's `elastic_launch`): it ends all when one is lost, and hands signals on.

    Args:
        last: the state that `--resume` would go on from.

    Returns:
        The exit status, after an error was said.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.disable(logging.CRITICAL)  # What the agent logs, this process says in a line.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    with tempfile.TemporaryDirectory(prefix="seqcore-") as folder:
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=settings.devices,
            run_id=_OURS,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="localhost",
            max_restarts=0,
            logs_specs=DefaultLogsSpecs(folder),
        )
        # Attributes and not arguments, for torch 2.9 does without; `nohup` has hang-ups ignored.
        config.signals_to_handle = ",".join(_heeded("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"))
        config.shutdown_timeout = _SECONDS_TO_END
        try:
            elastic_launch(config, sys.executable)(*sys.orig_argv[1:])
        except ChildFailedError as error:
            return _ended(error.failures, settings.devices, last)
        except SignalException as error:
            return 128 + int(error.sigval)
    return 0


def _heeded(*names: str) -> Iterable[str]:
    known = (name for name in names if hasattr(signal, name))  # Windows has not all of them.
    return (name for name in known if signal.getsignal(signal.Signals[name]) != signal.SIG_IGN)


def _ended(failures: Mapping[int, Any], processes: int, last: Path) -> int:
    """Say why a run ended, and give its exit status; `failures` are torch's, by rank."""
    ranks = sorted(failures, key=lambda rank: (failures[rank].timestamp, rank))
    codes = {failures[rank].exitcode for rank in ranks}
    stopped = codes.intersection(128 + number for number in (signal.SIGINT, signal.SIGTERM))
    if stopped and codes <= {*stopped, -signal.SIGTERM, LOST}:  # By a signal to one of them; the first has said so.
        return max(stopped)
    messages = [failures[rank].error_file_data["message"] for rank in ranks if Path(failures[rank].error_file).exists()]
    if messages:
        print(f"error: {messages[0]}", file=sys.stderr)
        return 1
    # The agent ends the others by SIGTERM, unless they have noticed by themselves.
    rank = next((rank for rank in ranks if failures[rank].exitcode not in {-signal.SIGTERM, LOST}), ranks[0])
    code = failures[rank].exitcode
    why = f"ended with status {code}" if code > 0 else f"was ended by {signal.Signals(-code).name}"
    why += ", as a system does that has run out of memory" if code == -signal.SIGKILL else ""
    print(f"error: process {rank + 1} of {processes} {why}, and so all have: {how_to_go_on(last)}", file=sys.stderr)
    return 1


@contextmanager
def others_may_be_lost(last: Path) -> Iterator[None]:
    """Say in a line what torch says of a process that no longer answers; `last` is the state to go on from.

    Raises:
        LostProcessError: there is such a process.
    """
    import torch

    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.distributed.DistError) and not _SILENCE.search(str(error)):
            raise
        raise LostProcessError(f"another process of this training has ended: {how_to_go_on(last)}") from error


def how_to_go_on(last: Path) -> str:
    """What to do after a run that was not the fault of its settings has ended."""
    if last.exists():
        return "run the same command with --resume to go on from where its state was saved"
    return "nothing was saved yet, so run the same command again"


def speaks(error: SeqcoreError) -> bool:
    """Whether this process is the one to say an error, of several that may all have met it; torchrun is told, too."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return True
    lost = isinstance(error, LostProcessError)
    ours = os.environ["TORCHELASTIC_RUN_ID"] == _OURS
    if not (lost and ours) and (file := os.environ.get("TORCHELASTIC_ERROR_FILE")):
        Path(file).write_text(json.dumps({"message": str(error)}), encoding="utf-8")
    if ours:
        return False
    place = int(os.environ["LOCAL_RANK"])
    if place and not lost:  # Where the first process of this node has met the same, torchrun ends this one meanwhile.
        time.sleep(_SECONDS_TO_SPEAK)
    return place < 2 or not lost
