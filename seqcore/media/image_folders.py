"""Folders of images: what is found in them, and what is passed over."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from seqcore.errors import InputError
from seqcore.media.image_formats import OTHER_SUFFIXES, SUFFIXES

# What programs leave in folders beside what people put there; so does everything whose name begins with a dot.
_LEFT_BY_PROGRAMS = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin"})

_PICTURES = SUFFIXES | OTHER_SUFFIXES


class FolderOfImages(NamedTuple):
    """The files of a folder, and of those below, sorted by path.

    Attributes:
        images: those that look like pictures, also of kinds that `open_image` refuses.
        others: what was passed over: files of other kinds, and folders that cannot be looked into.
    """

    images: list[Path]
    others: list[Path]


def look_through(folder: str | Path) -> FolderOfImages:
    """Tell the images of a folder, and of those below, from other files, by their endings.

    Hidden files, and what programs leave behind, such as Thumbs.db, are neither. Links to folders are followed, each
    folder once.

    Raises:
        InputError: there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}")
    images: list[Path] = []
    others: list[Path] = []
    for path, is_readable in _files(folder):
        is_image = is_readable and path.suffix.lower() in _PICTURES
        (images if is_image else others).append(path)
    return FolderOfImages(sorted(images), sorted(others))


def image_files(folder: str | Path) -> list[Path]:
    """List the images in a folder and in those below, known by their endings, sorted by path.

    Those of kinds that `open_image` refuses, such as a camera's raw files, are among them: none is passed over in
    silence. Hidden files are not.

    Raises:
        InputError: there is no such folder, or no image in it.
    """
    images = look_through(folder).images
    if not images:
        raise InputError(f"{folder} holds no images: they end in {', '.join(sorted(SUFFIXES))}")
    return images


def _files(folder: Path) -> Iterator[tuple[Path, bool]]:
    """The files of a folder and of those below, and whether each can be read: a folder may be closed to us."""
    seen = set()
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        try:
            state = place.stat()
            if (state.st_dev, state.st_ino) in seen:  # A link leads back to it.
                continue
            seen.add((state.st_dev, state.st_ino))
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.name.startswith(".") or entry.name.lower() in _LEFT_BY_PROGRAMS:
                        continue
                    if entry.is_dir():
                        waiting.append(Path(entry.path))
                    elif entry.is_file():
                        yield Path(entry.path), True
        except OSError:
            yield place, False
