"""How a stored picture is to be shown: turned, mirrored, and of which shape."""

from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import av

_MAX_ASPECT = 20  # A pixel that is said to be wider or higher than that is a damaged header.


class Orientation(NamedTuple):
    """What is done to rows and columns of a stored picture, in this order, so that it stands as it should.

    Attributes:
        transposed: rows become columns.
        mirrored: left and right change places.
        flipped: top and bottom do.
    """

    transposed: bool = False
    mirrored: bool = False
    flipped: bool = False

    def apply(self, pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """(H, W, …) → the same as it is shown, a view."""
        if self.transposed:
            pixels = pixels.swapaxes(0, 1)
        return pixels[:: -1 if self.flipped else 1, :: -1 if self.mirrored else 1]

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of what is stored → of what is shown, and the other way round."""
        return (height, width) if self.transposed else (width, height)


def orientation(frame: "av.VideoFrame") -> Orientation:
    """The orientation that a frame's display matrix asks for: quarter turns and mirrors, the nearest of eight.

    The matrix takes (x, y) to (a x + c y, b x + d y), in FFmpeg's order a, b, u, c, d, v, x, y, w.
    """
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    numbers = np.frombuffer(bytes(matrix) if matrix is not None else b"", np.int32)
    if len(numbers) != 9:
        return Orientation()
    a, b, c, d = (int(numbers[place]) for place in (0, 1, 3, 4))
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)


def shown_size(width: int, height: int, aspect: Fraction | None, turned: Orientation) -> tuple[int, int]:
    """Width and height of a picture with square pixels, as it is shown.

    Args:
        width, height: of what is stored.
        aspect: the width of a stored pixel by its height; None or 0 if the file does not say.
    """
    if aspect and Fraction(1, _MAX_ASPECT) <= aspect <= _MAX_ASPECT:
        width = max(1, round(width * aspect))
    return turned.size(width, height)
