"""One shot of a composed film: a camera that moves over a photograph or over a film, by a path that is known."""

import math
import random
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample

STILL = "still"
MOTIONS = ("pan left", "pan right", "tilt up", "tilt down", "zoom in", "zoom out")
# Parts of the width (or height, or size) a frame; what is slower counts as still.
MIN_SPEED = 0.002
_MAX_SPEED = 0.04
_AHEAD = {"pan left": (-1, 0), "pan right": (1, 0), "tilt up": (0, -1), "tilt down": (0, 1)}


@dataclass(frozen=True)
class CameraPath:
    """Where the camera looks, for T frames; on each axis the source goes from −1 to 1.

    Attributes:
        x, y: the middle of what is seen.
        size: half of what is seen.
        labels: the motion between each frame and the one before.
    """

    x: Tensor
    y: Tensor
    size: Tensor
    labels: tuple[str, ...]


def random_path(rng: random.Random, frames: int, motion: str | None = None) -> CameraPath:
    """A camera that stands, moves with an eased start and end, and shakes a little.

    Args:
        motion: one of `MOTIONS`, or `still`; without it, any.
    """
    motion = motion or rng.choice((STILL, *MOTIONS))
    begin = rng.choice((0, rng.randrange(max(1, frames // 3))))
    moving = frames if rng.random() < 0.4 else rng.randrange(max(2, frames // 3), frames + 1)
    speed = eased(rng, frames, begin, moving) * math.exp(rng.uniform(math.log(0.004), math.log(_MAX_SPEED)))
    size = torch.full((frames,), math.exp(rng.uniform(math.log(0.3), math.log(0.75))))
    x, y = torch.zeros(frames), torch.zeros(frames)
    if motion in _AHEAD:
        right, down = _AHEAD[motion]
        room = 2 * (1 - float(size[0]))
        travel = 2 * float(size[0]) * speed.cumsum(0)
        max_travel = rng.uniform(0.7, 0.98) * room
        if float(travel[-1]) > max_travel:  # The photograph ends there.
            speed, travel = speed * max_travel / float(travel[-1]), travel * max_travel / float(travel[-1])
        aside = rng.uniform(-0.15, 0.15)
        free = room - float(travel[-1])
        start = rng.uniform(-free / 2, free / 2) - float(travel[-1]) / 2
        along, across = start + travel, aside * travel
        x, y = (along * right, across) if right else (across, along * down)
    elif motion == STILL:
        speed = torch.zeros(frames)
        room = 1 - float(size[0])
        x, y = x + rng.uniform(-room, room) * 0.9, y + rng.uniform(-room, room) * 0.9
    else:
        grown = speed.cumsum(0)
        grown = grown - grown[-1] if motion == "zoom in" else -grown
        edge = math.exp(rng.uniform(math.log(0.3), math.log(0.45)))
        max_growth = math.log(0.95 / edge)
        if float(grown.min().abs()) > max_growth:
            factor = max_growth / float(grown.min().abs())
            speed, grown = speed * factor, grown * factor
        size = edge * (-grown).exp()
        away = 1 - size.max()
        x, y = x + rng.uniform(-1, 1) * away * 0.9, y + rng.uniform(-1, 1) * away * 0.9
    labels = tuple(motion if value > MIN_SPEED else STILL for value in speed.tolist())
    amount = rng.choice((0.0, 0.0, 0.0004, 0.001))
    x, y = (axis + 2 * size * shake(rng, frames, amount) for axis in (x, y))
    return CameraPath(x.clamp(size - 1, 1 - size), y.clamp(size - 1, 1 - size), size, labels)


def eased(rng: random.Random, frames: int, begin: int, moving: int) -> Tensor:
    """Speed as a part of its peak: a smooth rise and fall within `moving` frames from `begin` on; with noise."""
    ramp = max(1.0, rng.uniform(0.05, 0.5) * moving)
    time = torch.arange(frames) - begin + 0.5
    inside = torch.minimum(time, moving - time).clamp(min=0)
    rise = (1 - torch.cos(math.pi * (inside / ramp).clamp(max=1))) / 2
    return rise * (1 + 0.1 * shake(rng, frames, 1.0)).clamp(min=0.5)


def shake(rng: random.Random, frames: int, amount: float) -> Tensor:
    """A trembling hand: three slow waves, (T,); `amount` is about its change from frame to frame."""
    if not amount:
        return torch.zeros(frames)
    time = torch.arange(frames)
    waves = [torch.sin(rng.uniform(0.1, 0.9) * time + rng.uniform(0, 2 * math.pi)) for _ in range(3)]
    return amount * torch.stack(waves).sum(0)


def film(source: Tensor, path: CameraPath, height: int, width: int) -> Tensor:
    """What the camera sees: (3, h, w), or (n, 3, h, w) for a film that goes to and fro → (T, 3, height, width).

    Every pixel is the mean of four, so that what is small does not flicker.
    """
    frames = len(path.x)
    across, down = torch.linspace(-1, 1, 4 * width + 1)[1::2], torch.linspace(-1, 1, 4 * height + 1)[1::2]
    size = path.size.view(-1, 1, 1)
    grid = torch.stack(
        torch.broadcast_tensors(
            across.view(1, 1, -1) * size + path.x.view(-1, 1, 1), down.view(1, -1, 1) * size + path.y.view(-1, 1, 1)
        ),
        -1,
    )
    if source.dim() == 3:
        pixels = source.float().unsqueeze(0)
        if float(path.size.mean()) * source.shape[-1] > 3 * width:
            pixels = avg_pool2d(pixels, 2)
        pixels = pixels.expand(frames, -1, -1, -1)
    else:
        there_and_back = [*range(len(source)), *range(len(source) - 2, 0, -1)]
        pixels = source[[there_and_back[i % len(there_and_back)] for i in range(frames)]].float()
    return avg_pool2d(grid_sample(pixels, grid, padding_mode="reflection", align_corners=False), 2)


def cross(rng: random.Random, scene: Tensor, photograph: Tensor) -> Tensor:
    """Something of another photograph moves through the scene: no motion of the camera. (T, 3, H, W) → the same."""
    frames, _, height, width = scene.shape
    time = torch.arange(frames).view(-1, 1, 1)
    wide, high = rng.uniform(0.06, 0.22) * width, rng.uniform(0.08, 0.3) * height
    speed, turn = rng.uniform(0.2, 3.0), rng.uniform(0, 2 * math.pi)
    middle = rng.uniform(0, frames)
    x = width * rng.uniform(0.3, 0.7) + (time - middle) * speed * math.cos(turn)
    y = height * rng.uniform(0.3, 0.7) + (time - middle) * speed * math.sin(turn) * 0.5
    away = ((torch.arange(width) - x) / wide) ** 2 + ((torch.arange(height).view(-1, 1) - y) / high) ** 2
    mask = (8 * (1 - away)).sigmoid().unsqueeze(1)
    begin = torch.stack([(x / width - 0.5).flatten(), (y / height - 0.5).flatten()])
    size = rng.uniform(0.3, 0.5)
    path = CameraPath(-2 * size * begin[0], -2 * size * begin[1], torch.full((frames,), size), ())
    return scene + mask * (film(photograph, path, height, width) - scene)
