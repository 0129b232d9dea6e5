"""A cache of what takes long: made once, from where it was interrupted, and anew when it is of something else."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

import seqcore.media
from seqcore.errors import DataError, InputError
from seqcore.media import ArrayCache, cached_squares, load_squares
from seqcore.media.cache import file_key, weight_key


def rows_of(item: int) -> Tensor:
    """Of each item one row more than of the one before."""
    return torch.full((item + 1, 2), item, dtype=torch.float16)


class Items:
    """Makes items, and remembers which; `stop` is one at which it fails."""

    def __init__(self, stop: int = -1) -> None:
        self.stop, self.made = stop, list[int]()

    def __call__(self, done: int) -> Iterator[tuple[Tensor, list[Any]]]:
        for item in range(done, 5):
            if item == self.stop:
                raise KeyboardInterrupt
            self.made.append(item)
            yield rows_of(item), [{"item": item}]


def cache(folder: Path, key: str = "a", size: int = 2) -> ArrayCache:
    return ArrayCache(folder, key, (size,), torch.float16)


def test_of_several_at_once_one_makes_it(tmp_path: Path) -> None:
    class Slow(Items):
        def __call__(self, done: int) -> Iterator[tuple[Tensor, list[Any]]]:
            for made in super().__call__(done):
                time.sleep(0.02)
                yield made

    makers = [Slow(), Slow()]
    with ThreadPoolExecutor() as pool:
        filled = [*pool.map(lambda made: cache(tmp_path).fill(made), makers)]
    assert sorted(len(maker.made) for maker in makers) == [0, 5]
    assert torch.equal(filled[0][0], filled[1][0])


def test_what_was_interrupted_goes_on_where_it_was(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        cache(tmp_path).fill(Items(stop=3))
    with (tmp_path / "array.bin").open("ab") as file:
        file.write(b"half a row that was cut")
    going_on, nothing = Items(), Items()
    rows, notes = cache(tmp_path).fill(going_on)
    assert going_on.made == [3, 4]
    assert torch.equal(rows, torch.cat([rows_of(item) for item in range(5)]))
    assert notes == [{"item": item} for item in range(5)]
    again, _ = cache(tmp_path).fill(nothing)
    assert nothing.made == []
    assert torch.equal(again, rows)


def test_who_writes_to_it_changes_no_file(tmp_path: Path) -> None:
    rows, _ = cache(tmp_path).fill(Items())
    rows.zero_()
    assert cache(tmp_path).fill(Items())[0][-1].tolist() == [4, 4]


@pytest.mark.parametrize("damage", ["other key", "other shape", "cut note", "note of another kind", "cut array"])
def test_what_is_of_something_else_is_made_anew_and_says_so_once(
    damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache(tmp_path).fill(Items())
    note, store = tmp_path / "array.json", tmp_path / "array.bin"
    if damage == "cut note":
        note.write_bytes(note.read_bytes()[:-9])
    elif damage == "note of another kind":
        note.write_text(json.dumps([1, 2]), encoding="utf-8")
    elif damage == "cut array":
        store.write_bytes(store.read_bytes()[:-1])
    anew = Items()
    if damage == "other shape":
        with pytest.raises(ValueError, match=r"rows are \(2,\), not \(3,\)"):
            cache(tmp_path, size=3).fill(anew)
    else:
        cache(tmp_path, "b" if damage == "other key" else "a").fill(anew)
        assert anew.made == [0, 1, 2, 3, 4]
    assert capsys.readouterr().err.count("it is made anew") == 1


def test_of_nothing_it_holds_nothing(tmp_path: Path) -> None:
    rows, notes = cache(tmp_path).fill(lambda done: ())
    assert (tuple(rows.shape), notes) == ((0, 2), [])


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file/cache cannot keep the array: Not a directory"):
        cache(tmp_path / "file" / "cache").fill(Items())


def test_keys_tell_files_and_weights_apart(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    first = file_key([str(tmp_path / "a"), b"b"])
    assert first == file_key([tmp_path / "a", b"b"])
    (tmp_path / "a").write_text("ab")
    assert len({first, file_key([str(tmp_path / "a"), b"b"]), file_key([b"b"]), file_key([b"c"]), file_key([])}) == 5
    with pytest.raises(TypeError):
        file_key([1])
    weights = {"a": torch.ones(2), "b": torch.zeros(2)}
    assert weight_key(weights.items()) == weight_key(reversed(weights.items()))
    assert weight_key(weights.items()) != weight_key((weights | {"a": torch.zeros(2)}).items())


def test_squares_of_many_images_are_opened_once(tmp_path: Path) -> None:
    for number in range(3):
        Image.new("RGB", (20, 10), (50 * number, 0, 0)).save(tmp_path / f"{number}.png")
    paths = sorted(tmp_path.glob("*.png"))
    squares = cached_squares(paths, 16, tmp_path / "cache")
    assert torch.equal(squares, load_squares(paths, 16))
    with pytest.raises(InputError, match=r"^image 2: ") as raised:
        cached_squares([paths[0], b"no image"], 16, tmp_path / "other")
    assert raised.value.number == 2


def test_the_room_exports_its_verbs() -> None:
    assert dir(seqcore.media) == sorted(seqcore.media.__all__)
    for name in seqcore.media.__all__:
        assert getattr(seqcore.media, name).__doc__, name
    with pytest.raises(AttributeError, match=r"seqcore\.media.*'nothing'"):
        seqcore.media.nothing  # noqa: B018
