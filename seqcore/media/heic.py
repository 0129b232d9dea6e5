"""HEIC photographs, which telephones take: decoded by libheif, through `pi_heif`, where that is installed."""

import io
import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image

from seqcore.errors import InputError, SettingsError, first_line, require
from seqcore.media.image_formats import check_pixels
from seqcore.media.pixels import eight_bits

_STILL = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"mif2", b"miaf", b"MiHE", b"MiHB"})
_SEQUENCE = frozenset({b"hevc", b"hevx", b"hevm", b"hevs", b"msf1"})
_AVIF = frozenset({b"avif", b"avis"})


def is_heic(content: bytes) -> bool:
    """Whether a file says that it is a HEIF file, and not one of AVIF pictures, which are in such files, too."""
    brands = _brands(content)
    by_codec = brands - {b"mif1", b"mif2", b"miaf", b"msf1"}
    return bool(brands & (_STILL | _SEQUENCE)) and not (brands & _AVIF and not by_codec & (_STILL | _SEQUENCE))


def is_avif(content: bytes) -> bool:
    """Whether a file says that it holds AVIF pictures."""
    return bool(_brands(content) & _AVIF)


def open_heic(content: bytes, max_pixels: int) -> Image.Image:
    """Decode the photograph of a HEIC file, turned and mirrored as the file says.

    Raises:
        InputError: the decoder is not installed, the file is damaged, or there are too many pixels; the message has no
            name before it.
    """
    names = [name for name, _ in _boxes(content)]
    try:
        if b"meta" not in names and b"moov" in names:
            return _first_frame(content, max_pixels)
        return _photograph(content, max_pixels)
    except SettingsError as error:
        raise InputError(f"is a HEIC photograph, and {error}") from error
    except (InputError, MemoryError):
        raise
    except Exception as error:  # Decoders raise errors of many kinds.
        raise InputError(f"is a HEIC photograph that is damaged or cut short: {first_line(error)}") from error


def _photograph(content: bytes, max_pixels: int) -> Image.Image:
    pi_heif = require("pi_heif", "reading it needs", "vision", "pi-heif")
    file = pi_heif.open_heif(_as_still(content))
    check_pixels(file.size, max_pixels)
    image: Image.Image = file.to_pillow()
    if image.mode.startswith("I"):  # One without colours keeps all the bits that it has.
        depth = image.info["bit_depth"]
        white = ((1 << depth) - 1) << (16 - depth)
        return Image.fromarray(eight_bits(np.asarray(image), white))
    image.info.clear()  # What EXIF and XMP say of the orientation has been done.
    return image


def _brands(content: bytes) -> set[bytes]:
    """What the first box of a file says that it is."""
    if content[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(content[:4], "big"), len(content), 1024)
    return {content[8:12], *(content[at : at + 4] for at in range(16, end - 3, 4))}


def _as_still(content: bytes) -> bytes:
    """The file, named so that libheif reads the photograph in it: it knows few brands, and seeks some in films."""
    end = min(int.from_bytes(content[:4], "big"), len(content))
    brands = [content[at : at + 4] for at in range(16, end - 3, 4)]
    plain = [b"mif1" if brand in _STILL | _SEQUENCE else brand for brand in brands]
    return content[:8] + b"heic" + content[12:16] + b"".join(plain) + content[16 + 4 * len(brands) :]


def _boxes(content: bytes) -> Iterator[tuple[bytes, int]]:
    """The outermost boxes of a file: the name and the place of each."""
    at = 0
    while at + 8 <= len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        if size == 1 and at + 16 <= len(content):
            (size,) = struct.unpack_from(">Q", content, at + 8)
        yield name, at
        if size < 8:
            return
        at += size


def _first_frame(content: bytes, max_pixels: int) -> Image.Image:
    """The first picture of a file that holds pictures one after another alone, which is a film."""
    av = require("av", "reading it needs", "vision")
    with av.open(io.BytesIO(content), format="mov") as film:
        check_pixels((film.streams.video[0].width, film.streams.video[0].height), max_pixels)
        frame: Image.Image = next(film.decode(video=0)).to_image()
        return frame
