"""What an image holds, as people see it: eight bits in RGB, on white where it is transparent."""

from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from seqcore.errors import InputError

_TRANSPARENT = frozenset({"RGBA", "LA", "PA", "RGBa", "La"})
# Numbers from 0 to 1 overshoot a little where light is; much more, and they are on another scale.
_MAX_OVERSHOOT = 4.0


def as_rgb(image: Image.Image) -> Image.Image:
    """A decoded image of any mode, in RGB: itself, if it is that already."""
    if image.mode.startswith("I") or image.mode == "F":
        image = Image.fromarray(eight_bits(np.asarray(image), _white(image)))
    if image.mode in _TRANSPARENT or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def eight_bits(values: "np.ndarray[Any, Any]", white: float | None = None) -> "np.ndarray[Any, Any]":
    """Numbers of other widths, from black to white.

    Args:
        white: the number that is white; without it that of the scale that the numbers seem to be on, which ends at 1
            (of floating-point numbers alone), 255, 65535, or at the largest of them.
    """
    ends = [255.0, 65535.0]
    if values.dtype.kind == "f":
        ends.insert(0, 1.0)
        values = np.nan_to_num(values, nan=0.0, posinf=_finite_end(values, np.max), neginf=_finite_end(values, np.min))
    values = values.astype(np.float64)
    low, high = min(0.0, float(values.min())), float(values.max())
    if white is None:
        white = next((end for end in ends if high <= end), high)
        if ends[0] < high <= _MAX_OVERSHOOT and (values != np.rint(values)).any():
            white = 1.0
    return np.clip((values - low) / (white - low) * 255, 0, 255).round().astype(np.uint8)


def from_array(values: "np.ndarray[Any, Any]", max_pixels: int) -> Image.Image:
    """An image of an array: see `seqcore.media.images.open_image`. Raises `InputError` for one of another shape."""
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
    return as_rgb(Image.fromarray(np.ascontiguousarray(values)))


def array_of(tensor: Tensor) -> "np.ndarray[Any, Any]":
    """A tensor (H, W) or (1 or 3 or 4, H, W) as an array (H, W, C)."""
    if tensor.dim() == 3 and tensor.shape[0] in {1, 3, 4}:
        tensor = tensor.permute(1, 2, 0)
    tensor = tensor.detach().cpu()
    return tensor.float().numpy() if tensor.is_floating_point() else tensor.numpy()


def _white(image: Image.Image) -> float | None:
    """The number that is white where a file says so: PNG files of 16 bits use all of them, others often do not."""
    return 65535.0 if image.format == "PNG" and image.mode.startswith("I;16") else None


def _finite_end(values: "np.ndarray[Any, Any]", end: Any) -> float:
    finite = values[np.isfinite(values)]
    return float(end(finite)) if finite.size else 0.0
