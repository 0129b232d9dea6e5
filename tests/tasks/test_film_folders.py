"""Folders of films: all that is read alone is found, in folders below too, and what is passed over is named."""

from pathlib import Path

import pytest
from tiny_videos import colours, tiny_classifier, write_video

from seqcore.media.containers import SUFFIXES
from seqcore.media.video import View, read_frames
from seqcore.tasks.video.rows import read_videos


def test_films_of_every_ending_are_found_in_folders_below(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = write_video(tmp_path / "a.mp4", colours(["red"])).read_bytes()
    (tmp_path / "below" / "deep").mkdir(parents=True)
    for suffix in SUFFIXES:
        (tmp_path / "below" / f"a{suffix.upper()}").write_bytes(film)
    for name in ("below/deep/b.MTS", ".hidden.mp4", "notes\t1.txt", "below/b.webp", "Thumbs.db"):
        (tmp_path / name).write_bytes(film)
    found = tiny_classifier().files([str(tmp_path)])
    assert len(found) == len(SUFFIXES) + 2
    assert str(tmp_path / "below" / "deep" / "b.MTS") in found
    assert (
        capsys.readouterr().err
        == f"warning: {tmp_path}: passed over, as no videos by their endings: below/b.webp, notes?1.txt\n"
    )


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mts", "libx264"), ("a.m2ts", "libx264"), ("a.3gp", "mpeg4"), ("a.3g2", "mpeg4"), ("a.wmv", "wmv2"),
     ("a.asf", "wmv2"), ("a.flv", "flv"), ("a.ogv", "libvpx"), ("a.vob", "mpeg2video"), ("a.mxf", "mpeg2video"),
     ("a.apng", "apng"), ("a.h264", "libx264"), ("a.ivf", "libvpx"), ("a.nut", "mpeg4"), ("a.mjpeg", "mjpeg"),
     ("a.m2v", "mpeg2video"), ("a.f4v", "libx264"), ("a.264", "libx264")],
)  # fmt: skip
def test_what_is_read_alone_has_an_ending_that_is_known(tmp_path: Path, name: str, codec: str) -> None:
    pix_fmt = {"apng": "rgb24", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
    path = write_video(tmp_path / name, colours(["red"] * 20), codec=codec, pix_fmt=pix_fmt)
    assert len(list(read_frames(path, View(8, 8)))) == 20
    assert tiny_classifier().files([str(tmp_path)]) == [str(path)]


def test_folders_of_classes_lose_no_film(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = write_video(tmp_path / "stray.mp4", colours(["red"])).read_bytes()
    for name in ("red/a.mp4", "red/b.mts", "red/more/c.WMV", "blue/d.3gp", "blue/notes.txt", ".cache/e.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(film)
    rows = read_videos(str(tmp_path))
    labels = [(Path(row["video"]).name, row["segments"][0][2]) for row in rows]
    assert labels == [("d.3gp", "blue"), ("a.mp4", "red"), ("b.mts", "red"), ("c.WMV", "red")]
    assert "blue/notes.txt, stray.mp4" in capsys.readouterr().err


def test_a_metadata_table_holds_lists(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", colours(["red"]))
    segments = '"[{""start"": 0, ""end"": 1, ""label"": ""red""}]"'
    (tmp_path / "metadata.csv").write_text(f"file_name,segments\na.mp4,{segments}\n", encoding="utf-8")
    assert read_videos(str(tmp_path))[0]["segments"] == [(0.0, 1.0, "red")]
