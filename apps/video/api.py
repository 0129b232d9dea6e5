"""What the video app's endpoints answer with."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps.server.models import LazyTask
from apps.ui.csv_writer import SafeRows
from apps.video.films import label_film
from seqcore.errors import InputError

if TYPE_CHECKING:
    from seqcore.tasks.video import FrameClassifier, FrameLabels

MAX_SECONDS = 600.0  # seconds
MAX_BYTES = 100_000_000  # bytes
_INSTEAD = "cut it, or use seqcore predict"


class Answers:
    """The endpoints, over one or more models by their names; the first one is what is used where none is named."""

    def __init__(self, loads: "Mapping[str, LazyTask[FrameClassifier]]") -> None:
        self.loads = loads

    def classifier(self, model: str | None = None) -> "FrameClassifier":
        """A task. Raises `CheckpointError` when there is none, or another kind; `InputError` for another name."""
        name = model or next(iter(self.loads))
        if name not in self.loads:
            raise InputError(f"There is no model {name!r}: choose one of {', '.join(self.loads)}.")
        load = self.loads[name]
        return load.require("label", "video classifier")

    def label_frames(self, video: str | None, model: str | None = None) -> dict[str, Any]:
        """Label every frame of a video.

        Args:
            video: a file of 100 MB and ten minutes at most, of any usual format.
            model: the name of a model, see /video_models.

        Returns:
            ``fps``; ``labels``, one a frame; ``segments``, ``{start, end, label, confidence}`` with times in seconds.
        """
        path = checked(video)
        task = self.classifier(model)
        return task.to_dict(task.label(path, limit(path)))

    def label_video(self, video: str | None, model: str | None = None) -> str:
        """Draw each frame's label into a video.

        Args:
            video: a file of 100 MB and ten minutes at most, of any usual format.
            model: the name of a model, see /video_models.

        Returns:
            An MP4 file (H.264).
        """
        path = checked(video)
        task = self.classifier(model)
        with new_folder() as folder:
            for _ in label_film(path, task.label(path, limit(path)), folder / "labelled.mp4"):
                pass
            return kept(folder / "labelled.mp4")

    def video_models(self) -> dict[str, list[str]]:
        """The models, and the labels that each knows."""
        return {name: list(self.classifier(name).config.labels) for name in self.loads}


def checked(video: str | None) -> str:
    """A video that is not too much for the page. Raises `InputError`."""
    from seqcore.media.video import video_info

    if not video:
        raise InputError("Choose a video first.")
    size = Path(video).stat().st_size
    if size > MAX_BYTES:
        limit = f"{MAX_BYTES // 1_000_000} MB"
        raise InputError(f"This video has {size / 1e6:,.0f} MB, and this page takes {limit}: {_INSTEAD}.")
    info = video_info(video)
    if info.frames > MAX_SECONDS * info.fps:
        raise InputError(_too_long())
    return video


def limit(video: str) -> Callable[[int], None]:
    """Told how many frames were read, it raises `InputError` when a video is longer than it said, or did not say."""
    from seqcore.media.video import video_info

    most = MAX_SECONDS * video_info(video).fps

    def check(done: int) -> None:
        if done > most:
            raise InputError(_too_long())

    return check


def _too_long() -> str:
    return f"This page takes videos of {MAX_SECONDS / 60:.0f} minutes at most: {_INSTEAD}."


@contextmanager
def new_folder() -> Iterator[Path]:
    """A folder that is there for a while."""
    with tempfile.TemporaryDirectory(prefix="seqcore-") as folder:
        yield Path(folder)


def kept(path: Path) -> str:
    """A file moved to where the server keeps its answers, for as long as it keeps any."""
    from gradio import processing_utils
    from gradio.utils import get_upload_folder

    return str(processing_utils.save_file_to_cache(str(path), cache_dir=get_upload_folder()))


def written(found: "FrameLabels", folder: Path) -> tuple[str, str, str]:
    """A result as JSON, CSV and WebVTT files."""
    import json

    paths = tuple(folder / f"labels.{kind}" for kind in ("json", "csv", "vtt"))
    segments = [one._asdict() for one in found.segments]
    whole = {"fps": found.fps, "times": list(found.times), "labels": list(found.labels), "segments": segments}
    paths[0].write_text(json.dumps(whole), encoding="utf-8")
    sure = found.probabilities.amax(1).tolist()
    with paths[1].open("w", encoding="utf-8", newline="") as file:
        writer = SafeRows(file)
        writer.write(["frame", "time", "label", "probability"])
        for number, (time, label, value) in enumerate(zip(found.times, found.labels, sure, strict=True)):
            writer.write([number, f"{time:.3f}", label, f"{value:.4f}"])
    lines = ["WEBVTT", ""]
    for one in found.segments:
        lines += [f"{_clock(one.start)} --> {_clock(one.end)}", escape(one.label, quote=False), ""]
    paths[2].write_text("\n".join(lines), encoding="utf-8")
    return str(paths[0]), str(paths[1]), str(paths[2])


def _clock(seconds: float) -> str:
    whole, thousandths = divmod(round(1000 * seconds), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{thousandths:03d}"
