"""Where a model computes."""

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
