"""What a per-frame video classifier is, as its `config.json` says."""

from typing import Annotated

from pydantic import Field

from seqcore.deprecation import Renamed
from seqcore.errors import SettingsError
from seqcore.media.video import View
from seqcore.nn.images import MAX_SIDE, ImageEncoderConfig
from seqcore.validation import Rate, Size, settings

COMPACT = "compact"
Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
FewFrames = Annotated[int, Field(ge=0, le=100)]
Part = Annotated[float, Field(ge=0, le=1)]


@settings()
class FrameClassifierConfig:
    """What a per-frame video classifier is.

    Attributes:
        labels: the classes, C of them.
        background: the one that says that nothing is there, such as silence; none if empty.
        aliases: other names that data may have for labels, each `name=label`.
        backbone: `compact`, a small network trained from nothing, or a network of timm or torchvision by its name.
        height, width: of what the network sees of a frame, in pixels; of a pretrained one, both are its size.
        crop: top, left, bottom and right of what is seen, as parts of the frame; this is scaled to height and width,
            margins included.
        margin: pixels on every side that only training sees, which moves its crop by as much at random.
        grey: read brightness alone.
        image_mean, image_std: of a pretrained network, see `ImageEncoderConfig`.
        offsets: of the compact network: frames that it sees beside each.
        widths: of the compact network: channels of its stages.
        motion: of the compact network: measure how the camera moves, see `CameraMotion`.
        frame_size: D, numbers a frame, of the compact network.
        hidden_size, num_layers: of the LSTM.
        frame_rate: frames a second that the network knows; of films with many more, such as 60, it sees every second or
            third frame, and the others get labels of those. 0 sees all.
        bidirectional: reads whole videos, and cannot stream.
        delay: frames that a one-way LSTM sees beyond the one that it labels.
        median: frames over which probabilities are smoothed by their median; 1 is none, and a stream always has none.
        dropout: locked, on what is given of each frame, between layers and before the output.
        label_smoothing: in training.
        smoothing: weight of the truncated mean squared error between neighbouring frames (Farha & Gall 2019).
    """

    labels: tuple[str, ...] = ()
    background: str = ""
    aliases: tuple[str, ...] = ()
    backbone: str = COMPACT
    height: Side = 48
    width: Side = 64
    crop: tuple[Part, Part, Part, Part] = (0.0, 0.0, 1.0, 1.0)
    margin: FewFrames = 0
    grey: bool = False
    image_mean: tuple[float, float, float] = (127.0, 127.0, 127.0)
    image_std: tuple[float, float, float] = (128.0, 128.0, 128.0)
    offsets: tuple[Annotated[int, Field(ge=-100, le=100)], ...] = (-1, 0, 1)
    widths: tuple[Size, ...] = (32, 48, 96, 192)
    motion: bool = False
    frame_size: Size = 256
    hidden_size: Size = 256
    num_layers: Size = 2
    frame_rate: Annotated[float, Field(ge=0, le=240)] = 0.0
    bidirectional: bool = False
    delay: FewFrames = 0
    median: Size = 1
    dropout: Rate = 0.3
    label_smoothing: Rate = 0.0
    smoothing: Annotated[float, Field(ge=0, lt=100)] = 0.0
    layers = Renamed("num_layers")

    def __post_init__(self) -> None:
        self._check_labels()
        self._check_frames()
        if self.bidirectional and self.delay:
            raise SettingsError("a bidirectional classifier sees the whole video: its delay must be 0")
        if self.median % 2 == 0:
            raise SettingsError(f"median must be odd, not {self.median}")

    def _check_labels(self) -> None:
        if not all(self.labels):
            raise SettingsError("labels must not be empty")
        if len(set(self.labels)) != len(self.labels):
            raise SettingsError("labels must differ from each other")
        if self.background and self.labels and self.background not in self.labels:
            raise SettingsError(f"background must be one of the labels, not {self.background!r}")

        if not all(alias.count("=") == 1 for alias in self.aliases):
            raise SettingsError(f"aliases must be name=label each, not {self.aliases!r}")

    def _check_frames(self) -> None:
        top, left, bottom, right = self.crop
        if bottom - top < 0.01 or right - left < 0.01:
            raise SettingsError(f"crop must be top, left, bottom and right of an area, not {self.crop!r}")
        if 0 not in self.offsets:
            raise SettingsError(f"offsets must be frames with 0, the frame itself, among them, not {self.offsets!r}")
        if len(self.widths) < 2:
            raise SettingsError(f"widths must be two or more whole numbers, not {self.widths!r}")
        if self.backbone != COMPACT:
            if self.height != self.width or self.grey or tuple(self.offsets) != (0,):
                raise SettingsError(
                    f"{self.backbone} needs square frames in colour (height = width) and offsets of [0]"
                )
            self.image  # checks what is said of images  # noqa: B018

    @property
    def image(self) -> ImageEncoderConfig:
        """What a pretrained network is given."""
        return ImageEncoderConfig(self.backbone, self.height, self.image_mean, self.image_std)

    @property
    def lag(self) -> int:
        """Frames that must be seen beyond one before its label is known."""
        return max(self.offsets) + self.delay

    @property
    def view(self) -> View:
        """What is read of a frame, margins included."""
        return View(self.height + 2 * self.margin, self.width + 2 * self.margin, self.crop, self.grey)

    @property
    def renamed(self) -> dict[str, str]:
        """Labels by the other names that data may have for them."""
        return dict(alias.split("=", 1) for alias in self.aliases)

    @property
    def channels(self) -> int:
        """Of a frame."""
        return 1 if self.grey else 3
