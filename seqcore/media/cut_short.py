"""Images whose end is missing, or whose texts are too long for a decoder: what there is of them, and how much that is.

Browsers show such files. Pillow does where `ImageFile.LOAD_TRUNCATED_IMAGES` is set, which is of every thread at once,
and does not say how much there is. Here the content is mended instead, or what a decoder had done before it failed is
looked at.
"""

import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from seqcore.errors import InputError
from seqcore.media.image_formats import undecoded
from seqcore.media.pixels import as_rgb

MIN_SHARE = 0.9  # Of a picture that is shown though some of it is missing.
_JPEG, _PNG, _WEBP = b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"WEBP"
_JPEG_2000 = (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")
_END_OF_IMAGE = b"\xff\xd9"
# The chunks of a PNG file that a picture is made of; others hold profiles, comments and what programs put there.
_PNG_PICTURE = frozenset({b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT"})
_WEBP_PICTURE = frozenset({b"VP8 ", b"VP8L"})
_WEBP_EXTRAS = 0x2C  # Flags of a profile, EXIF and XMP, which are left out.
_MAX_ZEROS = 1_000_000


class Part(NamedTuple):
    """What there is of an image.

    Attributes:
        image: decoded.
        share: how much of it there is, from 0 to 1.
    """

    image: Image.Image
    share: float


def readable_part(content: bytes, max_pixels: int) -> Part | None:
    """What there is of an image that a decoder refused; None where there is nothing.

    Raises:
        InputError: it has too many pixels.
    """
    for mend in (_jpeg, _png, _webp, _jpeg_2000, _rows):
        try:
            part = mend(content, max_pixels)
        except (InputError, MemoryError, Image.DecompressionBombError):
            raise
        except Exception:  # Decoders raise errors of many kinds.
            continue
        if part is not None:
            return part
    return None


def _decoded(content: bytes, max_pixels: int) -> Image.Image:
    image = undecoded(content, max_pixels)
    image.draft(None, (2048, 2048))
    image.load()
    return image


def _jpeg(content: bytes, max_pixels: int) -> Part | None:
    """With an end marker behind the last whole segment: the decoder makes what is missing mid-grey (libjpeg)."""
    if not content.startswith(_JPEG):
        return None
    content = content.rstrip(b"\0")  # Who loads a file in parts may fill it with zeros first.
    image = _decoded(content[: _whole_segments(content)] + _END_OF_IMAGE, max_pixels)
    pixels = np.asarray(image)
    grey = np.all(np.abs(pixels.reshape(len(pixels), -1).astype(np.int16) - 128) <= 1, axis=1)
    missing = len(grey) if grey.all() else int(grey[::-1].argmin())
    if missing > (1 - MIN_SHARE) * len(grey):  # Some pictures are grey: what was not there cannot have been decoded.
        missing = min(missing, int(_decoded_part(content, max_pixels)[1].sum()))
    return Part(image, 1 - missing / len(grey))


def _whole_segments(content: bytes) -> int:
    """Where a JPEG file ends but for a segment that is cut: pixels may be cut anywhere, tables may not."""
    at = 2
    while True:
        at = content.find(b"\xff", at)
        if at < 0 or at + 1 >= len(content):
            return len(content)
        marker = content[at + 1]
        if marker == 0xFF:  # Any number of them may stand before a marker.
            at += 1
        elif marker in {0, 1} or 0xD0 <= marker <= 0xD8:  # Pixels, or a marker that stands alone.
            at += 2
        elif marker == 0xD9:
            return at
        else:
            end = at + 2 + int.from_bytes(content[at + 2 : at + 4].ljust(2, b"\xff"), "big")
            if end > len(content):
                return at
            at = end


def _png(content: bytes, max_pixels: int) -> Part | None:
    """Without what is no part of the picture, and with an end. A text of any length is passed over, never unpacked."""
    if not content.startswith(_PNG):
        return None
    chunks = [(name, data) for name, data in _png_chunks(content) if name in _PNG_PICTURE]
    mended = _PNG + b"".join(
        struct.pack(">I4s", len(data), name) + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in (*chunks, (b"IEND", b""))
    )
    try:
        return Part(_decoded(mended, max_pixels), 1.0)
    except (OSError, SyntaxError):
        return _rows(mended, max_pixels)


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG)
    while at + 8 < len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        yield name, content[at + 8 : at + 8 + size]
        at += 12 + size


def _webp(content: bytes, max_pixels: int) -> Part | None:
    """With zeros in the place of what is missing of its first picture: how much there is, is counted in bytes."""
    if content[:4] != b"RIFF" or content[8:12] != _WEBP:
        return None
    chunks, share = _first_picture(content[12:])
    if share < MIN_SHARE:
        return Part(Image.new("RGB", (1, 1)), share)
    body = _WEBP + chunks
    return Part(_decoded(b"RIFF" + struct.pack("<I", len(body)) + body, max_pixels), share)


def _first_picture(content: bytes) -> tuple[bytes, float]:
    """The chunks of a WebP file up to its first picture, mended, and how much there is of that."""
    at, mended, share = 0, b"", 0.0
    while at + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        data = content[at + 8 : at + 8 + size]
        if name == b"VP8X" and len(data) == 10:
            data = bytes([data[0] & ~_WEBP_EXTRAS]) + data[1:]
        elif name == b"ANMF":
            frame, share = _first_picture(data[16:])
            data = data[:16] + frame
        elif name in _WEBP_PICTURE:
            share = len(data) / max(size, 1)
            if MIN_SHARE <= share < 1:  # What is made of zeros may need more of them than there were bytes.
                data += bytes(size + _MAX_ZEROS)
        if name in {*_WEBP_PICTURE, b"ANMF", b"VP8X", b"ANIM", b"ALPH"}:
            mended += struct.pack("<4sI", name, len(data)) + data + b"\0" * (len(data) % 2)
        if name in {*_WEBP_PICTURE, b"ANMF"}:
            break
        at += 8 + size + size % 2
    return mended, share


def _jpeg_2000(content: bytes, max_pixels: int) -> Part | None:
    """With zeros, which mean that nothing more is known, and an end marker behind its last tile."""
    tile = content.rfind(b"\xff\x90\0\x0a")
    if not content.startswith(_JPEG_2000) or tile < 0:
        return None
    end = tile + int.from_bytes(content[tile + 6 : tile + 10], "big")
    share = min(1.0, len(content) / max(end, 1))
    if share < MIN_SHARE:
        return Part(Image.new("RGB", (1, 1)), share)
    return Part(_decoded(content[:end].ljust(end, b"\0") + _END_OF_IMAGE, max_pixels), share)


def _rows(content: bytes, max_pixels: int) -> Part | None:
    """The rows that a decoder gave before it failed, the others white."""
    if undecoded(content, max_pixels).format not in {"PNG", "GIF", "BMP", "TIFF"}:
        return None
    image, missing = _decoded_part(content, max_pixels)
    exif = image.info.get("exif")
    pixels = np.array(as_rgb(image))
    pixels[missing] = 255
    picture = Image.fromarray(pixels)
    if exif:
        picture.info["exif"] = exif
    return Part(picture, 1 - float(missing.mean()))


def _decoded_part(content: bytes, max_pixels: int) -> "tuple[Image.Image, np.ndarray[Any, Any]]":
    """What a decoder gives before it fails, and whether each row (H,) lacks some of it.

    The one is told from the other by decoding twice, onto pictures that are nowhere the same.
    """
    images = []
    for colour in (0, 255):
        image: Any = undecoded(content, max_pixels)
        image.draft(None, (2048, 2048))
        if getattr(image, "_frame_transparency", None) is not None:
            image._frame_transparency = None  # Else a GIF file's pictures are both transparent to begin with.
        image.im = Image.new(image.mode, image.size, colour).im
        with suppress(OSError, SyntaxError, ValueError, struct.error):
            image.load()
        image.tile = []
        images.append(image)
    first, second = map(np.asarray, images)
    return images[0], np.any((first != second).reshape(len(first), -1), axis=1)
