"""What a per-frame video classifier answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from seqcore.tasks.video.config import FrameClassifierConfig


class Segment(NamedTuple):
    """Frames in a row with the same label.

    Attributes:
        start, end: in seconds; the end is where the next one begins.
        confidence: mean probability of the label.
    """

    start: float
    end: float
    label: str
    confidence: float


@dataclass(frozen=True)
class FrameLabels:
    """A label for each of T frames.

    Attributes:
        times: of each frame, in seconds from the first one; they are the file's own.
        fps: frames a second, on average.
        labels: of each frame.
        probabilities: (T, C), in the order of the classifier's labels.
    """

    times: tuple[float, ...]
    fps: float
    labels: tuple[str, ...]
    probabilities: Tensor = field(repr=False)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Frames of the same label put together."""
        sure = self.probabilities.amax(1).tolist()
        ends = [*self.times[1:], self.times[-1] + 1 / self.fps] if self.times else []
        segments = []
        for begin, end in runs(self.labels):
            confidence = sum(sure[begin:end]) / (end - begin)
            segments.append(Segment(self.times[begin], ends[end - 1], self.labels[begin], confidence))
        return tuple(segments)


def to_frame_labels(
    times: tuple[float, ...], fps: float, probabilities: Tensor, config: FrameClassifierConfig
) -> FrameLabels:
    """Each frame's likeliest label, after probabilities (T, C) were smoothed over `config.median` frames."""
    probabilities = _smoothed(probabilities, config.median)
    labels = tuple(config.labels[number] for number in probabilities.argmax(1).tolist())
    return FrameLabels(times, fps, labels, probabilities)


def runs(labels: Sequence[str]) -> list[tuple[int, int]]:
    """Where equal labels stand in a row: (first, behind the last) of each run."""
    changes = [0, *(i for i in range(1, len(labels)) if labels[i] != labels[i - 1]), len(labels)]
    return [(begin, end) for begin, end in pairwise(changes) if end > begin]


def _smoothed(probabilities: Tensor, frames: int) -> Tensor:
    """Medians over so many frames, an odd number; the first and the last frame stand for those beyond them."""
    if frames == 1 or not len(probabilities):
        return probabilities
    reach = frames // 2
    wide = torch.cat([probabilities[:1].expand(reach, -1), probabilities, probabilities[-1:].expand(reach, -1)])
    medians = wide.unfold(0, frames, 1).median(-1).values
    return medians / medians.sum(1, keepdim=True).clamp(min=1e-9)
