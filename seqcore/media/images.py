"""Images in: opened whatever they are, checked, made squares of pixels."""

import io
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from seqcore.errors import InputError, SettingsError, install_command, numbered
from seqcore.media.cache import ArrayCache, file_key

try:
    from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError
except ImportError as error:
    raise SettingsError(f"reading images needs pillow: {install_command('vision')}") from error

MAX_PIXELS = 150_000_000  # Pillow itself refuses 179 million.
_SQUARES_AT_ONCE = 64  # Images that are opened between two writes to a cache.
SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
# Images too: a folder's are listed, so that a message says why they cannot be read and none is passed over in silence.
_OTHER_SUFFIXES = frozenset({".avif", ".heic", ".heif", ".svg"})
# What a file begins with that Pillow does not read, and what to do about it.
_OTHER_KINDS = (
    (4, (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypmsf1", b"ftyphevc"), "a HEIC photograph: save it as JPEG or PNG"),
    (4, (b"ftypavif",), "an AVIF image, which cannot be read here: save it as JPEG or PNG"),
    (0, (b"%PDF",), "a PDF document: save the page as JPEG or PNG"),
)

ImageSource = str | Path | bytes | IO[bytes] | Image.Image | np.ndarray[Any, Any] | Tensor


def open_image(source: ImageSource, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Read an image as people see it: turned as its EXIF data say, on white where it is transparent, in RGB.

    Args:
        source: a path, bytes, a file, a PIL image, an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), or a tensor
            (1 or 3 or 4, H, W); numbers are uint8, uint16, or floating point from 0 to 1. Of an animation, the first
            picture.
        max_pixels: larger images are refused before they are decoded.

    Raises:
        InputError: there is no such file, it is no image or a damaged one, or too large; the message names it.
    """
    if isinstance(source, Tensor):
        source = _array_of(source)
    if isinstance(source, np.ndarray):
        return _from_array(source, max_pixels)
    name, file = _file(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own limit is lower, and odd metadata harm nothing.
            image = file if isinstance(file, Image.Image) else _undecoded(file, name)
            if image.width * image.height > max_pixels:
                raise InputError(
                    f"{name} has {image.width:,} × {image.height:,} pixels, more than {max_pixels:,}: make it smaller"
                )
            return _as_rgb(_upright(image))
    except InputError:
        raise
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


def cached_squares(sources: Sequence[str | Path | bytes], size: int, folder: str | Path) -> Tensor:
    """Give what `load_squares` gives, mapped from disk, where an `ArrayCache` in a folder keeps it."""

    def produce(done: int) -> Iterator[tuple[Tensor, list[None]]]:
        for begin in range(done, len(sources), _SQUARES_AT_ONCE):
            with numbered(begin, kind="image"):
                squares = load_squares(sources[begin : begin + _SQUARES_AT_ONCE], size)
            yield squares, [None] * len(squares)

    content = f"{len(sources)} images"
    return ArrayCache(folder, file_key(sources), (3, size, size), torch.uint8, len(sources), content).fill(produce)[0]


def image_files(folder: str | Path) -> list[Path]:
    """List the images in a folder and in those below, known by their endings, sorted by path.

    Those of kinds that `open_image` refuses, such as HEIC, are among them.

    Raises:
        InputError: there is no such folder, or no image in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}")
    suffixes = SUFFIXES | _OTHER_SUFFIXES
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes and path.is_file())
    if not paths:
        raise InputError(f"{folder} holds no images: they end in {', '.join(sorted(SUFFIXES))}")
    return paths


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


def _file(source: Any) -> tuple[str, Any]:
    """What to call it, and a file or an image."""
    if isinstance(source, Image.Image):
        return "the image", source
    if isinstance(source, bytes | bytearray | memoryview):
        return "the image", io.BytesIO(source)
    if isinstance(source, str | Path):
        path = Path(source)
        try:
            if path.is_dir():
                raise InputError(f"{path} is a folder, not an image")
            return path.name, io.BytesIO(path.read_bytes())
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InputError(f"{path} cannot be read: {reason}") from error
    if hasattr(source, "read"):
        return Path(str(getattr(source, "name", "the image"))).name, io.BytesIO(source.read())
    kind = type(source).__name__
    raise InputError(f"an image must be a path, bytes, a file, an image, an array or a tensor, not {kind}")


def _undecoded(file: io.BytesIO, name: str) -> Image.Image:
    """An image whose pixels are not decoded yet."""
    start = file.read(4096)
    file.seek(0)
    if not start:
        raise InputError(f"{name} is empty")
    try:
        return Image.open(file)
    except UnidentifiedImageError as error:
        for offset, signatures, kind in _OTHER_KINDS:
            if start[offset:].startswith(signatures):
                raise InputError(f"{name} is {kind}") from error
        if b"<svg" in start.lower():
            raise InputError(f"{name} is an SVG drawing, which has no pixels: save it as PNG") from error
        raise InputError(f"{name} is no image that can be read (JPEG, PNG, WebP, GIF, BMP or TIFF)") from error


def _upright(image: Image.Image) -> Image.Image:
    """Decoded, and as its EXIF data say; of a huge JPEG, decoded at a lower resolution."""
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    image.draft(None, (2048, 2048))  # Never less than this, and of other formats always the whole.
    image.load()
    return ImageOps.exif_transpose(image)


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _from_array(_eight_bits(np.asarray(image)), MAX_PIXELS)
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def _eight_bits(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Numbers of other widths, from black to white: 16-bit ones by their range, others by what they hold."""
    values = np.nan_to_num(values.astype(np.float64))
    low, high = min(0.0, float(values.min())), float(values.max())
    white = 65535.0 if 255 < high <= 65535 else max(high, 255.0)
    return np.clip((values - low) / (white - low) * 255, 0, 255).round().astype(np.uint8)


def _array_of(tensor: Tensor) -> np.ndarray[Any, Any]:
    if tensor.dim() == 3 and tensor.shape[0] in {1, 3, 4}:
        tensor = tensor.permute(1, 2, 0)
    tensor = tensor.detach().cpu()
    return tensor.float().numpy() if tensor.is_floating_point() else tensor.numpy()


def _from_array(values: np.ndarray[Any, Any], max_pixels: int) -> Image.Image:
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    if values.ndim not in {2, 3} or (values.ndim == 3 and values.shape[2] not in {3, 4}) or not values.size:
        raise InputError(f"an image must be an array (H, W), (H, W, 3) or (H, W, 4), not {values.shape}")
    if values.shape[0] * values.shape[1] > max_pixels:
        raise InputError(f"an image of {values.shape[1]:,} × {values.shape[0]:,} pixels is too large")
    if values.dtype == np.uint16:
        values = (values // 257).astype(np.uint8)
    elif values.dtype.kind == "f":
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
            raise InputError("an image of floating-point numbers must hold numbers from 0 to 1")
        values = (values * 255).round().astype(np.uint8)
    elif values.dtype == np.bool_:
        values = values.astype(np.uint8) * 255
    elif values.dtype != np.uint8:
        raise InputError(f"an image must hold uint8, uint16 or floating-point numbers, not {values.dtype}")
    return _as_rgb(Image.fromarray(np.ascontiguousarray(values)))
