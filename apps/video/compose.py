"""Films whose every frame's label is known, as files: ``python -m apps.video.compose --help``."""

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from apps.commands import run
from apps.video.composition import Pool, compose
from seqcore.data import hold_out
from seqcore.errors import DataError
from seqcore.media.clips import cached_clips
from seqcore.media.images import cached_squares, image_files
from seqcore.media.video import View
from seqcore.media.video_writer import VideoWriter
from seqcore.tasks.video.result import runs
from seqcore.tasks.video.rows import read_videos

PHOTOGRAPH = 224  # pixels, its side
MOTION = View(96, 120)
_SIZES = ((120, 160), (108, 192), (144, 176), (160, 120))  # height, width
_RATES = (24, 25, 25, 30)


def load_pool(photographs: str, motion: str | None, cache: str | Path, most: int = 200) -> Pool:
    """What films are made of.

    Args:
        photographs: a folder of images.
        motion: a folder or table of videos with a camera that stands still.
        cache: folder for what is decoded.
        most: videos to take, at random.

    Raises:
        DataError: there are none.
    """
    files = image_files(photographs)
    pictures = cached_squares(files, PHOTOGRAPH, Path(cache) / "photographs")
    films = []
    if motion:
        rows: Sequence[Mapping[str, Any]] = read_videos(motion)
        if len(rows) > most:
            _, rows, _ = hold_out(rows, most, 0)
        films = [clip.frames for clip in cached_clips([row["video"] for row in rows], MOTION, Path(cache) / "motion")]
    return Pool(pictures, films)


def write(
    photographs: str, output: str, motion: str | None = None, films: int = 200, frames: int = 150, seed: int = 1
) -> None:
    """Compose films and write them as H.264, with a ``metadata.jsonl`` of segments.

    Args:
        photographs: a folder of images.
        output: a new folder.
        motion: a folder or table of videos with a camera that stands still.
        films: how many.
        frames: of each.
        seed: of all that is random.

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
        chance = random.Random(f"{seed} {number}")
        height, width = chance.choice(_SIZES)
        fps, quality = chance.choice(_RATES), chance.randrange(20, 36)
        pictures, labels = compose(pool, chance.randrange(2**31), frames, height, width)
        name = f"{number:04d}.mp4"
        with VideoWriter(place / name, width, height, fps, quality) as writer:
            for i, picture in enumerate(pictures.permute(0, 2, 3, 1).numpy()):
                writer.write(picture, i / fps)
        found = [{"start": begin / fps, "end": end / fps, "label": labels[begin]} for begin, end in runs(labels)]
        lines.append(json.dumps({"file_name": name, "fps": fps, "segments": found}))
    (place / "metadata.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{films} films of {frames} frames are in {place}")


if __name__ == "__main__":
    run(write)
