"""Training on a GPU: mixed precision whose gradients are right however small the loss, and runs that learn."""

from pathlib import Path
from typing import Any

import pytest
import torch
from device_verbs import ROWS, assert_alike, batch_of, gradients, training
from tiny_captioner import picture

import seqcore
from seqcore.explain import gradient_flow
from seqcore.nn import LSTMStack, PlainRNN
from seqcore.nn.precision import RecurrentPrecision, recurrent_precision
from seqcore.tasks.captioning import self_critical
from seqcore.training.settings import TrainingSettings

pytestmark = pytest.mark.cuda
FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"
TEXT_MODELS = ("translator", "sentiment", "language-model")


@pytest.mark.parametrize("model", TEXT_MODELS)
def test_gradients_are_the_cpus(model: str) -> None:
    found = []
    for device in ("cpu", "cuda"):
        task = seqcore.load(CHECKPOINTS / model, device=device)
        with training(task):
            found.append(gradients(task, batch_of(task, ROWS[task.name], device)))
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient, rtol=0.05, atol=0.02 * float(gradient.abs().max()))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("model", TEXT_MODELS)
def test_gradients_of_a_tiny_loss_are_not_zero(model: str, precision: RecurrentPrecision) -> None:
    task = seqcore.load(CHECKPOINTS / model, device="cuda")
    with training(task), torch.autocast("cuda", torch.bfloat16), recurrent_precision(precision):
        batch = batch_of(task, ROWS[task.name], "cuda")
        whole, tiny = gradients(task, batch), gradients(task, batch, 1e-8)
    for name, gradient in whole.items():
        assert tiny[name].dtype == torch.float32
        assert bool(tiny[name].any()) == bool(gradient.any()), name
        near = 0.05 * float(gradient.abs().max())
        torch.testing.assert_close(tiny[name] * 1e8, gradient, rtol=0.1, atol=near)


def test_weight_dropout_and_packed_sequences_under_autocast() -> None:
    stack = LSTMStack(16, 32, 2, bidirectional=True, weight_dropout=0.5).to("cuda")
    with torch.autocast("cuda", torch.bfloat16):
        values, state = stack(torch.randn(3, 6, 16, device="cuda"), torch.tensor([6, 0, 3]))
        (values.sum() * 1e-8).backward()
    assert {values.dtype, state.c.dtype} == {torch.float32}
    assert all(weight.grad is not None and weight.grad.any() for weight in stack.parameters())


def test_gradients_of_evaluation_are_the_cpus() -> None:
    torch.manual_seed(0)
    for network in (LSTMStack(3, 8, 2).eval(), PlainRNN(3, 8, 2).eval()):
        x, direction = torch.randn(2, 30, 3), torch.eye(8)[0]
        wanted = gradient_flow(network, x, direction)
        flow = gradient_flow(network.to("cuda"), x.cuda(), direction.cuda())
        assert_alike(flow.norms.cpu(), wanted.norms)


def test_rewards_train() -> None:
    task: Any = seqcore.load(FIXTURES / "captioner-v1", device="cuda")
    rows = [{"image": picture("red"), "captions": ["a red square"]}, {"image": picture("blue"), "captions": ["blue"]}]
    with training(task), torch.autocast("cuda", torch.bfloat16):
        assert gradients(task, batch_of(task, self_critical(task, rows, 2), "cuda"))


@pytest.mark.parametrize("precision", ["auto", "bf16-mixed", "16-mixed", "32-true"])
def test_a_run_learns(precision: str, tmp_path: Path) -> None:
    task = seqcore.load(FIXTURES / "translator-v1", device="cpu")
    settings = TrainingSettings(
        epochs=2, batch_tokens=100, warmup_steps=1, precision=precision, accelerator="gpu", progress=False
    )
    result = seqcore.training.fit(task, ROWS["translation"] * 20, ROWS["translation"], settings, tmp_path / "run")
    assert result.steps > 1
    assert task.device.type == "cuda"
    assert seqcore.load(tmp_path / "run", device="cpu")
