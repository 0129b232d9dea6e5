"""Turns the frames of a video into a vector each, by what is seen in them and in frames near them."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from seqcore.nn.images import ImageEncoder, ImageEncoderConfig

POOLED = (2, 3)  # rows and columns that are left of a frame at the end
_COMPARED = 24  # channels by which frames are compared


class FrameEncoder(nn.Module):
    """A small residual network (He 2016) over every frame and those at some offsets from it, stacked as channels.

    A first layer over five stacked grey frames is the 3-D convolution that lip readers begin with (Stafylakis &
    Tzimiropoulos 2017). With ``matching`` the network is also given how well every place fits the places around it in
    each of the other frames (the correlation layer of Dosovitskiy 2015), from which motion can be read.

    Args:
        channels: of a frame: 1 for grey, 3 for colour.
        height, width: of the frames, in pixels.
        offsets: frames that are seen beside each, as (−1, 0, 1); 0 is among them.
        widths: channels of the first layer and of each stage after it; from the second on a stage halves the picture.
        output_size: D
        matching: how far is looked for what fits, in steps of four pixels; 0 leaves it out.
    """

    def __init__(
        self,
        channels: int,
        height: int,
        width: int,
        offsets: Sequence[int] = (0,),
        widths: Sequence[int] = (32, 48, 96, 192),
        output_size: int = 256,
        matching: int = 0,
    ) -> None:
        super().__init__()
        self.size, self.offsets, self.matching, self.output_size = (
            (channels, height, width),
            tuple(offsets),
            matching,
            output_size,
        )
        self.stem = _layer(channels * len(offsets), widths[0], 5)
        self.compared = nn.Conv2d(channels, _COMPARED, 7, 4, 3) if matching else None
        fits = (len(offsets) - 1) * (2 * matching + 1) ** 2 if matching else 0
        self.pool = nn.MaxPool2d(3, 2, 1)
        widths = [widths[0] + fits, *widths[1:]]
        self.stages = nn.Sequential(
            *(_Block(old, new, 1 if i == 0 else 2) for i, (old, new) in enumerate(pairwise(widths)))
        )
        self.shrink = nn.AdaptiveAvgPool2d(POOLED)
        self.output = nn.Linear(widths[-1] * POOLED[0] * POOLED[1], output_size)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # quicker on a CPU

    def forward(self, frames: Tensor) -> Tensor:
        """(B, L, C, H, W), uint8 or floating point from 0 to 255 → (B, L − span, D).

        The span is the distance of the outermost offsets: so many frames have no neighbours on one side.
        """
        if frames.dim() != 5 or frames.shape[2:] != self.size:
            raise ValueError(f"frames must be (B, L, {', '.join(map(str, self.size))}), not {tuple(frames.shape)}")
        first = min(self.offsets)
        length = frames.shape[1] - (max(self.offsets) - first)
        x = (frames.to(self.output.weight.dtype) - 127) / 64
        near = [x[:, offset - first : offset - first + length] for offset in self.offsets]
        stacked = torch.cat(near, 2).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        seen = self.pool(self.stem(stacked))
        if self.compared is not None:
            maps = self.compared(x.flatten(0, 1)).unflatten(0, x.shape[:2])
            here = maps[:, -first : length - first].flatten(0, 1)
            others = [maps[:, o - first : o - first + length].flatten(0, 1) for o in self.offsets if o]
            seen = torch.cat([seen, *(correlation(here, other, self.matching) for other in others)], 1)
        features = self.output(self.shrink(self.stages(seen)).flatten(1))
        return features.unflatten(0, (frames.shape[0], length))  # type: ignore[no-any-return]


class PretrainedFrameEncoder(nn.Module):
    """Every frame by itself through an image network of timm or torchvision, pooled over its grid."""

    offsets = (0,)

    def __init__(self, config: ImageEncoderConfig) -> None:
        super().__init__()
        self.encoder = ImageEncoder(config)
        self.encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.output_size = self.encoder.output_size

    def forward(self, frames: Tensor) -> Tensor:
        """(B, L, 3, size, size) → (B, L, D)."""
        return self.encoder.pooled(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])


def correlation(here: Tensor, there: Tensor, radius: int) -> Tensor:
    """How well each place of a map fits those around it in another map (Dosovitskiy 2015).

    Args:
        here, there: (N, C, h, w)

    Returns:
        (N, (2 · radius + 1)², h, w), mean products of all channels; outside the map they are 0.
    """
    height, width = here.shape[2:]
    reach = torch.arange(-radius, radius + 1, device=here.device)
    rows = torch.arange(height, device=here.device).view(-1, 1, 1, 1) + reach.view(1, 1, -1, 1)
    columns = torch.arange(width, device=here.device).view(1, -1, 1, 1) + reach.view(1, 1, 1, -1)
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    places = (rows.clamp(0, height - 1) * width + columns.clamp(0, width - 1)).flatten(2).flatten(0, 1)
    # All pairs are one matrix product, far quicker than a product for each step.
    pairs = (here / here.shape[1]).flatten(2).transpose(1, 2) @ there.flatten(2)
    fits = pairs.gather(2, places.expand(len(here), -1, -1)) * inside.flatten(2).flatten(0, 1)
    return fits.transpose(1, 2).unflatten(2, (height, width))


def _layer(inputs: int, outputs: int, size: int, stride: int = 2) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


class _Block(nn.Module):
    """Two convolutions and a way around them (He 2016)."""

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
