"""The precision and the type of numbers that a device is given when nobody names one."""

from typing import Any
from unittest.mock import patch

import pytest
import torch

from seqcore.errors import SettingsError
from seqcore.tasks.device import choose_dtype, computes_in_bfloat16
from seqcore.training.accelerator import chosen_precision
from seqcore.training.settings import TrainingSettings

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(("native", "precision"), [(True, "bf16-mixed"), (False, "32-true")])
def test_auto_is_mixed_where_there_are_instructions_for_it(native: bool, precision: str) -> None:
    assert TrainingSettings().precision == "auto"
    with patch("seqcore.training.accelerator.computes_in_bfloat16", lambda device: native):
        assert chosen_precision(TrainingSettings(accelerator="cpu")) == precision
        assert chosen_precision(TrainingSettings(precision="16-mixed")) == "16-mixed"


@pytest.mark.parametrize("test", ["_is_avx512_bf16_supported", "_is_amx_tile_supported"])
def test_a_processor_computes_in_bfloat16_by_its_instructions(test: str) -> None:
    none: dict[str, Any] = dict.fromkeys(("_is_avx512_bf16_supported", "_is_amx_tile_supported"), lambda: False)
    with patch.multiple("torch.cpu", **none):
        assert not computes_in_bfloat16(CPU)
    with patch.multiple("torch.cpu", **{**none, test: lambda: True}):
        assert computes_in_bfloat16(CPU)
    assert not computes_in_bfloat16(torch.device("mps"))


def test_auto_is_bfloat16_only_where_it_is_native_and_was_measured_to_pay() -> None:
    for native, pays, wanted in (
        (True, ("cpu",), torch.bfloat16),
        (True, (), torch.float32),
        (False, ("cpu",), torch.float32),
    ):
        with patch("seqcore.tasks.device.computes_in_bfloat16", lambda device, native=native: native):
            assert choose_dtype("auto", CPU, pays) == wanted
            assert choose_dtype("auto", GPU, pays) == torch.float32
    assert choose_dtype(torch.float16, CPU, ()) == torch.float16
    for wrong in (torch.int64, "float32", None):
        with pytest.raises(SettingsError, match="a model computes in a type such as"):
            choose_dtype(wrong, CPU, ())  # type: ignore[arg-type]
