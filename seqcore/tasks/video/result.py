"""What a per-frame video classifier answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seqcore.media.completeness import CutShort
from seqcore.tasks.video.config import FrameClassifierConfig
from seqcore.tasks.video.sampling import FramesRead, runs, spread


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
        times: of each frame, in seconds from the first one; they are the file's own, and always grow.
        fps: frames a second, on average.
        labels: of each frame.
        probabilities: (T, C), in the order of the classifier's labels.
        end: where the last frame ends, in seconds; None is one usual frame later.
        cut_short: how much there would be, where a file ends before its end; None where it does not.
        seen: numbers of the frames that the network saw, from 0, where it saw not all of them: see
            `FrameClassifierConfig.frame_rate`.
    """

    times: tuple[float, ...]
    fps: float
    labels: tuple[str, ...]
    probabilities: Tensor = field(repr=False)
    end: float | None = None
    cut_short: CutShort | None = None
    seen: tuple[int, ...] | None = field(default=None, repr=False)

    @property
    def duration(self) -> float:
        """Seconds from the first frame to where the last one ends."""
        if self.end is not None:
            return self.end
        return self.times[-1] + 1 / self.fps if self.times else 0.0

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Frames of the same label put together."""
        sure = self.probabilities.amax(1).tolist()
        ends = [*self.times[1:], self.duration]
        segments = []
        for begin, end in runs(self.labels):
            confidence = sum(sure[begin:end]) / (end - begin)
            segments.append(Segment(self.times[begin], ends[end - 1], self.labels[begin], confidence))
        return tuple(segments)


def to_frame_labels(
    times: Sequence[float],
    fps: float,
    probabilities: Tensor,
    config: FrameClassifierConfig,
    end: float | None = None,
    cut_short: CutShort | None = None,
    read: FramesRead | None = None,
) -> FrameLabels:
    """Each frame's likeliest label, after probabilities (S, C) were smoothed over `config.median` frames.

    Args:
        end, cut_short: see `FrameLabels`.
        read: says which S of the T frames the network saw; without it, all.
    """
    probabilities, seen = _smoothed(probabilities, config.median), None
    if read is not None and len(read.seen) < len(times):
        probabilities, seen = spread(probabilities, read.seen, read.changed), tuple(read.seen)
    labels = tuple(config.labels[number] for number in probabilities.argmax(1).tolist())
    return FrameLabels(tuple(times), fps, labels, probabilities, end, cut_short, seen)


def as_json(result: FrameLabels) -> dict[str, Any]:
    """What JSON can hold of a result: `{fps, labels, segments}`, and `cut_short` where it is."""
    segments = [
        {"start": round(one.start, 4), "end": round(one.end, 4), "label": one.label,
         "confidence": round(one.confidence, 4)}
        for one in result.segments
    ]  # fmt: skip
    cut_short = {"cut_short": result.cut_short._asdict()} if result.cut_short else {}
    return {"fps": round(result.fps, 4), "labels": list(result.labels), "segments": segments, **cut_short}


def _smoothed(probabilities: Tensor, frames: int) -> Tensor:
    """Medians over so many frames, an odd number; the first and the last frame stand for those beyond them."""
    if frames == 1 or not len(probabilities):
        return probabilities
    reach = frames // 2
    wide = torch.cat([probabilities[:1].expand(reach, -1), probabilities, probabilities[-1:].expand(reach, -1)])
    medians = wide.unfold(0, frames, 1).median(-1).values
    return medians / medians.sum(1, keepdim=True).clamp(min=1e-9)
