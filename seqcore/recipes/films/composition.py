"""Films made of photographs and of real motion, with the label of every frame known (after Souček & Lokoč 2020)."""

import io
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from seqcore.recipes.films.camera import MOTIONS, STILL, cross, film, random_path

CUT, DISSOLVE, FADE, WIPE = "cut", "dissolve", "fade", "wipe"
LABELS = (STILL, *MOTIONS, CUT, DISSOLVE, FADE, WIPE)
_TRANSITIONS = (CUT, CUT, CUT, DISSOLVE, DISSOLVE, FADE, FADE, WIPE, WIPE)


@dataclass(frozen=True)
class Pool:
    """What films are made of.

    Attributes:
        photographs: uint8 (N, 3, h, w).
        motion: films with a camera that stands still, each uint8 (n, 3, h, w).
    """

    photographs: Tensor | np.ndarray[Any, Any]
    motion: Sequence[Tensor] = ()

    def photograph(self, rng: random.Random) -> Tensor:
        """One of them, mirrored now and then."""
        chosen = torch.as_tensor(self.photographs[rng.randrange(len(self.photographs))])
        return chosen.flip(-1) if rng.random() < 0.5 else chosen


def compose(pool: Pool, seed: int, frames: int, height: int, width: int) -> tuple[Tensor, list[str]]:
    """A film: uint8 (frames, 3, height, width), and the label of each of its frames.

    Shots follow each other by cuts, dissolves, fades through black or white, and wipes. Moving things, hands that
    shake, flicker, flashes, noise and compression are no change of label.
    """
    rng = random.Random(seed)
    with torch.no_grad():
        pictures, labels = shot(pool, rng, shot_length(rng), height, width)
        if rng.random() < 0.15:  # The film fades in.
            count = min(len(pictures) - 1, rng.randrange(6, 25))
            pictures[:count] = mixed(colour(rng), pictures[:count], (torch.arange(count) + 0.5) / count)
            labels[:count] = [FADE] * count
        while len(pictures) < frames:
            pictures, labels = joined(pool, rng, pictures, labels, height, width)
        pictures, labels = pictures[:frames], labels[:frames]
        return spoiled(rng, pictures).round().clamp(0, 255).to(torch.uint8), labels


def shot_length(rng: random.Random) -> int:
    """Frames of a shot."""
    return rng.randrange(14, 90)


def shot(pool: Pool, rng: random.Random, frames: int, height: int, width: int) -> tuple[Tensor, list[str]]:
    """One shot, (frames, 3, height, width), 0 to 255, and its labels."""
    path = random_path(rng, frames)
    source = rng.choice(pool.motion) if pool.motion and rng.random() < 0.2 else pool.photograph(rng)
    pictures = film(source, path, height, width)
    if rng.random() < 0.35:
        pictures = cross(rng, pictures, pool.photograph(rng))
    return graded(rng, pictures), list(path.labels)


def joined(
    pool: Pool, rng: random.Random, before: Tensor, labels: list[str], height: int, width: int
) -> tuple[Tensor, list[str]]:
    """A film with one more shot."""
    after, more = shot(pool, rng, shot_length(rng), height, width)
    kind = rng.choice(_TRANSITIONS)
    longest = min(len(before), len(after)) - 1
    if kind == CUT or longest < 6:
        return torch.cat([before, after]), [*labels, CUT, *more[1:]]
    if kind == FADE:
        return faded(rng, before, labels, after, more, longest)
    count = min(longest, rng.randrange(6, 41))
    share = (torch.arange(count) + 1.0) / (count + 1)
    if kind == DISSOLVE:
        both = mixed(before[-count:], after[:count], share)
    else:
        both = wiped(rng, before[-count:], after[:count], share)
    return torch.cat([before[:-count], both, after[count:]]), [*labels[:-count], *[kind] * count, *more[count:]]


def faded(
    rng: random.Random, before: Tensor, labels: list[str], after: Tensor, more: list[str], longest: int
) -> tuple[Tensor, list[str]]:
    """Join two shots through black or white: one shot goes, for some frames there is nothing, the other comes."""
    plain = colour(rng)
    out, into = (min(longest, rng.randrange(4, 25)) for _ in range(2))
    hold = rng.randrange(0, 9)
    going = mixed(before[-out:], plain, (torch.arange(out) + 0.5) / out)
    coming = mixed(plain, after[:into], (torch.arange(into) + 0.5) / into)
    pictures = torch.cat([before[:-out], going, plain.expand(hold, *before.shape[1:]), coming, after[into:]])
    return pictures, [*labels[:-out], *[FADE] * (out + hold + into), *more[into:]]


def colour(rng: random.Random) -> Tensor:
    """Black, or seldom white."""
    return torch.full((1, 3, 1, 1), 255.0 if rng.random() < 0.25 else 0.0)


def mixed(before: Tensor, after: Tensor, share: Tensor) -> Tensor:
    """(1 − share) of the one, and of the other the rest."""
    return before + share.view(-1, 1, 1, 1) * (after - before)


def wiped(rng: random.Random, before: Tensor, after: Tensor, share: Tensor) -> Tensor:
    """An edge, hard or soft, that moves in one of four directions."""
    height, width = before.shape[2:]
    across = rng.random() < 0.5
    place = torch.linspace(0, 1, width).view(1, 1, 1, -1) if across else torch.linspace(0, 1, height).view(1, 1, -1, 1)
    if rng.random() < 0.5:
        place = 1 - place
    soft = rng.choice((0.01, 0.03, 0.1))
    edge = share.view(-1, 1, 1, 1) * (1 + 2 * soft) - soft
    return before + ((edge - place) / soft).clamp(0, 1) * (after - before)


def graded(rng: random.Random, pictures: Tensor) -> Tensor:
    """A look: contrast, light, and now and then no colour."""
    pictures = (pictures - 127) * rng.uniform(0.6, 1.2) + 127 + rng.uniform(-30, 30)
    if rng.random() < 0.1:
        pictures = pictures.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    return pictures.clamp(0, 255).contiguous()


def spoiled(rng: random.Random, pictures: Tensor) -> Tensor:
    """What cameras and files do to a film: flicker, flashes, black bars, blur, noise and compression."""
    frames, _, height, width = pictures.shape
    noise = torch.Generator().manual_seed(rng.randrange(2**31))
    if rng.random() < 0.3:
        gain = 1 + rng.uniform(0.01, 0.06) * torch.randn(frames, generator=noise)
        pictures = pictures * gain.view(-1, 1, 1, 1)
    for _ in range(rng.choice((0, 0, 0, 1, 2))):
        begin, count = rng.randrange(frames), rng.randrange(1, 4)
        strength = torch.linspace(rng.uniform(0.3, 0.9), 0.15, count)[: frames - begin]
        part = pictures[begin : begin + count]
        pictures = pictures.clone()
        pictures[begin : begin + count] = mixed(part, torch.full((1, 3, 1, 1), 255.0), strength)
    if rng.random() < 0.12:
        pictures = pictures.clone()
        bar = rng.randrange(1, max(2, height // 7))
        pictures[:, :, :bar] = pictures[:, :, height - bar :] = 0
    if rng.random() < 0.15:
        pictures = interpolate(avg_pool2d(pictures, 2), size=(height, width), mode="bilinear", align_corners=False)
    if rng.random() < 0.5:
        pictures = pictures + rng.uniform(0.5, 6) * torch.randn(pictures.shape, generator=noise)
    if rng.random() < 0.25:
        pictures = compressed(pictures, rng.randrange(35, 90))
    return pictures


def compressed(pictures: Tensor, quality: int) -> Tensor:
    """Each frame as a JPEG of twice the size."""
    images = []
    for picture in pictures.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy():
        image = Image.fromarray(picture)
        large = image.resize((2 * image.width, 2 * image.height), Image.Resampling.BILINEAR)
        file = io.BytesIO()
        large.save(file, "JPEG", quality=quality)
        again = Image.open(file).resize(image.size, Image.Resampling.BOX)
        images.append(torch.from_numpy(np.array(again)))
    return torch.stack(images).permute(0, 3, 1, 2).float()
