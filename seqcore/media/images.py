"""Images in: opened whatever they are, checked, made squares of pixels."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from seqcore.errors import InputError, SettingsError, install_command, numbered
from seqcore.media.ahead import in_threads
from seqcore.media.cache import ArrayCache, file_key

try:
    from PIL import Image, UnidentifiedImageError
except ImportError as error:
    raise SettingsError(f"reading images needs pillow: {install_command('vision')}") from error

from seqcore.media.cut_short import MIN_SHARE, readable_part
from seqcore.media.folders import look_through, tell_passed_over
from seqcore.media.heic import is_avif, is_heic, open_heic
from seqcore.media.image_formats import (
    AVIF,
    EPS,
    OTHER_SUFFIXES,
    RAW,
    SUFFIXES,
    check_pixels,
    is_raw,
    other_kind,
    quiet,
    undecoded,
    unidentified,
)
from seqcore.media.pixels import array_of, as_rgb, from_array

MAX_PIXELS = 150_000_000  # Pillow itself refuses 179 million.
MAX_DETAIL = 2048  # Pixels each way that are kept of a huge JPEG.
_SQUARES_AT_ONCE = 64  # Images that are opened between two writes to a cache.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112  # The tag of EXIF.

ImageSource = str | Path | bytes | IO[bytes] | Image.Image | np.ndarray[Any, Any] | Tensor


def open_image(source: ImageSource, max_pixels: int = MAX_PIXELS, detail: int = MAX_DETAIL) -> Image.Image:
    """Read an image as people see it: turned as its EXIF data say, on white where it is transparent, in RGB.

    Files are JPEG, PNG, WebP, GIF, BMP, TIFF, MPO, JPEG 2000 or HEIC, whatever their names are; no other decoder is
    tried. One whose end is missing is read, as browsers show it, where nine tenths of the picture are there.

    Args:
        source: a path, bytes, a file, a PIL image, an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), or a tensor
            (1 or 3 or 4, H, W); numbers are uint8, uint16, or floating point from 0 to 1. Of an animation, the first
            picture.
        max_pixels: larger images are refused before they are decoded.
        detail: a JPEG may be decoded at a half, a quarter or an eighth of its size that is at least so many pixels each
            way, which takes less time.

    Raises:
        InputError: there is no such file, it is no image or a damaged one, or too large; the message names it.
    """
    if isinstance(source, Tensor):
        source = array_of(source)
    if isinstance(source, np.ndarray):
        return from_array(source, max_pixels)
    name, given = _given(source)
    try:
        with quiet:
            if isinstance(given, Image.Image):
                check_pixels(given.size, max_pixels)
                if given.format == "EPS" and getattr(given, "tile", None):  # To decode it is to run Ghostscript.
                    raise InputError(f"is {EPS}")
                seen = _seen(_load(given, detail))
                return seen.copy() if seen is given else seen
            return _seen(_decode(given, Path(name).suffix.lower(), max_pixels, detail))
    except InputError as error:
        raise InputError(f"{name} {error.message}") from error.__cause__
    except Image.DecompressionBombError as error:
        raise InputError(f"{name} has more than {max_pixels:,} pixels: make it smaller") from error
    except MemoryError as error:
        raise InputError(f"{name} is too large for the memory of this machine") from error
    except Exception as error:  # Decoders raise errors of many kinds.
        raise InputError(f"{name} is damaged or cut short: {str(error) or type(error).__name__}") from error


def to_square(image: Image.Image, size: int) -> Tensor:
    """Stretch an image to a square, bilinear and antialiased: uint8 (3, size, size)."""
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def read_square(source: ImageSource, size: int) -> Tensor:
    """Open an image and stretch it: uint8 (3, size, size); a tensor that is such a square already stays as it is.

    Raises:
        InputError: it cannot be read.
    """
    if isinstance(source, Tensor) and source.dtype == torch.uint8 and source.shape == (3, size, size):
        return source.cpu()
    return to_square(open_image(source), size)


def load_squares(sources: Sequence[ImageSource], size: int) -> Tensor:
    """Open images and stretch them: uint8 (B, 3, size, size).

    Raises:
        InputError: one cannot be read; `number` says which (from 1).
    """
    squares = []
    for before, source in enumerate(sources):
        with numbered(before, kind="image"):
            squares.append(read_square(source, size))
    return torch.stack(squares) if squares else torch.empty(0, 3, size, size, dtype=torch.uint8)


def square_batches(sources: Sequence[ImageSource], size: int, batch_size: int, begin: int = 0) -> Iterator[Tensor]:
    """Give what `load_squares` gives, batch by batch from one image on, while threads open those that follow.

    Raises:
        InputError: one cannot be read; `number` says which (from 1).
    """

    def read(place: int) -> Tensor:
        with numbered(place, kind="image"):
            return read_square(sources[place], size)

    squares = in_threads(read, range(begin, len(sources)), ahead=2 * batch_size)
    while batch := list(islice(squares, batch_size)):
        yield torch.stack(batch)


def cached_squares(
    sources: Sequence[str | Path | bytes],
    size: int,
    folder: str | Path,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Give what `load_squares` gives, mapped from disk, where an `ArrayCache` in a folder keeps it.

    Args:
        progress: called with how many of how many images are done.
    """

    def produce(done: int) -> Iterator[tuple[Tensor, list[None]]]:
        for squares in square_batches(sources, size, _SQUARES_AT_ONCE, done):
            yield squares, [None] * len(squares)
            done += len(squares)
            if progress:
                progress(done, len(sources))

    content = f"{len(sources)} images"
    return ArrayCache(folder, file_key(sources), (3, size, size), torch.uint8, len(sources), content).fill(produce)[0]


def image_files(folder: str | Path) -> list[Path]:
    """List the images in a folder and in those below, known by their endings, sorted by path.

    Those of kinds that `open_image` refuses, such as a camera's raw files, are among them: none is passed over in
    silence. Hidden files are not; what else is passed over is named on stderr.

    Raises:
        InputError: there is no such folder, or no image in it.
    """
    if not Path(folder).is_dir():
        raise InputError(f"there is no folder {folder}")
    listing = look_through(folder, SUFFIXES | OTHER_SUFFIXES)
    if not listing.wanted:
        raise InputError(f"{folder} holds no images: they end in {', '.join(sorted(SUFFIXES))}")
    tell_passed_over(folder, listing.others, "images")
    return listing.wanted


def augment(images: Tensor, flip: float = 0.5) -> Tensor:
    """Change images at random, each in its own way: cropped to 60 to 100 % of the area, mirrored, in other light.

    Random numbers are torch's own on the CPU, so a resumed run goes on with the same ones.

    Args:
        images: (B, 3, H, W), from 0 to 255.
        flip: how often an image is mirrored.

    Returns:
        Floating point, of the same shape and range.
    """

    def between(low: float, high: float) -> Tensor:
        return torch.empty(len(images)).uniform_(low, high)

    area, ratio = between(0.6, 1.0), between(-0.22, 0.22).exp()
    width, height = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    mirror = torch.where(torch.rand(len(images)) < flip, -1.0, 1.0)
    theta = torch.zeros(len(images), 2, 3)
    theta[:, 0, 0], theta[:, 0, 2] = width * mirror, between(-1, 1) * (1 - width)
    theta[:, 1, 1], theta[:, 1, 2] = height, between(-1, 1) * (1 - height)
    brightness, contrast, saturation = (between(0.8, 1.2).view(-1, 1, 1, 1).to(images.device) for _ in range(3))
    pixels = images.float()
    grid = functional.affine_grid(theta.to(images.device), list(pixels.shape), align_corners=False)
    pixels = functional.grid_sample(pixels, grid, padding_mode="reflection", align_corners=False) * brightness
    middle = pixels.mean((1, 2, 3), keepdim=True)
    pixels = middle + (pixels - middle) * contrast
    grey = pixels.mean(1, keepdim=True)
    return (grey + (pixels - grey) * saturation).clamp(0, 255)


def _given(source: Any) -> tuple[str, bytes | Image.Image]:
    """What to call an image, and what its file holds; one that is opened already stays as it is."""
    if isinstance(source, Image.Image):
        return "the image", source
    if isinstance(source, bytes | bytearray | memoryview):
        return "the image", bytes(source)
    if isinstance(source, str | Path):
        path = Path(source)
        try:
            if path.is_dir():
                raise InputError(f"{path} is a folder, not an image")
            return path.name, path.read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InputError(f"{path} cannot be read: {reason}") from error
    if hasattr(source, "read"):
        name, content = Path(str(getattr(source, "name", "the image"))).name, source.read()
        if not isinstance(content, bytes | bytearray | memoryview):
            raise InputError(f"{name} was opened as text: open it with 'rb'")
        return name, bytes(content)
    kind = type(source).__name__
    raise InputError(f"an image must be a path, bytes, a file, an image, an array or a tensor, not {kind}")


def _decode(content: bytes, suffix: str, max_pixels: int, detail: int) -> Image.Image:
    """The decoded image of a file. Raises `InputError`, whose message has no name before it, and errors of decoders."""
    if not content:
        raise InputError("is empty")
    if is_heic(content):
        return open_heic(content, max_pixels)
    if is_avif(content):
        raise InputError(f"is {AVIF}")
    if kind := other_kind(content, suffix):
        raise InputError(kind)
    try:
        image = undecoded(content, max_pixels)
        if is_raw(image):
            raise InputError(f"is {RAW}")
        return _load(image, detail)
    except (InputError, MemoryError, Image.DecompressionBombError):
        raise
    except Exception as error:  # Decoders raise errors of many kinds.
        part = readable_part(content, max_pixels)
        if part is None:
            if isinstance(error, UnidentifiedImageError):
                raise InputError(unidentified(content)) from error
            raise
        if part.share < MIN_SHARE:
            there = f"{math.floor(100 * part.share)} % of the picture is there"
            raise InputError(f"is damaged or cut short: {there}. Copy or download it again") from error
        return part.image


def _load(image: Image.Image, detail: int) -> Image.Image:
    """Decoded; of a huge JPEG, at a lower resolution."""
    image.draft(None, (detail, detail))  # Never less than this, and of other formats always the whole.
    tiles: Any = getattr(image, "tile", None)
    box = tiles[0][1] if image.format == "GIF" and tiles else None
    image.load()
    if box in {None, (0, 0, *image.size)} or "transparency" in image.info:
        return image
    seen = Image.new("RGB", image.size, "white")  # Round a picture that is smaller than its file says there is nothing.
    seen.paste(as_rgb(image.crop(box)), box[:2])
    return seen


def _seen(image: Image.Image) -> Image.Image:
    """A decoded image as people see it: in RGB, and turned as its EXIF data say, of which nothing else is read."""
    try:
        turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # Of data that are damaged Pillow raises errors of many kinds, and browsers show such images.
        turn = None
    image = as_rgb(image)
    return image if turn is None else image.transpose(turn)
