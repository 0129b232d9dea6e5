"""Where a model computes, and in which numbers."""

from collections.abc import Collection
from typing import Literal

import torch

from seqcore.errors import SettingsError
from seqcore.validation import shown


def choose_device(device: str | torch.device) -> torch.device:
    """`auto` → the first accelerator that is there, or the CPU; anything else as torch names it.

    Raises:
        SettingsError: no such device here.
    """
    if not isinstance(device, str | torch.device):
        raise SettingsError(f"a device is named as torch does, such as cpu or cuda:0, not {shown(device)}")
    if device == "auto":
        accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
        return accelerator or torch.device("cpu")
    try:
        place = torch.device(device)
        torch.empty(1, device=place).item()  # The device for shapes alone cannot give it.
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise SettingsError(f"the device {str(device)!r} cannot be used here: {str(error).splitlines()[0]}") from error
    return place


def choose_dtype(
    dtype: torch.dtype | Literal["auto"], device: torch.device, bfloat16_pays: Collection[str]
) -> torch.dtype:
    """`auto` → bfloat16 where that was measured to pay and the device computes in it, or else float32.

    Args:
        bfloat16_pays: kinds of device on which it was, see `Task`.

    Raises:
        SettingsError: a type that no model computes in.
    """
    if isinstance(dtype, str) and dtype == "auto":
        return torch.bfloat16 if device.type in bfloat16_pays and computes_in_bfloat16(device) else torch.float32
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise SettingsError(f"a model computes in a type such as torch.float32, not in {shown(dtype)}")
    return dtype


def computes_in_bfloat16(device: torch.device) -> bool:
    """Whether a device has instructions for it; others take longer for bfloat16 than for single precision.

    Of processors, these are x86 with AVX512-BF16 or AMX, on which it was measured.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    tests = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return device.type == "cpu" and any(getattr(torch.cpu, test, bool)() for test in tests)
