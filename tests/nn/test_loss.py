"""The loss in blocks is torch's cross-entropy, in values and gradients."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from seqcore.nn.loss import ROWS, label_smoothed_cross_entropy

SIZES = [0, 1, ROWS - 1, ROWS, ROWS + 1, 3 * ROWS + 5]


def case(rows: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    torch.manual_seed(rows)
    return (5 * torch.randn(rows, 37)).to(dtype).requires_grad_(), torch.randint(37, (rows,))


def gradient(loss: Tensor, logits: Tensor) -> Tensor:
    (slope,) = torch.autograd.grad(3 * loss, logits)  # a factor from outside must reach the gradient
    return slope


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("rows", SIZES)
def test_values_and_gradients_are_those_of_torch(rows: int, smoothing: float) -> None:
    logits, labels = case(rows)
    ours = label_smoothed_cross_entropy(logits, labels, smoothing)
    theirs = functional.cross_entropy(logits, labels, reduction="sum", label_smoothing=smoothing)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(gradient(ours, logits), gradient(theirs, logits), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_of_half_precision_it_is_computed_in_single_precision(smoothing: float) -> None:
    logits, labels = case(ROWS + 5, torch.bfloat16)
    exact = logits.detach().float().requires_grad_()
    ours = label_smoothed_cross_entropy(logits, labels, smoothing)
    theirs = functional.cross_entropy(exact, labels, reduction="sum", label_smoothing=smoothing)
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-4)
    slope = gradient(ours, logits)
    assert slope.dtype == torch.bfloat16
    torch.testing.assert_close(slope.float(), gradient(theirs, exact), rtol=0.02, atol=1e-3)


def test_double_precision_stays_double() -> None:
    logits, labels = case(ROWS + 5, torch.float64)
    ours = label_smoothed_cross_entropy(logits, labels, 0.1)
    assert ours.dtype == torch.float64
    assert torch.autograd.gradcheck(lambda x: label_smoothed_cross_entropy(x, labels, 0.1), logits)


def test_without_gradients_only_the_value_is_made() -> None:
    logits, labels = case(ROWS + 5)
    with torch.no_grad():
        ours = label_smoothed_cross_entropy(logits, labels, 0.1)
    assert not ours.requires_grad
    torch.testing.assert_close(ours, label_smoothed_cross_entropy(logits, labels, 0.1).detach())
