"""Frame encoders, which turn the frames of a video into a vector each."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from seqcore.nn.images import ImageEncoder, ImageEncoderConfig
from seqcore.nn.motion import FEATURES_PER_SCALE, SCALES, CameraMotion
from seqcore.nn.precision import single_precision

POOLED = (2, 3)  # Rows and columns that remain of a frame at the end.


class FrameEncoder(nn.Module):
    """Runs a small residual network (He 2016) over every frame and those at some offsets, stacked as channels.

    A first layer over five stacked grey frames is the 3-D convolution that lip readers begin with (Stafylakis &
    Tzimiropoulos 2017). With `motion` the vector is also made of how the camera moved since each of the other frames,
    see `CameraMotion`, and of how bright and how varied the colours are.

    Args:
        channels: 1 for grey frames, 3 for colour.
        height, width: size of the frames, in pixels.
        offsets: which frames are seen beside each, such as (−1, 0, 1); 0 is among them.
        widths: channels of the first layer and of each stage after it; from the second on a stage halves the picture.
        output_size: D, the width of a frame's vector.
        motion: whether the motion of the camera is measured.
    """

    def __init__(
        self,
        channels: int,
        height: int,
        width: int,
        offsets: Sequence[int] = (0,),
        widths: Sequence[int] = (32, 48, 96, 192),
        output_size: int = 256,
        motion: bool = False,
    ) -> None:
        super().__init__()
        self.size, self.offsets, self.output_size = (channels, height, width), tuple(offsets), output_size
        self.stem = _layer(channels * len(offsets), widths[0], 5)
        self.motion = CameraMotion() if motion else None
        measured = (len(offsets) - 1) * SCALES * FEATURES_PER_SCALE + 2 * channels if motion else 0
        self.scale = nn.BatchNorm1d(measured) if motion else None
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.stages = nn.Sequential(
            *(_Block(old, new, 1 if i == 0 else 2) for i, (old, new) in enumerate(pairwise(widths)))
        )
        self.shrink = nn.AdaptiveAvgPool2d(POOLED)
        self.output = nn.Linear(widths[-1] * POOLED[0] * POOLED[1] + measured, output_size)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # It is quicker on a CPU.

    def forward(self, frames: Tensor) -> Tensor:
        """Turn frames into vectors: (B, L, C, H, W), uint8 or floating point from 0 to 255 → (B, L − span, D).

        The span is the distance of the outermost offsets: so many frames have no neighbours on one side.

        Raises:
            ValueError: the frames have another size.
        """
        if frames.dim() != 5 or frames.shape[2:] != self.size:
            raise ValueError(f"frames must be (B, L, {', '.join(map(str, self.size))}), not {tuple(frames.shape)}")
        first = min(self.offsets)
        length = frames.shape[1] - (max(self.offsets) - first)
        x = (frames.to(self.output.weight.dtype) - 127) / 64
        near = [x[:, offset - first : offset - first + length] for offset in self.offsets]
        stacked = torch.cat(near, 2).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        with single_precision(frames.device, self.training):
            seen = self.shrink(self.stages(self.pool(self.stem(stacked)))).flatten(1)
        if self.motion is not None and self.scale is not None:
            here = frames[:, -first : length - first].flatten(0, 1)
            others = [frames[:, o - first : o - first + length].flatten(0, 1) for o in self.offsets if o]
            light = here.to(x.dtype).flatten(2) / 64
            measured = [self.motion(other, here).to(x.dtype) for other in others]
            seen = torch.cat([seen, self.scale(torch.cat([*measured, light.mean(2), light.std(2)], 1))], 1)
        return self.output(seen).unflatten(0, (frames.shape[0], length))  # type: ignore[no-any-return]


class PretrainedFrameEncoder(nn.Module):
    """Runs every frame by itself through an image network of timm or torchvision, pooled over its grid."""

    offsets = (0,)

    def __init__(self, config: ImageEncoderConfig) -> None:
        super().__init__()
        self.encoder = ImageEncoder(config)
        self.encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.output_size = self.encoder.output_size

    def forward(self, frames: Tensor) -> Tensor:
        """Turn frames into vectors: (B, L, 3, size, size) → (B, L, D)."""
        return self.encoder.pooled(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])


def _layer(inputs: int, outputs: int, size: int, stride: int = 2) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


class _Block(nn.Module):
    """Runs two convolutions and a shortcut around them (He 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_layer(inputs, outputs, 3, stride),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        same = stride == 1 and inputs == outputs
        self.around = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.around(x))
