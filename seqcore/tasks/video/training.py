"""What only training does with frames and labels."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

MAX_CHANGE = 4.0  # It is τ of Farha & Gall 2019.
MAX_MASKED = 8  # Frames in a row.


def padded_clips(clips: Sequence[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    """Frames (T, …) and label numbers (T,) of each clip → one batch: `frames`, `target` and `lengths`.

    Frames beyond a clip's end are 0, and their target is -1.
    """
    lengths = torch.tensor([len(numbers) for _, numbers in clips])
    longest = int(lengths.max())
    frames = torch.zeros(len(clips), longest, *clips[0][0].shape[1:], dtype=clips[0][0].dtype)
    target = torch.full((len(clips), longest), -1)
    for row, (pixels, numbers) in enumerate(clips):
        frames[row, : len(numbers)] = pixels
        target[row, : len(numbers)] = numbers
    return {"frames": frames, "target": target, "lengths": lengths}


def frame_loss(
    logits: Tensor,
    target: Tensor,
    weights: Tensor | None = None,
    label_smoothing: float = 0.0,
    smoothing: float = 0.0,
) -> tuple[Tensor, int]:
    """Cross-entropy summed over frames, with `smoothing` times `smoothing_loss`, and how many frames there are.

    Args:
        logits: (B, T, C)
        target: (B, T), -1 where there is no frame.
        weights: (C,), what a frame of each class counts; None is 1 for all.
    """
    logits, real = logits.float(), target >= 0
    weights = None if weights is None else weights.to(logits.device)
    total = nn.functional.cross_entropy(
        logits[real], target[real], weights, reduction="sum", label_smoothing=label_smoothing
    )
    if smoothing:
        total = total + smoothing * smoothing_loss(logits, real)
    return total, int(real.sum())


def smoothing_loss(logits: Tensor, real: Tensor) -> Tensor:
    """Truncated mean squared error of neighbouring frames' log-probabilities, summed over frames (Farha & Gall 2019).

    Args:
        logits: (B, T, C)
        real: (B, T), which frames there are.
    """
    scores = logits.log_softmax(-1)
    change = (scores[:, 1:] - scores[:, :-1].detach()).abs().clamp(max=MAX_CHANGE)
    return change.square().mean(-1)[real[:, 1:]].sum()


def augment(frames: Tensor, height: int, width: int, flips: bool, time_mask: bool) -> Tensor:
    """Videos moved within their margins, and made brighter or darker and of more or less contrast, each at random.

    Args:
        frames: uint8 (B, T, C, H, W), at least height × width.
        flips: mirror every second video.
        time_mask: replace a few frames in a row by the video's mean, so that the rest must do (Park 2019).

    Returns:
        (B, T, C, height, width), floating point from about 0 to 255.
    """
    videos = []
    for video in frames:
        down = int(torch.randint(video.shape[-2] - height + 1, ()))
        right = int(torch.randint(video.shape[-1] - width + 1, ()))
        video = video[..., down : down + height, right : right + width].float()
        if flips and torch.rand(()) < 0.5:
            video = video.flip(-1)
        contrast, light = float(torch.empty(()).uniform_(0.8, 1.25)), float(torch.empty(()).uniform_(-15, 15))
        video = (video - 110) * contrast + 110 + light
        if time_mask and torch.rand(()) < 0.7:
            begin = int(torch.randint(max(1, len(video) - 5), ()))
            video[begin : begin + int(torch.randint(1, MAX_MASKED + 1, ()))] = video.mean(0)
        videos.append(video)
    return torch.stack(videos)


def class_weights(counts: Tensor) -> Tensor:
    """(C,) frames of each class → what one counts: the rarer the more, by the square root; 1 on average over frames."""
    weights = counts.clamp(min=1).float().rsqrt()
    return weights * counts.sum() / (weights * counts).sum().clamp(min=1e-9)
