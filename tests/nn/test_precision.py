"""Which layers leave autocast, and a setting of torch that is one for all threads."""

import threading
from typing import Any

import pytest
import torch

from seqcore.nn import LSTMStack
from seqcore.nn.precision import leaves_autocast, recurrent_precision, single_precision

GPU, CPU = torch.device("cuda"), torch.device("cpu")


def setting() -> tuple[str, str]:
    cudnn: Any = torch.backends.cudnn
    return cudnn.rnn.fp32_precision, cudnn.conv.fp32_precision


def test_autocast_on_a_cpu_is_as_torch_has_it() -> None:
    torch.manual_seed(0)
    stack = LSTMStack(8, 8, 2).eval()
    x = torch.randn(2, 5, 8)
    with torch.autocast("cpu", torch.bfloat16):
        assert not leaves_autocast(CPU)
        mixed, _ = stack(x)
    exact, _ = stack(x)
    assert not torch.equal(mixed.float(), exact)
    torch.testing.assert_close(mixed.float(), exact, rtol=0, atol=0.02)


def test_a_recurrent_layer_leaves_autocast_only_where_it_is_on() -> None:
    assert not leaves_autocast(GPU)
    torch.set_autocast_enabled("cuda", True)
    try:
        assert leaves_autocast(GPU)
        with recurrent_precision("autocast"):
            assert not leaves_autocast(GPU)
        with recurrent_precision("bfloat16"):
            assert leaves_autocast(GPU)
    finally:
        torch.set_autocast_enabled("cuda", False)
    assert not leaves_autocast(torch.device("meta"))


def test_an_unknown_precision_is_refused() -> None:
    with (
        pytest.raises(ValueError, match="one of float32, bfloat16, autocast, not in 'float64'"),
        recurrent_precision(
            "float64"  # type: ignore[arg-type]
        ),
    ):
        pass


def test_single_precision_lasts_until_the_last_thread_has_gone() -> None:
    before = setting()
    first_in, first_out, second_in, end = (threading.Event() for _ in range(4))

    def other() -> None:
        first_in.wait()
        with single_precision(GPU, training=False):
            second_in.set()
            end.wait()

    thread = threading.Thread(target=other)
    thread.start()
    with single_precision(GPU, training=False):
        assert setting() == ("ieee", "ieee")
        first_in.set()
        second_in.wait()
    first_out.set()
    assert setting() == ("ieee", "ieee")
    end.set()
    thread.join()
    assert setting() == before


def test_training_and_processors_leave_the_setting_alone() -> None:
    before = setting()
    for device, training in ((GPU, True), (CPU, False)):
        with single_precision(device, training):
            assert setting() == before
