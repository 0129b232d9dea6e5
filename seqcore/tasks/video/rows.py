"""Videos and their labels, from a folder, a table or a hub id."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from torch import Tensor

from seqcore.data import file_or_bytes, missing_column, open_table
from seqcore.errors import DataError, InputError
from seqcore.media.containers import SUFFIXES
from seqcore.media.folders import look_through, tell_passed_over

Row = dict[str, Any]
MAX_OVERLAP = 1e-6  # Segments may overlap by so many seconds.


@dataclass(frozen=True)
class ComposedFilm:
    """A film that is made when it is needed, which may stand in a row of training data in the video's place.

    Attributes:
        make: gives frames uint8 (T, C, H, W) and the label of each.
        length: T.
    """

    make: Callable[[], tuple[Tensor, list[str]]]
    length: int


def read_videos(source: str, columns: Mapping[str, str] | None = None, split: str = "train") -> list[Row]:
    """Read `{video, segments}`, one row a video, and check it.

    Args:
        source: a folder with `metadata.jsonl` or `metadata.csv` (`file_name`, and `segments`, a list of
            `{start, end, label}` in seconds, or `label`, for all of it); a folder with a folder for each class; a
            table with `video`, the path from the table's own folder, and the same; or a hub id with `video` and
            `label`.
        columns: where `video`, `segments` and `label` have other names.

    Returns:
        Rows whose `video` is a path or bytes; `segments` are `(start, end, label)`, the end None for the end of
        the video.

    Raises:
        DataError: no such source, a video that is not there, or a segment that makes no sense; the message names the
            row (from 1).
    """
    names = {field: (columns or {}).get(field, field) for field in ("video", "segments", "label")}
    path = Path(source)
    if path.is_dir():
        tables = [path / name for name in ("metadata.jsonl", "metadata.csv") if (path / name).is_file()]
        if not tables:
            return _of_classes(path)
        path, names = tables[0], {**names, "video": (columns or {}).get("video", "file_name")}
    table = open_table(str(path) if path.exists() else source, split)
    have = table.column_names
    if names["video"] not in have:
        raise missing_column(source, names["video"], "video", have)
    marks = next((names[field] for field in ("segments", "label") if names[field] in have), None)
    if marks is None:
        raise DataError(f"{source} has no column 'segments' and none 'label'; it has: {', '.join(have)}")
    pairs = zip(table.column(names["video"]), table.column(marks), strict=True)
    rows = []
    for number, (video, value) in enumerate(pairs, 1):
        place = f"{source}, row {number}"
        film = file_or_bytes(video, path.parent, place, "a video")
        rows.append({"video": film, "segments": _segments(value, place)})
    if not rows:
        raise DataError(f"{source} has no rows")
    return rows


def reference(
    row: Mapping[str, Any],
    times: Sequence[float],
    fps: float,
    background: str,
    renamed: Mapping[str, str] | None = None,
    end: float | None = None,
) -> list[str]:
    """The label that a row has for each frame, by the middle of the time for which the frame is shown.

    Frames in no segment are background. A row may have `labels`, one a frame, instead of segments.

    Args:
        renamed: labels by the other names that segments may have for them.
        end: where the last frame ends; None is one usual frame later.

    Raises:
        InputError: a segment lies beyond the end of the video, or a frame in none and there is no background.
    """
    if "labels" in row:
        return list(row["labels"])
    ends = [*times[1:], times[-1] + 1 / fps if end is None else end]
    labels = [background] * len(times)
    for start, end, label in row["segments"]:
        if start >= ends[-1]:
            raise InputError(f"the segment {label!r} begins at {start:g} s, but the video ends at {ends[-1]:g} s")
        for frame, (begin, after) in enumerate(zip(times, ends, strict=True)):
            if start <= (begin + after) / 2 and (end is None or (begin + after) / 2 < end):
                labels[frame] = label
    if not all(labels):
        lost = times[labels.index("")]
        raise InputError(
            f"the frame at {lost:g} s is in no segment: name a label for such ones with --model.background"
        )
    return [(renamed or {}).get(label, label) for label in labels]


def _of_classes(folder: Path) -> list[Row]:
    """Rows of a folder with a folder for each class: films in folders below are of that class too."""
    rows: list[Row] = []
    others: list[Path] = []
    for place in sorted(folder.iterdir()):
        if place.name.startswith("."):
            continue
        if not place.is_dir():
            others.append(place)
            continue
        listing = look_through(place, SUFFIXES)
        others += listing.others
        rows += [{"video": str(file), "segments": [(0.0, None, place.name)]} for file in listing.wanted]
    if not rows:
        raise DataError(f"{folder} has no metadata.jsonl, and no folders of videos, one for each class")
    tell_passed_over(folder, others, "videos of a class")
    return rows


def _segments(value: Any, place: str) -> list[tuple[float, float | None, str]]:
    if isinstance(value, str) and value.lstrip().startswith("["):  # A CSV file holds them as text.
        try:
            value = json.loads(value)
        except ValueError as error:
            raise DataError(f"{place}: segments are no JSON: {error}") from error
    if isinstance(value, str | int):
        return [(0.0, None, str(value))]
    if not isinstance(value, list) or not value:
        raise DataError(f"{place}: segments must be a list of start, end and label, not {value!r:.60}")
    segments: list[tuple[float, float | None, str]] = []
    for one in value:
        try:
            start, end, label = float(one["start"]), float(one["end"]), one["label"]
        except (KeyError, TypeError, ValueError):
            raise DataError(
                f"{place}: a segment must have start and end in seconds and a label, not {one!r:.60}"
            ) from None
        if not isinstance(label, str) or not label or not 0 <= start < end:
            raise DataError(f"{place}: a segment must have 0 ≤ start < end and a label, not {one!r:.80}")
        segments.append((start, end, label))
    segments.sort(key=lambda segment: segment[0])
    for (_, before, label), (after, _, other) in pairwise(segments):
        if before is not None and after < before - MAX_OVERLAP:
            raise DataError(f"{place}: the segments {label!r} and {other!r} overlap at {after:g} s")
    return segments
