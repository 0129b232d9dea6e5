"""One folder that holds a whole task: JSON for what it is, safetensors for its weights; never pickle."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from torch import nn

from seqcore.errors import CheckpointError, first_line
from seqcore.validation import shown
from seqcore.weights import write_weights

FORMAT_VERSION = 2
CONFIG = "config.json"
MAX_CONFIG_BYTES = 10_000_000
# What version 1 calls the keys of each task that are called otherwise now.
_KEYS_OF_1 = {
    "captioning": {"layers": "num_layers"},
    "sentiment": {"least_familiarity": "min_letter_log_likelihood"},
    "video": {"layers": "num_layers"},
}
TRAINING = "training"  # The folder inside, for what a run of training needs to go on.


class Checkpoint(NamedTuple):
    """A checkpoint that was found.

    Attributes:
        folder: where it is.
        config: what its `config.json` says, checked and in the newest format.
    """

    folder: Path
    config: dict[str, Any]


def is_hub_id(source: str | Path) -> bool:
    """Whether `source` can only be meant as `owner/name` on the hub: nothing here is called so, nor its owner."""
    path = Path(source)
    has_the_form = re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", str(source)) is not None
    return has_the_form and not path.exists() and not path.parent.is_dir()


def is_hub_reachable(seconds: float = 5.0) -> bool:
    """Whether the hub can be reached: one try, where a download would try for half a minute."""
    import huggingface_hub

    try:
        huggingface_hub.get_session().head(huggingface_hub.constants.ENDPOINT, timeout=seconds)
    except Exception:  # The client, a proxy and offline mode raise errors of many kinds.
        return False
    return True


def resolve_checkpoint(source: str | Path, revision: str | None = None) -> Path:
    """Find the folder of a checkpoint: a local one, or a hub id that is downloaded once.

    A server that keeps the hub away from its users (`HF_HUB_OFFLINE`) calls this for its own hub ids while it starts,
    before it sets that: to turn the constants of huggingface_hub off and on again would do so for every thread.

    Raises:
        CheckpointError: neither a folder nor a model that the hub can give.
    """
    if revision is not None and not isinstance(revision, str):
        raise CheckpointError(f"a revision is a branch, a tag or a commit by its name, not {shown(revision)}")
    folder = _path(source)
    backup = _backup(folder.resolve())
    if not folder.exists() and backup.exists():  # A save was cut between its two renames.
        return backup
    if not is_hub_id(source):
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    is_reachable = is_hub_reachable()
    try:
        if not is_reachable:  # A model that was downloaded before is there.
            return Path(snapshot_download(str(source), revision=revision, local_files_only=True))
        return Path(snapshot_download(str(source), revision=revision))
    except LocalEntryNotFoundError as error:
        message = f"{source} is no folder here, and the hub cannot be reached: connect to it, or name a folder"
        raise CheckpointError(message) from error
    except (HfHubHTTPError, ValueError, OSError) as error:
        message = f"{source} is no folder here, and the hub gave no model of that name: {first_line(error)}"
        raise CheckpointError(message) from error


def _path(source: str | Path) -> Path:
    """A path that the system accepts. Raises `CheckpointError` for what names none."""
    try:
        path = Path(source).expanduser()
        path.resolve().exists()  # It raises for what is too long, or holds what no name can.
    except (TypeError, ValueError, RuntimeError, OSError) as error:
        raise CheckpointError(f"a checkpoint is a folder or a hub id, not {shown(source)}: {error}") from error
    return path


def read_checkpoint(
    source: str | Path | Checkpoint, revision: str | None = None, task: str | None = None
) -> Checkpoint:
    """Find a checkpoint and read its configuration, once for all that follow; one that was read stays as it is.

    Args:
        source: a folder, or a hub id, which is downloaded once.
        revision: of the hub id.
        task: what it must be a checkpoint for.

    Raises:
        CheckpointError: there is none, or it is damaged, of a newer format or for another task.
    """
    if not isinstance(source, Checkpoint):
        folder = resolve_checkpoint(source, revision)
        source = Checkpoint(folder, read_config(folder))
    if task is not None and source.config.get("task") != task:
        raise CheckpointError(f"{source.folder} is a checkpoint for {source.config.get('task')!r}, not for {task!r}")
    return source


def read_config(folder: Path) -> dict[str, Any]:
    """Read and check `config.json`.

    Raises:
        CheckpointError: no folder, no file, no JSON, or a newer format.
    """
    if not folder.is_dir():
        raise CheckpointError(f"there is no checkpoint folder {folder}")
    path = folder / CONFIG
    if not path.is_file():
        raise CheckpointError(f"{folder} is no checkpoint: it has no {CONFIG}")
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ValueError("it is too large")
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise CheckpointError(f"{folder / CONFIG} is damaged: {error}") from error
    if not isinstance(config, dict) or type(config.get("format_version")) is not int:
        raise CheckpointError(f"{folder / CONFIG} is damaged: it names no format_version")
    if config["format_version"] < 1:
        raise CheckpointError(f"{folder / CONFIG} is damaged: there is no format_version {config['format_version']}")
    if config["format_version"] > FORMAT_VERSION:
        raise CheckpointError(
            f"{folder} has format_version {config['format_version']}, but this seqcore reads up to {FORMAT_VERSION}: "
            "update seqcore"
        )
    for version in range(config["format_version"], FORMAT_VERSION):
        config = {**MIGRATIONS[version](config), "format_version": version + 1}
    added = _ADDED.get(config["task"], {}) if isinstance(config.get("task"), str) else {}
    return {**config, **{key: value for key, value in added.items() if key not in config}}


def _from_1(config: Mapping[str, Any]) -> dict[str, Any]:
    names = next((names for task, names in _KEYS_OF_1.items() if task == config.get("task")), {})
    return {names.get(key, key): value for key, value in config.items()}


# Settings that a task has got since, and what a configuration without them means.
_ADDED: Mapping[str, Mapping[str, Any]] = {"translation": {"scripts": ["latin"]}, "video": {"frame_rate": 0.0}}

# What makes a configuration of a version one of the next; whatever was ever saved is read for ever.
MIGRATIONS: Mapping[int, Callable[[Mapping[str, Any]], dict[str, Any]]] = {1: _from_1}


def write_checkpoint(
    folder: str | Path,
    config: Mapping[str, Any],
    network: nn.Module,
    dtype: torch.dtype | None,
    write_assets: Callable[[Path], None],
) -> None:
    """Write a checkpoint whole or not at all.

    Everything is written beside the folder, then the two change places by renaming. After a crash at any moment the
    old checkpoint can still be read, from its own place or from its backup. Other files of the folder, such as a
    model card, are carried over.

    Raises:
        CheckpointError: the folder holds something else than a checkpoint, or cannot be written.
    """
    check_writable(folder)
    folder = Path(folder).expanduser().resolve()
    try:
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be written: {error}") from error
    try:
        fresh.chmod(0o755)
        write_assets(fresh)
        write_weights(fresh, network, dtype, sorted(file.name for file in fresh.iterdir()))
        text = json.dumps({"format_version": FORMAT_VERSION, **config}, indent=2, ensure_ascii=False)
        (fresh / CONFIG).write_text(text + "\n", encoding="utf-8")
        _exchange(fresh, folder)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            _finish_exchange(folder)
        raise CheckpointError(f"{folder} cannot be written: {error}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def check_writable(folder: str | Path) -> None:
    """Find out whether a checkpoint could be saved there, before hours are spent on making one.

    A save that was cut short is brought to its end first, so that the folder has all it had.

    Raises:
        CheckpointError: it is a file or a mount point, holds other things and no checkpoint, or cannot be written.
    """
    folder = Path(folder).expanduser().resolve()
    if folder.exists() and not folder.is_dir():
        raise CheckpointError(f"{folder} is a file, so no checkpoint can be saved there")
    if _is_mount_point(folder):
        raise CheckpointError(f"{folder} is a mount point: name a folder inside it, such as {folder / 'model'}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _finish_exchange(folder)
        if folder.is_dir():
            others = [entry.name for entry in folder.iterdir() if entry.name != TRAINING]
            if others and not (folder / CONFIG).exists():
                raise CheckpointError(f"{folder} holds {others[0]!r} and no checkpoint: name a new or an empty folder")
            if not os.access(folder, os.W_OK | os.X_OK):
                raise CheckpointError(f"{folder} cannot be written: permission denied")
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent):
            pass
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be written: {error.strerror or error}") from error


def _exchange(fresh: Path, folder: Path) -> None:
    """Put a new folder into an old one's place; whatever else the old one holds comes along."""
    if folder.exists():
        for old in folder.iterdir():
            if old.is_file() and not (fresh / old.name).exists():
                shutil.copy2(old, fresh / old.name)
    for file in fresh.iterdir():
        _flush(file)
    _flush(fresh)
    if folder.exists():
        folder.rename(_backup(folder))
    fresh.rename(folder)
    _finish_exchange(folder)


def _finish_exchange(folder: Path) -> None:
    """Do what is left of an exchange, wherever it was cut; afterwards there is no backup."""
    backup = _backup(folder)
    if not backup.exists():
        return
    if not folder.exists():
        backup.rename(folder)
        return
    for old in backup.iterdir():
        if old.is_dir() and not (folder / old.name).exists():  # Such as logs: they may be large, so they are moved.
            old.rename(folder / old.name)
    shutil.rmtree(backup)


def _flush(path: Path) -> None:
    """Make sure that a file or a folder is on the disk before a name is given to it."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _backup(folder: Path) -> Path:
    return folder.parent / f".{folder.name}.previous"


def _is_mount_point(folder: Path) -> bool:
    """Also where a folder of the same disk is mounted, which only Linux's own list tells."""
    mounts: list[str] = []
    with suppress(OSError):
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    return os.path.ismount(folder) or str(folder).replace(" ", "\\040") in (line.split()[4] for line in mounts)
