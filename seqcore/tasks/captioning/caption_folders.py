"""Folders of images and what says their captions: files in them, beside the images, or above."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqcore.data import file_or_bytes, is_file
from seqcore.data.tables import FORMATS
from seqcore.data.text_files import DataFile
from seqcore.errors import DataError
from seqcore.media.folders import MAX_NAMED, look_through, tell_names
from seqcore.media.image_formats import OTHER_SUFFIXES, SUFFIXES
from seqcore.tasks.captioning.caption_files import (
    TEXT_SUFFIXES,
    Listed,
    from_sidecar,
    is_caption_list,
    listed,
    sidecar,
)

MAX_PLACES = 200  # Folders near a list of captions in which its images are looked for.
_TABLES = frozenset({"metadata", "captions"})  # Names of tables, without their endings.
_PREFERRED = (".jsonl", ".csv", ".parquet")  # Of two in one folder.
_SPLITS = {
    **dict.fromkeys(("train", "training", "restval"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "eval"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
# Names of what is read of the folder above, where much else may lie.
_CAPTIONS = re.compile(r"^metadata\.|caption|\.token|^dataset", re.IGNORECASE)
# COCO's other files, some of which are large.
_NO_CAPTIONS = re.compile(r"(instances|person_keypoints|panoptic|stuff|image_info)_", re.IGNORECASE)


def in_folder(folder: Path, columns: Mapping[str, str], split: str) -> list[Listed]:
    """What is said of the images of a folder and of those below, with the path of each.

    It is read from the first of these that is there: tables called `metadata` or `captions`, lists as COCO and Flickr
    have them, a text file beside each image, and the same tables and lists in the folder above. What is left out is
    told on stderr: images that nothing is said of, files that are not used, and other parts of the data.

    Args:
        split: the part that is read, where names of sub-folders or of lists tell parts apart: `train`, `validation` or
            `test`.

    Raises:
        DataError: nothing says captions, or a row is wrong; the message names the file and the row.
    """
    folder = Path(os.path.normpath(folder))
    listing = look_through(folder, SUFFIXES | OTHER_SUFFIXES)
    rows = _inside(folder, listing.wanted, listing.others, columns, split) or _above(folder, columns, split)
    if not rows:
        raise _nothing_said(folder, listing.wanted, listing.others)
    parts = {_part_of(folder, row.image) for row in rows} - {""}
    if len(parts) > 1:
        if split not in parts:
            raise DataError(
                f"{folder} has the parts {', '.join(sorted(parts))}, and not {split!r}: name a folder of one"
            )
        rows = [row for row in rows if _part_of(folder, row.image) in {"", split}]
    mentioned = {row.image for row in rows}
    silent = [path for path in listing.wanted if str(path) not in mentioned]
    if len(parts) > 1:
        others = [path for path in silent if _part_of(folder, str(path)) not in {"", split}]
        _tell(f"{folder}: images of another part of the data than {split!r} are not read", others, folder)
        silent = [path for path in silent if _part_of(folder, str(path)) in {"", split}]
    _tell(f"{folder}: images of which nothing is said are left out", silent, folder)
    return rows


def placed(source: str, columns: Mapping[str, str], split: str, of: str = "") -> Iterator[Listed]:
    """The rows of a file of captions or of a hub id, with the path of each image, or what its file holds.

    Args:
        of: where the paths begin of images that are asked for; without it all are.

    Raises:
        DataError: an image is not there; the message names the row.
    """
    path = Path(source)
    rows: Iterable[Listed] = listed(source, columns, split)
    if is_file(path) and DataFile(path, source).suffix == ".json":
        rows = [*rows]
        rows = [row for row in rows if _SPLITS.get(row.split) == split] or rows
    places: _Places | None = None
    known: dict[str, str] = {}
    for row in rows:
        if isinstance(row.image, str) and row.image in known:
            yield row._replace(image=known[row.image])
            continue
        image = _slashed(path.parent, row.image)
        if row.is_near:
            places = places or _Places(path)
            near = places.find(image)
            if near is None and of:  # It may be of another folder.
                continue
            if near is None:
                raise DataError(f"{row.place}: there is no image {image} in {places}")
            image = near
        if of and not (isinstance(image, str) and os.path.normpath(path.parent / image).startswith(of)):
            continue
        given = file_or_bytes(image, path.parent, row.place, "an image")
        if isinstance(given, str) and isinstance(row.image, str):
            given = known[row.image] = os.path.normpath(given)
        yield row._replace(image=given)


class _Places:
    """Where the images are that a list of captions names: beside it, or in a folder there; if none is, above.

    COCO has `annotations/captions_val2017.json` and `val2017/`, Flickr8k `captions.txt` and `Images/`.
    """

    def __init__(self, file: Path) -> None:
        home = file.absolute().parent
        base = home if look_through(home, SUFFIXES).wanted else home.parent
        below = [place for parent in (base, base / "images") for place in _folders_of(parent)]
        # A list is called after the folder of its images.
        below.sort(key=lambda place: place.name.lower() not in file.stem.lower())
        self._places = [*dict.fromkeys((home, *below[:MAX_PLACES], base, base / "images"))]

    def find(self, name: str) -> str | None:
        """The path of an image, if there is one."""
        return next((str(place / name) for place in self._places if is_file(place / name)), None)

    def __str__(self) -> str:
        more = f" and {len(self._places) - MAX_NAMED} more folders" if len(self._places) > MAX_NAMED else ""
        return ", ".join(map(str, self._places[:MAX_NAMED])) + more


def _inside(
    folder: Path, images: Sequence[Path], others: Sequence[Path], columns: Mapping[str, str], split: str
) -> list[Listed]:
    """The rows of what in a folder says captions."""
    files = _caption_files(others, {path.with_suffix("") for path in images})
    if files:
        rows = [row for file in _of_split(files, split) for row in placed(str(file), columns, split)]
        if not rows:
            raise DataError(f"{files[0]} has no rows")
        return rows
    beside = ((image, sidecar(image)) for image in images)
    return [from_sidecar(image, text) for image, text in beside if text is not None]


def _above(folder: Path, columns: Mapping[str, str], split: str) -> list[Listed]:
    """The rows of what in the folder above says captions of images in this one."""
    above = folder.absolute().parent
    near = [
        path for place in (above, above / "annotations") for path in _files_of(place) if _CAPTIONS.search(path.name)
    ]
    files = _caption_files(near, set())
    inside, part = f"{folder.absolute()}{os.sep}", _SPLITS.get(folder.name.lower(), split)
    rows = (row for file in files for row in placed(str(file), columns, part, of=inside))
    return [row._replace(image=str(folder / row.image.removeprefix(inside))) for row in rows]


def _caption_files(paths: Iterable[Path], images: set[Path]) -> list[Path]:
    """Those of some files that say captions: tables, one in each folder, or else lists.

    Args:
        images: paths of images, without their endings: texts with the same names are of one image each.
    """
    tables: dict[Path, list[Path]] = {}
    lists = []
    for path in paths:
        suffix = DataFile(path, str(path)).suffix
        if path.name.lower().partition(".")[0] in _TABLES and suffix in FORMATS and not is_caption_list(path):
            tables.setdefault(path.parent, []).append(path)
        elif (
            suffix not in {*TEXT_SUFFIXES, ".json", ".csv"}
            or path.with_suffix("") in images
            or _NO_CAPTIONS.match(path.name)
        ):
            continue
        elif is_caption_list(path):
            lists.append(path)
    used = []
    for several in tables.values():
        several.sort(key=lambda path: _PREFERRED.index(path.suffix) if path.suffix in _PREFERRED else len(_PREFERRED))
        used.append(several[0])
        _tell(f"{several[0]} is read, and not what is beside it", several[1:], several[0].parent)
    if used and lists:
        _tell(f"{used[0]} is read, and not lists of captions", lists, used[0].parent)
    return sorted(used) or lists


def _of_split(files: Sequence[Path], split: str) -> Sequence[Path]:
    """Those of several lists whose names say that they are of a part of the data; all, where names say nothing."""
    parts = {path: _split_in(path) for path in files}
    if len({*parts.values()} - {""}) < 2:
        return files
    used = [path for path, part in parts.items() if part in {split, ""}]
    if not used:
        raise DataError(
            f"{files[0].parent} has captions of {', '.join(parts.values())}, and not of {split!r}: name one"
        )
    others = [path for path in files if path not in used]
    _tell(f"{used[0]} is read, and not what is of another part than {split!r}", others, used[0].parent)
    return used


def _split_in(path: Path) -> str:
    """The part of the data that the name of a list says it is of: `validation` of `captions_val2017.json`."""
    if path.name.lower().partition(".")[0] in _TABLES:
        return ""  # Tables are of their folder, whose name is looked at later.
    words = re.findall(r"[a-z]+", path.stem.lower())
    return next((_SPLITS[word] for word in words if word in _SPLITS), "")


def _part_of(folder: Path, image: Any) -> str:
    """The part of the data that an image is of, by the sub-folder that it is in; empty where none is called so."""
    if not isinstance(image, str) or not image.startswith(f"{folder}{os.sep}"):
        return ""
    return _SPLITS.get(Path(image).relative_to(folder).parts[0].lower(), "")


def _slashed(folder: Path, image: Any) -> Any:
    """The path of an image, which may have been written on Windows."""
    if isinstance(image, str) and "\\" in image and not is_file(folder / image):
        return image.replace("\\", "/")
    return image


def _files_of(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and is_file(path))
    except OSError:
        return []


def _folders_of(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path.is_dir())
    except OSError:
        return []


def _nothing_said(folder: Path, images: Sequence[Path], others: Sequence[Path]) -> DataError:
    tables = [path for path in others if DataFile(path, "").suffix in FORMATS]
    if tables:
        return DataError(
            f"{folder} has no metadata.jsonl or metadata.csv; if {tables[0]} says captions, name that file"
        )
    if not images:
        return DataError(f"{folder} holds no images with captions: put a metadata.jsonl or metadata.csv beside them")
    names = sorted({path.relative_to(folder).parts[0] for path in images if path.parent != folder})
    classes = f" Names of folders ({', '.join(names[:3])}) are classes, and no captions." if names else ""
    return DataError(
        f"{folder} has {len(images):,} images, and no captions.{classes} Write a metadata.jsonl or metadata.csv with "
        "file_name and caption, or a .txt beside each image with a caption a line"
    )


def _tell(what: str, paths: Sequence[Path], folder: Path) -> None:
    tell_names(f"{what} ({len(paths):,})", paths, folder)
