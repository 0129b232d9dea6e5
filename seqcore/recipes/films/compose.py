"""Films whose every frame's label is known, as files: `seqcore corpus films --help`."""

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqcore.data import hold_out
from seqcore.errors import DataError
from seqcore.media.clips import cached_clips
from seqcore.media.images import cached_squares, image_files
from seqcore.media.video import View
from seqcore.media.video_writer import VideoWriter
from seqcore.recipes.films.composition import Pool, compose
from seqcore.tasks.video.rows import read_videos
from seqcore.tasks.video.sampling import runs

PHOTOGRAPH_SIZE = 224  # Pixels of each side.
MOTION = View(96, 120)
_SIZES = ((120, 160), (108, 192), (144, 176), (160, 120))  # Each is a height and a width.
_RATES = (24, 25, 25, 30)


def load_pool(photographs: str, motion: str | None, cache: str | Path, max_videos: int = 200) -> Pool:
    """What films are made of.

    Args:
        photographs: a folder of images.
        motion: a folder or table of videos with a camera that stands still.
        cache: folder for what is decoded.
        max_videos: how many videos are taken at most, at random.

    Raises:
        DataError: there are none.
    """
    files = image_files(photographs)
    pictures = cached_squares(files, PHOTOGRAPH_SIZE, Path(cache) / "photographs")
    films = []
    if motion:
        rows: Sequence[Mapping[str, Any]] = read_videos(motion)
        if len(rows) > max_videos:
            _, rows, _ = hold_out(rows, max_videos, 0)
        films = [clip.frames for clip in cached_clips([row["video"] for row in rows], MOTION, Path(cache) / "motion")]
    return Pool(pictures, films)


def write_films(
    photographs: str, output: str, motion: str | None = None, films: int = 200, frames: int = 150, seed: int = 1
) -> None:
    """Compose films and write them as H.264, with a `metadata.jsonl` of segments.

    Args:
        photographs: a folder of images.
        output: a new folder.
        motion: a folder or table of videos with a camera that stands still.
        films: how many to write.
        frames: how many each of them has.
        seed: fixes all that is random.

    Raises:
        DataError: no photographs, or the folder is there already.
    """
    place = Path(output).expanduser()
    if place.exists() and any(place.iterdir()):
        raise DataError(f"{place} is not empty: name another folder")
    pool = load_pool(photographs, motion, place.with_name(place.name + "-cache"))
    place.mkdir(parents=True, exist_ok=True)
    lines = []
    for number in range(films):
        rng = random.Random(f"{seed} {number}")
        height, width = rng.choice(_SIZES)
        fps, quality = rng.choice(_RATES), rng.randrange(20, 36)
        pictures, labels = compose(pool, rng.randrange(2**31), frames, height, width)
        name = f"{number:04d}.mp4"
        with VideoWriter(place / name, width, height, fps, quality) as writer:
            for i, picture in enumerate(pictures.permute(0, 2, 3, 1).numpy()):
                writer.write(picture, i / fps)
        segments = [{"start": begin / fps, "end": end / fps, "label": labels[begin]} for begin, end in runs(labels)]
        lines.append(json.dumps({"file_name": name, "fps": fps, "segments": segments}))
    (place / "metadata.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{films} films of {frames} frames are in {place}")
