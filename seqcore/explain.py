"""Looking inside: what of an input made a network say what it says."""

from collections.abc import Callable

import torch
from torch import Tensor

from seqcore.errors import SettingsError

_POINTS = 8  # of Gauss–Legendre in a part of the path
_MOST_PARTS = 64


def integrated_gradients(
    function: Callable[[Tensor], Tensor], inputs: Tensor, baseline: Tensor, tolerance: float = 0.01
) -> tuple[float, list[float], float]:
    """What each step of one sequence adds to a function's value (integrated gradients, Sundararajan 2017), by captum.

    The straight path from the baseline to the inputs is integrated in parts. What a part must add up to is known, the
    function's value at its end less that at its beginning; so the part that is furthest off is halved until baseline
    and contributions together are the value, but for ``tolerance`` of it. Most of a long sequence's path is smooth, and
    the little that is not gets the work.

    Args:
        function: (B, T, E) → (B,).
        inputs, baseline: (1, T, E).
        tolerance: a part of the value, or of 1 where that is more.

    Returns:
        The function's value of the baseline, a contribution of each step of the sequence, and the value of the inputs.

    Raises:
        SettingsError: captum is not installed.
    """
    try:
        from captum.attr import IntegratedGradients
    except ImportError as error:
        raise SettingsError("explanations need captum: pip install 'seqcore[apps]'") from error
    method = IntegratedGradients(function)

    def at(place: float) -> tuple[Tensor, float]:
        point = torch.lerp(baseline, inputs, place)
        with torch.no_grad():
            return point, float(function(point))

    def part(begin: float, end: float) -> tuple[float, float, float, Tensor]:
        (first, first_value), (last, last_value) = at(begin), at(end)
        with torch.enable_grad():
            added = method.attribute(last, first, n_steps=_POINTS, method="gausslegendre").sum(2)[0].detach()
        return float(added.sum()) - (last_value - first_value), begin, end, added

    start, value = at(0.0)[1], at(1.0)[1]
    parts = [part(0.0, 1.0)]
    while abs(sum(error for error, *_ in parts)) > tolerance / 2 * max(1.0, abs(value)) and len(parts) < _MOST_PARTS:
        worst = max(parts, key=lambda each: abs(each[0]))
        parts.remove(worst)
        _, begin, end, _ = worst
        middle = (begin + end) / 2
        parts += [part(begin, middle), part(middle, end)]
    contributions: list[float] = sum(added for *_, added in parts).tolist()  # type: ignore[union-attr]
    return start, contributions, value
