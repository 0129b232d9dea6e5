"""How the camera moves, measured on pictures whose motion is known."""

import pytest
import torch
from torch.nn.functional import grid_sample, interpolate

from seqcore.nn.motion import FEATURES_PER_SCALE, SCALES, CameraMotion


def blobs(count: int) -> torch.Tensor:
    """Smooth pictures, (count, 3, 96, 128), from 60 to 190."""
    rng = torch.Generator().manual_seed(0)
    rough = torch.rand(count, 3, 7, 9, generator=rng)
    return 60 + 130 * interpolate(rough, (96, 128), mode="bicubic").clamp(0, 1)


def seen(pictures: torch.Tensor, right: float = 0, down: float = 0, zoom: float = 0) -> torch.Tensor:
    """What is seen of them after the camera has moved, in parts of what is seen."""
    size = 0.6 * (1 - zoom)
    across, along = torch.linspace(-1, 1, 64) * size + 1.2 * right, torch.linspace(-1, 1, 48) * size + 1.2 * down
    grid = torch.stack(torch.meshgrid(across, along, indexing="xy"), -1).expand(len(pictures), -1, -1, -1)
    return grid_sample(pictures, grid, align_corners=True)


@pytest.mark.parametrize(
    ("motion", "numbers"),
    [
        ({}, (0, 0, 0)),
        ({"right": 0.01}, (-0.01, 0, 0)),
        ({"down": -0.01}, (0, 0.01, 0)),
        ({"zoom": 0.01}, (0, 0, 0.01)),
        ({"right": -0.002, "down": 0.005}, (0.002, -0.005, 0)),
    ],
)
def test_the_picture_goes_against_the_camera(motion: dict[str, float], numbers: tuple[float, ...]) -> None:
    pictures = blobs(8)
    motions = CameraMotion()(seen(pictures), seen(pictures, **motion)).view(8, SCALES, FEATURES_PER_SCALE)
    for scale in range(2):
        assert (motions[:, scale, :3].mean(0) / 30).tolist() == pytest.approx(numbers, abs=0.0015)


def test_light_is_no_motion() -> None:
    before = seen(blobs(8))
    motions = CameraMotion()(before, before * 0.9 + 20).view(8, SCALES, FEATURES_PER_SCALE)[:, 0]
    assert motions[:, :3].abs().max() < 0.03
    assert motions[:, 6].max() < 0.05  # light explains the change
    black = CameraMotion()(torch.zeros(2, 1, 48, 64), torch.zeros(2, 1, 48, 64))
    assert black.isfinite().all()
    assert black.view(2, SCALES, FEATURES_PER_SCALE)[..., :3].abs().max() == 0


def test_a_cut_is_explained_by_nothing() -> None:
    pictures = seen(blobs(8))
    assert CameraMotion()(pictures, pictures.roll(1, 0)).view(8, SCALES, FEATURES_PER_SCALE)[:, 0, 6].mean() > 0.4


def test_something_that_moves_by_itself_is_outvoted() -> None:
    rng = torch.Generator().manual_seed(0)
    before = 60 + 130 * interpolate(torch.rand(8, 3, 24, 32, generator=rng), (48, 64), mode="bilinear")
    after = before.clone()
    before[:, :, 10:22, 10:22], after[:, :, 10:22, 13:25] = 255, 255
    motions = CameraMotion()(before, after).view(8, SCALES, FEATURES_PER_SCALE)
    assert motions[:, 0, :3].abs().mean() / 30 < 0.004
