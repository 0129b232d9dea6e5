"""Films as they are shown: mirrored, turned, of pixels that are not square, and of the right track."""

from fractions import Fraction
from itertools import product
from pathlib import Path

import av
import numpy as np
import pytest
from tiny_videos import Pixels, plain, turn, write_video

from seqcore.media.orientation import Orientation, shown_size
from seqcore.media.video import View, frame_at, read_frames, video_info

TURNS = {  # What is done to the picture, and the matrix (a, b, c, d) that asks for it.
    "as it is": (1, 0, 0, 1),
    "clockwise": (0, 1, -1, 0),
    "upside down": (-1, 0, 0, -1),
    "counter-clockwise": (0, -1, 1, 0),
    "mirrored": (-1, 0, 0, 1),
    "flipped": (1, 0, 0, -1),
    "transposed": (0, 1, 1, 0),
    "transversed": (0, -1, -1, 0),
}


def corners() -> Pixels:
    """A frame with a light of its own in each corner: 40 and 100 above, 160 and 220 beneath."""
    frame = np.zeros((48, 64, 3), np.uint8)
    for (row, column), light in zip(product((0, 1), (0, 1)), (40, 100, 160, 220), strict=True):
        frame[24 * row : 24 * row + 24, 32 * column : 32 * column + 32] = light
    return frame


def shown(frame: Pixels, a: int, b: int, c: int, d: int) -> list[list[int]]:
    """The lights of the corners where the matrix takes them."""
    lights = [[0, 0], [0, 0]]
    for y, x in product((-1, 1), (-1, 1)):
        to_x, to_y = a * x + c * y, b * x + d * y
        lights[(to_y + 1) // 2][(to_x + 1) // 2] = int(frame[12 + 24 * ((y + 1) // 2), 16 + 32 * ((x + 1) // 2), 0])
    return lights


@pytest.mark.parametrize("name", TURNS)
def test_a_film_stands_as_its_matrix_says(tmp_path: Path, name: str) -> None:
    matrix = TURNS[name]
    path = turn(write_video(tmp_path / "a.mp4", [corners()] * 3), *matrix)
    info = video_info(path)
    assert (info.width, info.height) == ((48, 64) if matrix[1] else (64, 48))
    wanted = shown(corners(), *matrix)
    for view in (None, View(info.height, info.width), View(info.height // 2, info.width // 2, grey=True)):
        for frame in (next(iter(read_frames(path, view)))[1], frame_at(path, 0.04, view)):
            height, width = frame.shape[1:]
            got = [[int(frame[0, height * y // 4, width * x // 4]) for x in (1, 3)] for y in (1, 3)]
            assert np.abs(np.array(got) - wanted).max() < 12, view


def test_turns_of_arrays() -> None:
    pixels = np.arange(6).reshape(2, 3)
    assert Orientation(True, True, False).apply(pixels).tolist() == [[3, 0], [4, 1], [5, 2]]  # a quarter clockwise
    assert Orientation(False, True, True).apply(pixels).tolist() == [[5, 4, 3], [2, 1, 0]]


@pytest.mark.parametrize(("aspect", "width"), [(Fraction(4, 3), 85), (Fraction(1, 2), 32), (Fraction(64, 45), 91)])
def test_pixels_that_are_not_square(tmp_path: Path, aspect: Fraction, width: int) -> None:
    path = write_video(tmp_path / "a.mp4", [corners()] * 2, aspect=aspect)
    assert (video_info(path).width, video_info(path).height) == (width, 48)
    turned = video_info(turn(path))
    assert (turned.width, turned.height) == (48, width)
    assert next(iter(read_frames(path, View(64, 48))))[1].shape == (3, 64, 48)


def test_shapes_that_make_no_sense_are_left_out() -> None:
    for aspect in (None, Fraction(0), Fraction(1000, 1), Fraction(1, 1000)):
        assert shown_size(64, 48, aspect, Orientation()) == (64, 48)


def two_tracks(
    path: Path, flags: tuple[int, int], sides: tuple[int, int] = (32, 64), counts: tuple[int, int] = (5, 5)
) -> Path:
    """A red track and a blue one."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("mpeg4", rate=25) for _ in flags]
        for stream, flag, side in zip(streams, flags, sides, strict=True):
            stream.width, stream.height, stream.pix_fmt = side, side, "yuv420p"
            stream.disposition = av.stream.Disposition(flag)
        for stream, name, side, count in zip(streams, ("red", "blue"), sides, counts, strict=True):
            for _ in range(count):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(plain(name, side, side), format="rgb24")))
            container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("flags", "sides", "colour"),
    [((1, 0), (32, 64), "red"), ((0, 1), (64, 32), "blue"), ((0, 0), (32, 64), "blue"), ((0, 0), (64, 32), "red"),
     ((1, 1), (32, 64), "blue"), ((0, 0), (32, 32), "red")],
)  # fmt: skip
def test_the_track_that_a_player_chooses(
    tmp_path: Path, flags: tuple[int, int], sides: tuple[int, int], colour: str
) -> None:
    path = two_tracks(tmp_path / "a.mkv", flags, sides)
    frame = next(iter(read_frames(path, View(8, 8))))[1].float().mean((1, 2))
    assert int(frame.argmax()) == (0 if colour == "red" else 2)


def test_a_picture_beside_a_film_is_not_the_film(tmp_path: Path) -> None:
    path = two_tracks(tmp_path / "a.mp4", (1, 1), (64, 32), (1, 5))
    assert len(list(read_frames(path, View(8, 8)))) == 5
