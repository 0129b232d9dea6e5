"""How the camera moves between two frames, by least squares."""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

SCALES = 3
FEATURES_PER_SCALE = 7
_GREY = (0.299, 0.587, 0.114)
_RIDGE = 1e-3  # Added to the diagonal, since a picture may have too little in it for a solution.
_IRLS_STEPS = 4


class CameraMotion(nn.Module):
    """Measures shift, zoom and change of light between two frames by gradients (Lucas & Kanade 1981; Bergen 1992).

    Brightness that moves with the picture says ∂I/∂x · u + ∂I/∂y · v + ∂I/∂t = 0 at every place. With (u, v) a shift
    and a zoom about the middle, and light that changes by a gain and an offset, that is a least-squares problem of
    five unknowns. It is solved at several scales, from half the size on, since only small motions fit, and again with
    less weight on places that do not fit, such as things that move by themselves. Nothing is learned.
    """

    @torch.no_grad()
    def forward(self, before: Tensor, after: Tensor) -> Tensor:
        """Compare the frames of N pairs.

        Args:
            before, after: (N, C, H, W), from 0 to 255.

        Returns:
            (N, SCALES · FEATURES_PER_SCALE). Of each scale: shift to the right and down in parts of the picture, zoom,
            gain, offset, and how strong the change is before (as a logarithm) and after (as a part) what is explained
            is taken away.
        """
        with torch.autocast(before.device.type, enabled=False):
            one, other = (avg_pool2d(_grey(frames.float()), 2, ceil_mode=True) for frames in (before, after))
            features = []
            for _ in range(SCALES):
                one, other = (_blurred(x) for x in (one, other))
                features.append(_solve(one, other))
                one, other = (avg_pool2d(x, 2, ceil_mode=True) for x in (one, other))
            return torch.cat(features, 1)


def _blurred(pixels: Tensor) -> Tensor:
    return avg_pool2d(nn.functional.pad(pixels, (1, 1, 1, 1), mode="replicate"), 3, 1)


def _grey(frames: Tensor) -> Tensor:
    """Make frames grey, (N, 1, H, W), from −1 to 1."""
    if frames.shape[1] == 3:
        frames = (frames * frames.new_tensor(_GREY).view(3, 1, 1)).sum(1, keepdim=True)
    return frames / 127.5 - 1


def _cauchy_weights(rest: Tensor, weight: Tensor) -> Tensor:
    """Weigh places (N, places), the less the worse one fits: Cauchy's weights, as robust regression has them."""
    spread = (weight * rest.abs()).sum(1, keepdim=True) / weight.sum(1, keepdim=True) + 1e-3
    return 1 / (1 + (rest / spread).square())


def _solve(one: Tensor, other: Tensor) -> Tensor:
    """Solve by iteratively reweighted least squares: (N, 1, H, W) twice → (N, FEATURES_PER_SCALE)."""
    height, width = one.shape[2:]
    both = (one + other) / 2
    right = (both[:, 0, 1:-1, 2:] - both[:, 0, 1:-1, :-2]) / 2 * width
    down = (both[:, 0, 2:, 1:-1] - both[:, 0, :-2, 1:-1]) / 2 * height
    middle = both[:, 0, 1:-1, 1:-1]
    change = (other - one)[:, 0, 1:-1, 1:-1].flatten(1)
    x = torch.linspace(-1, 1, width, device=one.device)[1:-1] / 2
    y = torch.linspace(-1, 1, height, device=one.device)[1:-1].view(-1, 1) / 2
    # What each unknown adds to the change of brightness: where the picture goes, brightness comes from the other side.
    parts = torch.stack([-right, -down, -(right * x + down * y), middle, torch.ones_like(middle)], 1).flatten(2)
    weight = _cauchy_weights(change, torch.ones_like(change))  # The first guess is that nothing moved.
    ridge = _RIDGE * torch.eye(parts.shape[1], device=one.device)
    answer = rest = change
    for _ in range(_IRLS_STEPS):
        weighed = parts * weight.unsqueeze(1)
        square = weighed @ parts.transpose(1, 2) / parts.shape[2]
        answer = torch.linalg.solve(square + ridge, (weighed @ change.unsqueeze(2) / parts.shape[2])).squeeze(2)
        rest = change - (answer.unsqueeze(1) @ parts).squeeze(1)
        weight = _cauchy_weights(rest, weight)
    strength = change.square().mean(1) + 1e-6
    unexplained = rest.square().mean(1) / strength
    scale = answer.new_tensor([30.0, 30.0, 30.0, 3.0, 3.0])
    return torch.cat(
        [(answer * scale).clamp(-5, 5), strength.log().unsqueeze(1) / 4, unexplained.clamp(0, 2).unsqueeze(1)], 1
    )
