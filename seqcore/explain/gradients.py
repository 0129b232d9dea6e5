"""How far back through time a gradient reaches, and what clipping and truncation do to it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from seqcore.nn.baselines import PlainRNN
from seqcore.nn.precision import single_precision
from seqcore.nn.stack import LSTMStack
from seqcore.nn.state import LSTMState


@dataclass(frozen=True)
class GradientFlow:
    """Holds what goes back through a recurrent network from a loss after its last step.

    Attributes:
        norms: (T,), the norm of ∂loss/∂h by the distance from the end: the first is that of the last step. h is the
            hidden state of all layers that one step hands to the next; the mean over the sequences of each one's norm.
        weights: the norm of the gradient of all weights together, of the loss's mean over the sequences.
        gradients: the gradient of each weight, in the order of `network.parameters()`.
    """

    norms: Tensor
    weights: float
    gradients: tuple[Tensor, ...]


def gradient_flow(network: PlainRNN | LSTMStack, x: Tensor, direction: Tensor, truncation: int = 0) -> GradientFlow:
    """Measure ∂loss/∂h at every step (Bengio 1994; Pascanu 2013).

    The loss is the last layer's output after the last step, seen along `direction`: where that has length 1, so has
    the gradient at distance 0, and every other norm tells what part of it is left.

    Args:
        network: one that reads one way.
        x: (B, T, input).
        direction: (H,), along which the last output is seen.
        truncation: steps through which the gradient flows back, as in truncated backpropagation through time
            (Williams & Peng 1990), counted from the end; 0 is all. Beyond, it is exactly 0.

    Raises:
        ValueError: there is no step, the truncation is negative, or a stack reads both ways and so has no last step.

    Example:
        >>> flow = gradient_flow(LSTMStack(3, 8), torch.randn(4, 20, 3), torch.eye(8)[0], truncation=10)
        >>> flow.norms.shape, bool(flow.norms[10:].any())  # Beyond the truncation nothing flows.
        (torch.Size([20]), False)
    """
    if isinstance(network, LSTMStack) and network.bidirectional:
        raise ValueError("a bidirectional stack reads from both ends: its gradient has no single way back")
    batch, total = x.shape[:2]
    if not batch or not total or truncation < 0:
        raise ValueError(f"needs a sequence, a step and a truncation of 0 or more, not {batch}, {total}, {truncation}")
    with torch.enable_grad(), single_precision(x.device, training=False):
        state: Tensor | LSTMState | None = None
        states: list[Tensor] = []
        for t in range(total):
            # One step a call, so that each step's state is a tensor that a gradient can be asked for.
            y, state = network(x[:, t : t + 1], state=state)
            states.append(state.h if isinstance(state, LSTMState) else state)
            distance = total - 1 - t
            if truncation and distance and distance % truncation == 0:
                state = state.detach()
        loss = (y[:, -1] @ direction).mean()
        weights = tuple(network.parameters())
        gradients = torch.autograd.grad(loss, [*states[:-1], y, *weights], allow_unused=True)
    of_states = [_of_each(gradient, like) for gradient, like in zip(gradients, states, strict=False)]
    of_output = gradients[total - 1].flatten(1).norm(dim=1)
    norms = torch.stack([of_output, *reversed(of_states[: total - 1])]).mean(1) * batch
    of_weights = tuple(
        torch.zeros_like(weight) if gradient is None else gradient
        for weight, gradient in zip(weights, gradients[total:], strict=True)
    )
    return GradientFlow(norms, _norm(of_weights), of_weights)


def clipped_norm(flow: GradientFlow, threshold: float) -> float:
    """Compute the norm of a flow's gradient of the weights after clipping (Pascanu 2013), as training does it.

    Clipping makes a gradient shorter and leaves its direction.

    Raises:
        ValueError: the threshold is not above 0.
    """
    if not threshold > 0:
        raise ValueError(f"the threshold must be above 0, but is {threshold}")
    weights = [torch.nn.Parameter(torch.zeros_like(gradient)) for gradient in flow.gradients]
    for weight, gradient in zip(weights, flow.gradients, strict=True):
        weight.grad = gradient.clone()
    torch.nn.utils.clip_grad_norm_(weights, threshold)
    return _norm(tuple(weight.grad for weight in weights if weight.grad is not None))


def _of_each(gradient: Tensor | None, like: Tensor) -> Tensor:
    """Compute the norm of each sequence's part of (L, B, H): (B,)."""
    if gradient is None:
        return like.new_zeros(like.shape[1])
    return gradient.transpose(0, 1).flatten(1).norm(dim=1)


def _norm(gradients: tuple[Tensor, ...]) -> float:
    return float(torch.stack([gradient.norm() for gradient in gradients]).norm())
