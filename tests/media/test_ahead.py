"""Work in threads ahead of its use."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import torch
from PIL import Image

from seqcore.errors import InputError
from seqcore.media.ahead import in_threads, read_ahead
from seqcore.media.images import open_image, square_batches


def test_results_come_in_order_and_not_too_many_ahead() -> None:
    begun: list[int] = []

    def double(number: int) -> int:
        begun.append(number)
        return 2 * number

    with closing(in_threads(double, range(100), threads=3, ahead=4)) as results:
        assert [next(results) for _ in range(5)] == [0, 2, 4, 6, 8]
    assert 5 <= len(begun) <= 10
    assert list(in_threads(double, range(7), threads=3)) == [0, 2, 4, 6, 8, 10, 12]
    assert list(in_threads(double, [])) == []


def test_an_error_comes_where_its_result_would() -> None:
    results = in_threads(lambda number: 6 // number, [3, 2, 0, 1])
    assert [next(results), next(results)] == [2, 3]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_what_is_read_ahead_is_closed_when_nobody_reads_on() -> None:
    ended: list[str] = []

    def numbers() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            ended.append(threading.current_thread().name)

    with closing(read_ahead(numbers())) as reader:
        assert [next(reader), next(reader)] == [0, 1]
    assert len(ended) == 1
    assert list(read_ahead(numbers())) == [*range(100)]


def test_threads_that_open_images_leave_the_filters_of_warnings_as_they_were(tmp_path: Path) -> None:
    files = [str(tmp_path / f"{number}.jpg") for number in range(40)]
    for file in files:
        Image.new("RGB", (64, 48), "red").save(file)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = list(warnings.filters)
        squares = torch.cat(list(square_batches(files, 32, 16)))
        assert list(warnings.filters) == before
    assert squares.shape == (40, 3, 32, 32)


def test_an_image_is_named_by_its_place_among_all() -> None:
    with pytest.raises(InputError, match=r"^image 4: ") as caught:
        list(square_batches([torch.zeros(3, 8, 8)] * 3 + [b"no image"], 8, 2, begin=1))
    assert caught.value.number == 4


def test_an_image_that_was_open_is_not_the_one_that_is_given() -> None:
    mine = Image.new("RGB", (4, 4), "red")
    open_image(mine).paste("blue", (0, 0, 4, 4))
    assert mine.getpixel((0, 0)) == (255, 0, 0)
