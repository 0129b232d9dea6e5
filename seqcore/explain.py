"""Looking inside: what of an input made a network say what it says."""

from collections.abc import Callable

import torch
from torch import Tensor

from seqcore.errors import SettingsError

_ELEMENTS = 4096  # steps of sequences worked on at once


def integrated_gradients(
    function: Callable[[Tensor], Tensor],
    inputs: Tensor,
    baseline: Tensor,
    tolerance: float = 0.01,
    most_steps: int = 512,
) -> tuple[float, list[float], float]:
    """What each step of one sequence adds to a function's value (integrated gradients, Sundararajan 2017), by captum.

    The integral is computed with ever more steps until baseline and contributions together are the value, but for
    ``tolerance`` of it.

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
    with torch.no_grad():
        first, value = float(function(baseline)), float(function(inputs))
    steps, contributions = 32, torch.zeros(inputs.shape[1])
    rows = max(1, _ELEMENTS // max(1, inputs.shape[1]))
    while steps <= most_steps:
        with torch.enable_grad():
            found = IntegratedGradients(function).attribute(inputs, baseline, n_steps=steps, internal_batch_size=rows)
        contributions = found.sum(2)[0].detach()
        if abs(first + float(contributions.sum()) - value) <= tolerance * max(1.0, abs(value)):
            break
        steps *= 2
    return first, contributions.tolist(), value
