"""Attribution of what a network answers to the steps of its input."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seqcore.errors import require
from seqcore.nn.precision import single_precision

_POINTS = 4  # Points of Gauss–Legendre in a part of the path.
_MAX_PARTS = 128


class _Part(NamedTuple):
    """A stretch of the path from baseline (0) to inputs (1): how far off its sum is, and what each step adds (T,)."""

    begin: float
    end: float
    error: float
    added: Tensor


def integrated_gradients(
    function: Callable[[Tensor], Tensor], inputs: Tensor, baseline: Tensor, tolerance: float = 0.01
) -> tuple[float, list[float], float]:
    """Compute what each step of one sequence adds to a function's value (Sundararajan 2017), by captum.

    The straight path from the baseline to the inputs is integrated in parts. What a part must add up to is known, the
    function's value at its end less that at its beginning; so the part that is furthest off is halved until baseline
    and contributions together are the value, but for `tolerance` of it. Most of a long sequence's path is smooth, and
    the little that is not gets the work.

    Args:
        function: what is explained, (B, T, E) → (B,); each sequence must be answered on its own. It may run layers of
            `seqcore.nn` in evaluation mode on any device; of torch's own `nn.LSTM`, cuDNN then gives no gradients, so
            it needs `torch.backends.cudnn.flags(enabled=False)` around it all.
        inputs, baseline: (1, T, E), such as embedded tokens and as many of padding.
        tolerance: how far off the sum may be, as a part of the value, or of 1 where that is more.

    Returns:
        The function's value of the baseline, a contribution of each step of the sequence, and the value of the inputs.

    Raises:
        SettingsError: captum is not installed.

    Example:
        >>> weights = torch.tensor([[1.0], [2.0], [4.0]])
        >>> integrated_gradients(lambda x: (x * weights).sum((1, 2)), torch.ones(1, 3, 1), torch.zeros(1, 3, 1))
        (0.0, [1.0, 2.0, 4.0], 7.0)
    """
    method = require("captum.attr", "explanations need", "apps").IntegratedGradients(function)
    with single_precision(inputs.device, training=False):  # Also on the way back, which layers know nothing of.
        return _integrated(function, method, inputs, baseline, tolerance)


def _integrated(
    function: Callable[[Tensor], Tensor], method: Any, inputs: Tensor, baseline: Tensor, tolerance: float
) -> tuple[float, list[float], float]:
    def along(places: list[float]) -> Tensor:
        return torch.cat([torch.lerp(baseline, inputs, place) for place in places])

    def integrate(spans: list[tuple[float, float]]) -> list[_Part]:
        first, last = along([begin for begin, _ in spans]), along([end for _, end in spans])
        with torch.no_grad():
            expected = function(last) - function(first)
        with torch.enable_grad():
            added = method.attribute(last, first, n_steps=_POINTS, method="gausslegendre").sum(2).detach()
        errors = (added.sum(1) - expected).tolist()
        return [_Part(*span, error, each) for span, error, each in zip(spans, errors, added, strict=True)]

    with torch.no_grad():
        start, value = function(along([0.0, 1.0])).tolist()
    allowed = tolerance / 2 * max(1.0, abs(value))
    parts = integrate([(0.0, 0.5), (0.5, 1.0)])
    while abs(sum(part.error for part in parts)) > allowed and len(parts) < _MAX_PARTS:
        worst = max(parts, key=lambda part: abs(part.error))
        parts = [part for part in parts if part is not worst]
        middle = (worst.begin + worst.end) / 2
        parts += integrate([(worst.begin, middle), (middle, worst.end)])
    contributions: list[float] = torch.stack([part.added for part in parts]).sum(0).tolist()
    return start, contributions, value
