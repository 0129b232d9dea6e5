"""Which frames of a film the network sees: films have 24 to 240 frames a second, and a network knows one rate."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from seqcore.media.clips import Clip

MAX_MOMENT = 3  # Frames that the network saw: a label of no more, around a frame unlike the one before, is that one's.
_CLEAR = 2.0  # So many times more does that frame differ from the one before it than others do.


class Sampler:
    """Takes about as many frames a second as a network knows, so that what moves alike looks alike.

    Args:
        rate: frames a second, see `FrameClassifierConfig.frame_rate`; 0 takes all.

    Example:
        >>> sampler = Sampler(25)
        >>> [sampler.takes(number / 60) for number in range(6)]
        [True, False, True, False, True, False]
        >>> sampler = Sampler(25)
        >>> all(sampler.takes(number / 24) for number in range(100))
        True
    """

    def __init__(self, rate: float) -> None:
        self._rate, self._place = rate, -1

    def takes(self, time: float) -> bool:
        """Whether the network is to see the next frame, shown at a time in seconds."""
        place = math.floor(time * self._rate + 0.5 + 1e-6) if self._rate else self._place + 1
        is_next = place > self._place
        self._place = max(place, self._place)
        return is_next


@dataclass
class FramesRead:
    """What is remembered of frames that were read, T of them.

    Attributes:
        times: of each, in seconds.
        seen: numbers of those that the network sees.
        changed: how much each differs from the one before it, if the network does not see all.
    """

    times: list[float] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    changed: list[float] = field(default_factory=list)


def seen_of_clip(clip: Clip, rate: float) -> FramesRead:
    """What of a clip that was read before the network sees, see `Sampler`."""
    sampler = Sampler(rate)
    seen = [number for number, time in enumerate(clip.times) if sampler.takes(time)]
    read = FramesRead(list(clip.times), seen)
    if len(seen) < len(clip.times) and clip.frames.dim() == 4:
        read.changed = [change(None if i == 0 else clip.frames[i - 1], clip.frames[i]) for i in range(len(clip.times))]
    else:
        read.changed = [0.0] * len(clip.times)
    return read


def change(before: Tensor | None, frame: Tensor) -> float:
    """How much a frame, uint8 (C, H, W), differs from the one before it, on average over its pixels."""
    if before is None:
        return 0.0
    return float((frame.to(torch.int16) - before.to(torch.int16)).abs().float().mean())


def spread(probabilities: Tensor, seen: Sequence[int], changed: Sequence[float]) -> Tensor:
    """Probabilities of the frames that were seen, (S, C) → of all frames, (T, C).

    A label says what happened since the frame before, so it is also that of the frames that were left out between the
    two. What happens at once, such as a cut, is not made longer by that: see `MAX_MOMENT`.

    Args:
        seen: their numbers, which grow; the first one is 0.
        changed: of T frames, how much each differs from the one before it.
    """
    rows = [
        place for place, (last, number) in enumerate(zip([-1, *seen], seen, strict=False)) for _ in range(last, number)
    ]
    rows += [len(seen) - 1] * (len(changed) - len(rows))
    labels = probabilities.argmax(1).tolist()
    sure = probabilities.amax(1).tolist()
    for begin, end in runs(labels):
        if begin and end < len(seen) and end - begin <= MAX_MOMENT:
            first, after = seen[begin - 1] + 1, seen[end - 1] + 1
            moment = _moment(changed[first:after])
            if moment is not None:
                surest = max(range(begin, end), key=sure.__getitem__)
                rows[first:after] = [begin - 1] * moment + [surest] + [end] * (after - first - moment - 1)
    return probabilities[rows]


def runs(labels: Sequence[Any]) -> list[tuple[int, int]]:
    """Where equal labels stand in a row: (first, behind the last) of each run."""
    changes = [0, *(i for i in range(1, len(labels)) if labels[i] != labels[i - 1]), len(labels)]
    return [(begin, end) for begin, end in pairwise(changes) if end > begin]


def _moment(changed: Sequence[float]) -> int | None:
    """Which of some frames differs clearly from the one before it, unlike the others; None if there are not two."""
    if len(changed) < 2:
        return None
    most, second = sorted(changed, reverse=True)[:2]
    return changed.index(most) if most > _CLEAR * second + 1 else None
