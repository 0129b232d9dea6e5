"""A configuration and a network as one folder: loaded, saved, shared and moved between devices."""

import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import nn
from typing_extensions import Self

from seqcore.checkpoint import CONFIG, Checkpoint, read_checkpoint, write_checkpoint
from seqcore.errors import CheckpointError, SettingsError, first_line, is_out_of_memory
from seqcore.tasks.device import choose_device, choose_dtype
from seqcore.tasks.prediction import Answering
from seqcore.validation import read_settings
from seqcore.weights import build_checked, read_header, read_weights


class Pretrained(Answering):
    """What can be loaded from a folder or the hub, ready to answer, and written there again; see `Task`."""

    name: ClassVar[str]
    Config: ClassVar[type]
    bfloat16_pays: ClassVar[Collection[str]] = ()
    config: Any
    network: nn.Module

    def __init__(self, config: Any) -> None:
        self.config = config

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.network.parameters()).device

    def to(self, device: str | torch.device) -> Self:
        """Move the weights; `auto` is the first accelerator, or else the CPU."""
        self.network.to(choose_device(device))
        return self

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path | Checkpoint,
        revision: str | None = None,
        device: str | torch.device = "auto",
        dtype: torch.dtype | Literal["auto"] = torch.float32,
    ) -> Self:
        """Load a checkpoint, ready to answer.

        Args:
            source: a folder, or a hub id; or what `seqcore.checkpoint.read_checkpoint` gave of one.
            revision: of the hub id.
            dtype: to compute in, whatever the file holds. On a GPU, too, float32 is single precision proper, without
                TF32. `auto` is for batches: bfloat16 where the device has instructions for it and it was measured to
                pay for this task, with answers that are not all the same, and float32 everywhere else.

        Raises:
            CheckpointError: it is missing, damaged, of another task or of a newer format.
            SettingsError: no such device, or a type that no model computes in.
        """
        place = choose_device(device)
        numbers = choose_dtype(dtype, place, cls.bfloat16_pays)
        folder, values = read_checkpoint(source, revision, cls.name)
        values = {key: value for key, value in values.items() if key not in {"task", "format_version"}}
        config: Any = read_settings(cls.Config, values, folder / CONFIG)
        header = read_header(folder)
        try:
            task = build_checked(header, lambda: cls.from_config(config, folder))
        except (TypeError, ValueError, SettingsError, RuntimeError, OverflowError) as error:
            if is_out_of_memory(error):
                raise
            raise CheckpointError(f"{folder / CONFIG} is damaged: {first_line(error)}") from error
        task.network.to(numbers)
        read_weights(header, task.network)
        task.network.to(place).eval()
        return task

    def save_pretrained(self, folder: str | Path, dtype: torch.dtype | None = None) -> None:
        """Write everything that `from_pretrained` needs, whole or not at all.

        Args:
            dtype: of the saved weights, such as `torch.float16`; without it, their own.

        Raises:
            CheckpointError: the folder cannot be written; what it held is still there.
        """
        config = {"task": self.name, **dataclasses.asdict(self.config)}
        write_checkpoint(folder, config, self.network, dtype, self.save_assets)

    def push_to_hub(self, name: str, private: bool = False, dtype: torch.dtype | None = torch.float16) -> str:
        """Upload the checkpoint as `owner/name` and return its address; needs a token, as `hf auth login` gives.

        A model card is not written by seqcore: edit it there.
        """
        import tempfile

        from huggingface_hub import HfApi

        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(Path(folder) / "checkpoint", dtype)
            hub = HfApi()
            address = hub.create_repo(name, private=private, exist_ok=True)
            hub.upload_folder(repo_id=name, folder_path=Path(folder) / "checkpoint")
        return str(address)

    @classmethod
    def from_config(cls, config: Any, folder: Path) -> Self:
        """Make the task with an untrained network, and read what its folder holds besides, such as a tokenizer.

        Before any memory is taken for a network that is much larger than the file, this is run on torch's device for
        shapes alone (`meta`): no code that it calls may read the values of tensors.
        """
        return cls(config)

    def save_assets(self, folder: Path) -> None:
        """Write what the folder holds beside configuration and weights, such as a tokenizer; by default nothing."""
