"""Captions in files of every make, and in folders: what is read, what is left out and said, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from seqcore.errors import DataError
from seqcore.media.images import image_files
from seqcore.tasks.captioning.rows import read_captions

Made = Callable[..., None]


@pytest.fixture
def images(tmp_path: Path) -> Made:
    """Make small images in a folder."""

    def make(*names: str) -> None:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (4, 4), "red").save(tmp_path / name, "JPEG")

    return make


def captions(source: Path, **options: Any) -> dict[str, list[str]]:
    """The captions of each image, by its name."""
    return {Path(row["image"]).name: row["captions"] for row in read_captions(str(source), **options)}


def coco(*names: str) -> str:
    """Two captions of each image, as COCO has them."""
    numbers = list(enumerate(names, 7))
    return json.dumps({
        "info": {}, "images": [{"id": number, "file_name": name} for number, name in numbers],
        "annotations": [
            {"id": n, "image_id": number, "caption": f"{name} {word}."}
            for n, word in enumerate(("one", "two")) for number, name in numbers
        ],
    })  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        ('"[""one."", ""two.""]"', ["one.", "two."]),
        ("\"['one.', 'two.']\"", ["one.", "two."]),
        ('"a dog, running."', ["a dog, running."]),
        ("[blurred] a dog.", ["[blurred] a dog."]),
        ("[a dog]", ["[a dog]"]),
        ('"[\'a ""b"" ""c"".\', \'two.\']"', ['a "b" "c".', "two."]),
        ("NA", ["NA"]),
        ("12", ["12"]),
    ],
)
def test_a_cell_holds_a_caption_or_a_list(cell: str, wanted: list[str], images: Made, tmp_path: Path) -> None:
    images("a.jpg")
    (tmp_path / "metadata.csv").write_text(f"file_name,captions\na.jpg,{cell}\n", encoding="utf-8")
    assert captions(tmp_path) == captions(tmp_path / "metadata.csv") == {"a.jpg": wanted}


@pytest.mark.parametrize("cell", ['"[1, 2]"', '"[""one."", """"]"', "[]", "\"['one.' 'two.']\"", '" "'])
def test_a_list_without_captions_is_refused_with_its_row(cell: str, images: Made, tmp_path: Path) -> None:
    images("a.jpg", "b.jpg")
    (tmp_path / "metadata.csv").write_text(f"file_name,captions\na.jpg,one\nb.jpg,{cell}\n", encoding="utf-8")
    with pytest.raises(DataError, match="row 2: captions"):
        captions(tmp_path)


def test_captions_as_coco_has_them(images: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images("val2017/1.jpg", "val2017/2.jpg", "train2017/1.jpg")
    (tmp_path / "annotations").mkdir()
    for part, names in (("val", ("1.jpg", "2.jpg")), ("train", ("1.jpg",))):
        (tmp_path / f"annotations/captions_{part}2017.json").write_text(coco(*names))
    (tmp_path / "annotations/instances_val2017.json").write_text('{"images": [], "annotations": []}')
    wanted = {"1.jpg": ["1.jpg one.", "1.jpg two."], "2.jpg": ["2.jpg one.", "2.jpg two."]}
    for source in (tmp_path / "annotations/captions_val2017.json", tmp_path / "val2017"):
        assert captions(source) == wanted
        assert {Path(row["image"]).parent.name for row in read_captions(str(source))} == {"val2017"}
    assert captions(tmp_path, split="validation") == wanted
    assert "captions_train2017.json" in capsys.readouterr().err
    (row,) = read_captions(str(tmp_path))
    assert row["image"] == str(tmp_path / "train2017/1.jpg")
    with pytest.raises(DataError, match="captions of train, validation, and not of 'test'"):
        captions(tmp_path, split="test")


@pytest.mark.parametrize("name", ["captions_val2017.json", "captions.json", "mine.json"])
def test_a_list_may_lie_among_the_images(name: str, images: Made, tmp_path: Path) -> None:
    images("1.jpg")
    (tmp_path / name).write_text(coco("1.jpg"))
    assert captions(tmp_path) == captions(tmp_path / name) == {"1.jpg": ["1.jpg one.", "1.jpg two."]}


def test_what_is_wrong_in_a_coco_file_is_told(images: Made, tmp_path: Path) -> None:
    images("1.jpg")
    file = tmp_path / "captions.json"
    file.write_text(coco("1.jpg", "2.jpg"))
    with pytest.raises(DataError, match=r"annotation 2: there is no image 2\.jpg in .*"):
        captions(file)
    content = json.loads(coco("1.jpg"))
    content["annotations"][1]["image_id"] = 99
    file.write_text(json.dumps(content))
    with pytest.raises(DataError, match="annotation 2: there is no image 99"):
        captions(file)
    for named, message in (([{"id": 7}], "image 1 must have"), ([{"id": 7, "file_name": 1}], "image 1 must have")):
        file.write_text(json.dumps({**content, "images": named}))
        with pytest.raises(DataError, match=message):
            captions(file)
    content["annotations"][1] = {"image_id": 7}
    file.write_text(json.dumps(content))
    with pytest.raises(DataError, match="annotation 2 must have an image_id and a caption"):
        captions(tmp_path)


def test_images_without_annotations_are_told(images: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images("1.jpg", "2.jpg")
    content = json.loads(coco("1.jpg", "2.jpg"))
    content["annotations"] = [one for one in content["annotations"] if one["image_id"] == 7]
    (tmp_path / "mine.json").write_text(json.dumps(content))
    assert [*captions(tmp_path / "mine.json")] == ["1.jpg"]
    assert "without a caption are left out (1): 2.jpg" in capsys.readouterr().err


def test_captions_of_karpathys_splits(images: Made, tmp_path: Path) -> None:
    images("images/a.jpg", "images/b.jpg", "images/c.jpg")
    listed = [
        {"filename": f"{name}.jpg", "split": split, "sentences": [{"raw": f"{name} one."}, {"raw": f"{name} two."}]}
        for name, split in (("a", "train"), ("b", "restval"), ("c", "val"))
    ]
    (tmp_path / "dataset_flickr8k.json").write_text(json.dumps({"images": listed, "dataset": "flickr8k"}))
    for source in (tmp_path, tmp_path / "dataset_flickr8k.json"):
        assert captions(source) == {f"{name}.jpg": [f"{name} one.", f"{name} two."] for name in "ab"}
        assert [*captions(source, split="validation")] == ["c.jpg"]


@pytest.mark.parametrize(
    ("name", "folder", "text"),
    [
        (
            "captions.txt", "Images",
            'image,caption\na.jpg,"A dog, running ."\na.jpg,A dog , who runs .\nb.jpg,"""Hi"" ."\n',
        ),
        (
            "Flickr8k_text/Flickr8k.token.txt", "Flicker8k_Dataset",
            "a.jpg#0\tA dog, running .\na.jpg#1\tA dog , who runs .\nb.jpg#0\t\"Hi\" .\n",
        ),
        (
            "results.csv", "flickr30k_images",
            'image_name| comment_number|comment\na.jpg|0| A dog, running .\na.jpg|1|A dog , who runs .\nb.jpg|0|"Hi" .',
        ),
    ],
)  # fmt: skip
def test_captions_as_flickr_has_them(
    name: str, folder: str, text: str, images: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images(f"{folder}/a.jpg", f"{folder}/b.jpg", f"{folder}/unlisted.jpg")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    wanted = {"a.jpg": ["A dog, running .", "A dog , who runs ."], "b.jpg": ['"Hi" .']}
    assert captions(tmp_path / name) == wanted
    assert captions(tmp_path) == wanted
    assert f"nothing is said are left out (1): {folder}/unlisted.jpg" in capsys.readouterr().err


def test_what_is_wrong_in_a_list_is_told(images: Made, tmp_path: Path) -> None:
    images("a.jpg")
    file = tmp_path / "captions.txt"
    for text, message in (
        ("image,caption\na.jpg,\n", "row 1 has no caption"),
        ("image,caption\nb.jpg,A dog.\n", "row 1: there is no image b.jpg in "),
        ("a.jpg#0\tA dog.\na.jpg\n", "line 2 has no image and caption"),
        ("A dog runs.\n", "line 1 is neither the header"),
    ):
        file.write_text(text)
        with pytest.raises(DataError, match=message):
            captions(file)


def test_a_text_beside_each_image_has_a_caption_a_line(
    images: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images("a.jpg", "below/b.JPG", "c.jpg", "d.jpg")
    (tmp_path / "a.txt").write_text("\ufeffone\r\n\r\n two \r\n", encoding="utf-8")
    (tmp_path / "below/b.txt").write_text("three")
    (tmp_path / "d.jpg.txt").write_text("four")
    assert captions(tmp_path) == {"a.jpg": ["one", "two"], "b.JPG": ["three"], "d.jpg": ["four"]}
    assert "nothing is said are left out (1): c.jpg" in capsys.readouterr().err
    (tmp_path / "c.txt").write_text(" \n")
    with pytest.raises(DataError, match=r"c\.txt is empty"):
        captions(tmp_path)
    (tmp_path / "c.txt").write_text("0 0.5 0.5 0.1 0.1\n")  # The boxes of a detector are called so, too.
    with pytest.raises(DataError, match=r"c\.txt, line 1 is no caption"):
        captions(tmp_path)


def test_a_file_without_rows_is_told(images: Made, tmp_path: Path) -> None:
    images("a.jpg")
    for name, text in (("metadata.csv", "file_name,caption\n"), ("captions.txt", "image,caption\n")):
        (tmp_path / name).write_text(text)
        for source in (tmp_path, tmp_path / name):
            with pytest.raises(DataError, match=f"{name} has no rows"):
                captions(source)
        (tmp_path / name).unlink()


def test_a_table_above_the_parts_is_read_for_the_part_that_is_asked_for(
    images: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images("train/a.jpg", "test/b.jpg")
    lines = ({"file_name": "train/a.jpg", "caption": "one"}, {"file_name": "test/b.jpg", "caption": "two"})
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert captions(tmp_path) == captions(tmp_path / "train") == {"a.jpg": ["one"]}
    assert "another part of the data than 'train' are not read (1): test/b.jpg" in capsys.readouterr().err
    assert captions(tmp_path, split="test") == captions(tmp_path / "test") == {"b.jpg": ["two"]}
    with pytest.raises(DataError, match="parts test, train, and not 'validation'"):
        captions(tmp_path, split="validation")
    (tmp_path / "train/a.jpg").unlink()
    with pytest.raises(DataError, match="row 1: there is no image"):
        captions(tmp_path / "train")


def test_a_table_that_is_not_used_is_said(images: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images("a.jpg")
    (tmp_path / "metadata.csv").write_text("file_name,caption\na.jpg,of the csv\n")
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "a.jpg", "caption": "of the jsonl"}\n')
    (tmp_path / "captions.txt").write_text("image,caption\na.jpg,of the list\n")
    assert captions(tmp_path) == {"a.jpg": ["of the jsonl"]}
    told = capsys.readouterr().err
    assert "metadata.jsonl is read, and not what is beside it (1): metadata.csv" in told
    assert "not lists of captions (1): captions.txt" in told


def test_folders_of_classes_have_no_captions(images: Made, tmp_path: Path) -> None:
    images("cat/a.jpg", "dog/b.jpg")
    with pytest.raises(DataError, match=r"2 images, and no captions. Names of folders \(cat, dog\) are classes"):
        captions(tmp_path)
    (tmp_path / "mine.csv").write_text("image,caption\ncat/a.jpg,one\n")
    with pytest.raises(DataError, match=r"if .*mine\.csv says captions, name that file"):
        captions(tmp_path)


def test_names_are_names_also_with_brackets_and_of_windows(images: Made, tmp_path: Path) -> None:
    images("a[1]*?/b [2].jpg", "below/c.jpg")
    (tmp_path / "a[1]*?/metadata.csv").write_text("file_name,caption\nb [2].jpg,one\n")
    assert captions(tmp_path / "a[1]*?") == captions(tmp_path / "a[1]*?/metadata.csv") == {"b [2].jpg": ["one"]}
    (tmp_path / "rows.csv").write_text("image,caption\nbelow\\c.jpg,two\nbelow/c.jpg,three\n./below/c.jpg,four\n")
    assert captions(tmp_path / "rows.csv") == {"c.jpg": ["two", "three", "four"]}


# Folders of images


def test_all_that_is_read_alone_is_in_a_folder_and_what_is_passed_over_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read = {"jpg", "JPEG", "jpe", "jfif", "mpo", "png", "apng", "webp", "gif", "bmp", "dib", "tif", "tiff"}
    read |= {"jp2", "j2k", "jpx", "heic", "HEIF", "hif"}
    named = {"cr2", "dng", "nef", "svg", "psd", "avif", "jxl", "eps", "ico", "tga", "ppm"}
    (tmp_path / "below/further").mkdir(parents=True)
    (tmp_path / "below/back").symlink_to(tmp_path)
    for ending in (*read, *named):
        (tmp_path / f"below/further/a.{ending}").touch()
    for name in (".hidden.jpg", "._a.jpg", "Thumbs.db", "below/.DS_Store", "notes.txt", "below/photo"):
        (tmp_path / name).touch()
    listed = image_files(tmp_path)
    assert sorted(path.suffix[1:] for path in listed) == sorted([*read, *named])
    told = capsys.readouterr().err
    assert "notes.txt" in told
    assert "below/photo" in told
    assert "hidden" not in told
    assert "Thumbs" not in told
