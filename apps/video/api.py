"""What the video app's endpoints answer with."""

import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, cast

from typing_extensions import NotRequired, TypedDict

from apps.server.gradio_patches import store_file
from apps.server.models import LazyTask
from apps.ui.uploads import check_size
from apps.video.files import label_film
from seqcore.errors import InputError

if TYPE_CHECKING:
    from seqcore.media.video import VideoReader
    from seqcore.tasks.video import FrameClassifier

MAX_SECONDS = 600.0
MAX_FRAMES = 100_000  # Ten minutes at more than a hundred a second.
MAX_BYTES = 100_000_000
_ADVICE = "cut it, or use seqcore predict"
_TOO_LONG = "This page takes videos of {:.0f} minutes at most: {}."


class LabelledSegment(TypedDict):
    """Frames in a row that have the same label; times in seconds."""

    start: float
    end: float
    label: str
    confidence: float


class WholeFilm(TypedDict):
    """How much there would be of a film that is cut short, as far as it says so."""

    seconds: float | None
    frames: int | None


class LabelledFrames(TypedDict):
    """What `/label_frames` gives; `cut_short` only of a film that is."""

    fps: float
    labels: list[str]
    segments: list[LabelledSegment]
    cut_short: NotRequired[WholeFilm]


class API:
    """The endpoints, over one or more models by their names; the first one is what is used where none is named."""

    def __init__(self, loads: "Mapping[str, LazyTask[FrameClassifier]]") -> None:
        self.loads = loads

    def classifier(self, model: str | None = None) -> "FrameClassifier":
        """A task. Raises `CheckpointError` when there is none, or another kind; `InputError` for another name."""
        name = model or next(iter(self.loads))
        if name not in self.loads:
            raise InputError(f"There is no model {name!r}: choose one of {', '.join(self.loads)}.")
        return self.loads[name].require("label", "video classifier")

    def label_frames(self, video: str | None, model: str | None = None) -> LabelledFrames:
        """Label every frame of a video: what the camera does, where a shot ends, or what else a model tells.

        Args:
            video: a film, 100 MB and ten minutes at most.
            model: the name of a model, one of those that video_models gives; by default the first.

        Returns:
            fps is how many frames there are a second on average, labels has one label a frame, and segments are frames
            in a row that have the same one, each with start and end in seconds, label and confidence (0 to 1). Of a
            film that is cut short, cut_short says how many seconds and frames it would have, null where it does not
            say.
        """
        with closing(open_film(video)) as film:
            task = self.classifier(model)
            return cast(LabelledFrames, task.to_dict(task.label(film, frame_limit(film))))

    def label_video(self, video: str | None, model: str | None = None) -> str:
        """Draw each frame's label into a video.

        Args:
            video: a film, 100 MB and ten minutes at most.
            model: the name of a model, one of those that video_models gives; by default the first.

        Returns:
            an MP4 file (H.264).
        """
        with closing(open_film(video)) as film, tempfile.TemporaryDirectory(prefix="seqcore-") as folder:
            task = self.classifier(model)
            path = Path(folder) / "labelled.mp4"
            for _ in label_film(film, task.label(film, frame_limit(film)), path):
                pass
            return store_file(str(path))

    def video_models(self) -> dict[str, list[str]]:
        """Tell which models there are for videos, and which labels each knows.

        Returns:
            by the name of each model, a list of its labels.
        """
        return {name: list(self.classifier(name).config.labels) for name in self.loads}


def open_film(video: str | None) -> "VideoReader":
    """Open a video that is not too much for the page; who asks for it closes it. Raises `InputError`."""
    from seqcore.media.video import VideoReader

    if not video:
        raise InputError("Choose a video first.")
    check_size(video, MAX_BYTES, _ADVICE)
    film = VideoReader(video)
    if (
        film.info.seconds > MAX_SECONDS and not film.is_joinable
    ):  # Where clocks jump, only reading tells how long it is.
        film.close()
        raise InputError(_TOO_LONG.format(MAX_SECONDS / 60, _ADVICE))
    return film


def frame_limit(film: "VideoReader") -> Callable[[int], None]:
    """Told how many frames were read, it raises `InputError` when a video is longer than it said, or did not say."""

    def check(done: int) -> None:
        if film.end > MAX_SECONDS:
            raise InputError(_TOO_LONG.format(MAX_SECONDS / 60, _ADVICE))
        if done > MAX_FRAMES:
            raise InputError(f"This page takes videos of {MAX_FRAMES:,} frames at most: {_ADVICE}.")

    return check
