"""Which image files are opened, by which decoder, and what is read of files that are odd, long or cut short."""

import contextlib
import io
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from every_format import EPS, files_of_every_format
from heic_files import ALPHA, DEPTH, Item, heic
from PIL import Image, ImageFile, PngImagePlugin

from seqcore.errors import InputError
from seqcore.media import heic as heic_module
from seqcore.media.image_formats import FORMATS
from seqcore.media.images import open_image

ROOT = Path(__file__).resolve().parents[2]
RED, BLUE = (255, 0, 0), (0, 0, 255)


def photo(width: int = 200, height: int = 152) -> Image.Image:
    """Red on the left and blue on the right, with a little noise, so that rows have bytes to lose."""
    pixels = np.random.default_rng(0).integers(0, 30, (height, width, 3))
    pixels[:, : width // 2, 0] += 220
    pixels[:, width // 2 :, 2] += 220
    return Image.fromarray(pixels.astype(np.uint8))


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def near(image: Image.Image, place: tuple[int, int], colour: tuple[int, ...], by: int = 45) -> bool:
    return bool((np.abs(np.asarray(image)[place[::-1]].astype(int) - colour) <= by).all())


# Decoders


def test_no_other_decoder_is_reached_whatever_a_file_is_called(ghostscript: Path, tmp_path: Path) -> None:
    files = files_of_every_format()
    assert {kind for kind in Image.OPEN if kind not in files} == set()
    names, read = ("a.jpg", "a.png", "a.eps", "a", "a.heic", "a.tif"), set()
    for kind, content in files.items():
        for name in names:
            path = tmp_path / name
            path.write_bytes(content)
            with contextlib.suppress(InputError):
                open_image(path)
                read.add((kind, name))
    assert read == {(kind, name) for kind in (*FORMATS, "MPO") for name in names}
    assert not ghostscript.exists()


def test_an_image_that_somebody_opened_runs_no_program_either(ghostscript: Path) -> None:
    with Image.open(io.BytesIO(EPS)) as opened, pytest.raises(InputError, match="the image is an EPS"):
        open_image(opened)
    assert not ghostscript.exists()
    with pytest.raises(InputError, match="opened as text"):
        open_image(io.StringIO("a dog"))  # type: ignore[arg-type]


def test_a_header_that_claims_much_takes_no_memory() -> None:
    content = bytearray(saved(photo(), "WEBP"))
    content[16:20] = struct.pack("<I", 2**32 - 8)
    with pytest.raises(InputError, match="cut short: 0 %"):
        open_image(bytes(content))


def test_the_stub_would_be_run(ghostscript: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(EPS)
    script = f"from PIL import Image; Image.open({str(tmp_path / 'a.jpg')!r}).load()"
    subprocess.run([sys.executable, "-c", script], capture_output=True)
    assert ghostscript.exists(), "Pillow runs no Ghostscript any more"


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("EPS", "EPS or PostScript"), ("PSD", "Photoshop"), ("AVIF", "AVIF"), ("JPEG XL", "JPEG XL"),
        ("camera", "raw file"), ("SVG", "SVG"), ("ICO", "icon"), ("WMF", "WMF"), ("PPM", "no image that can be read"),
    ],
)  # fmt: skip
def test_what_is_not_read_is_called_by_its_name(kind: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_image(files_of_every_format()[kind])


def test_the_preview_in_a_raw_file_is_not_taken_for_the_photograph(tmp_path: Path) -> None:
    negative = saved(photo(), "TIFF", tiffinfo={50706: b"\1\4\0\0"})
    (tmp_path / "a.nef").write_bytes(saved(photo(), "TIFF"))
    for source in (negative, tmp_path / "a.nef"):
        with pytest.raises(InputError, match="camera's raw file"):
            open_image(source)


# Odd files that browsers show


def exif_of(orientation: bytes, more: bytes = b"", entries: int = 1) -> bytes:
    return b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", entries) + orientation + more + bytes(4)


TURNED = struct.pack(">HHIHH", 0x0112, 3, 1, 3, 0)  # upside down


@pytest.mark.parametrize(
    ("exif", "is_turned"),
    [
        (exif_of(TURNED), True),
        (exif_of(TURNED, struct.pack(">HHII", 0x829A, 10, 1, 38) + struct.pack(">iii", 0, -1, 0), 2), True),
        (exif_of(TURNED, struct.pack(">HHII", 0x8769, 4, 1, 60_000), 2), True),
        (exif_of(TURNED, struct.pack(">HHII", 0x9286, 7, 2**31, 26), 2), True),
        (exif_of(struct.pack(">HHIHH", 0x0112, 3, 1, 9, 0)), False),
        (exif_of(struct.pack(">HHI4s", 0x0112, 2, 4, b"six\0")), False),
        (b"Exif\0\0garbage", False),
        (b"Exif\0\0", False),
    ],
    ids=["right", "SRATIONAL -1/0", "no such IFD", "endless", "orientation 9", "text", "garbage", "empty"],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_of_exif_data_the_orientation_alone_is_read(exif: bytes, is_turned: bool, kind: str) -> None:
    image = open_image(saved(photo(), kind, exif=exif))
    assert near(image, (10, 100), BLUE if is_turned else RED)


def png_with(*chunks: tuple[bytes, bytes]) -> bytes:
    whole = saved(photo(), "PNG")
    made = (
        struct.pack(">I4s", len(data), name) + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return whole[:33] + b"".join(made) + whole[33:]


@pytest.mark.parametrize(
    "make",
    [
        lambda: png_with((b"iCCP", b"profile\0\0" + zlib.compress(os.urandom(1 << 20) * 3))),
        lambda: png_with((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + b"a" * 3_000_000)),
        lambda: png_with((b"zTXt", b"Comment\0\0" + zlib.compress(bytes(80_000_000)))),
        lambda: png_with(*[(b"tEXt", b"Comment\0" + b"a" * 1_000_000)] * 70),
        lambda: saved(photo(), "JPEG", icc_profile=os.urandom(3_000_000)),
        lambda: saved(photo(), "JPEG", comment=b"a" * 65_000),
        lambda: saved(photo(), "WEBP", icc_profile=os.urandom(3_000_000)),
        lambda: saved(photo(), "TIFF", icc_profile=os.urandom(3_000_000)),
    ],
    ids=["iCCP", "iTXt", "zTXt", "many tEXt", "JPEG profile", "JPEG comment", "WebP profile", "TIFF profile"],
)
def test_profiles_and_comments_may_be_large(make: Callable[[], bytes]) -> None:
    before = PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY
    assert near(open_image(make()), (10, 100), RED)
    assert before == (PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY)


def test_a_picture_that_is_too_large_is_refused_also_where_its_comments_are() -> None:
    with pytest.raises(InputError, match=r"the image has 200 × 152 pixels, more than 100"):
        open_image(png_with((b"iTXt", b"a\0\0\0\0\0" + b"a" * 3_000_000)), max_pixels=100)


def float_tiff(*values: float) -> bytes:
    return saved(Image.fromarray(np.array([values], np.float32)), "TIFF")


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (float_tiff(0, 0.5, 1), [0, 128, 255]),
        (float_tiff(0.2, 0.2), [51, 51]),
        (float_tiff(0, 0.5, 1.3), [0, 128, 255]),
        (float_tiff(0, 100, 255), [0, 100, 255]),
        (float_tiff(0, 65535), [0, 255]),
        (float_tiff(0, 1, 1e6), [0, 0, 255]),
        (float_tiff(-1, 0, 1), [0, 128, 255]),
        (float_tiff(0, float("nan"), float("inf"), 1), [0, 0, 255, 255]),
        (float_tiff(1, 2, 3), [1, 2, 3]),
        (saved(Image.fromarray(np.array([[0, 200, 65535]], np.uint16)), "PNG"), [0, 1, 255]),
        (saved(Image.fromarray(np.array([[0, 200]], np.uint16)), "PNG"), [0, 1]),
        (saved(Image.fromarray(np.array([[0, 32768, 65535]], np.uint16)), "TIFF"), [0, 128, 255]),
    ],
)  # fmt: skip
def test_numbers_of_other_widths_are_seen_on_their_scale(content: bytes, wanted: list[int]) -> None:
    assert np.asarray(open_image(content))[0, :, 0] == pytest.approx(wanted, abs=1)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_first_picture_is_seen(kind: str) -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue", "lime")]
    assert near(open_image(saved(frames[0], kind, save_all=True, append_images=frames[1:])), (5, 5), RED)
    if kind == "PNG":  # What stands there for programs that know no animations is no part of it.
        shown = saved(frames[2], kind, save_all=True, append_images=frames[:2], default_image=True)
        assert near(open_image(shown), (5, 5), RED)


# Files that are cut short

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "JPEG 75": ("JPEG", {"quality": 75}),
    "JPEG 90": ("JPEG", {"quality": 90}),
    "JPEG 98": ("JPEG", {"quality": 98, "subsampling": 0}),
    "restarts": ("JPEG", {"quality": 90, "restart_marker_rows": 1}),
    "PNG": ("PNG", {}),
    "GIF": ("GIF", {}),
    "interlaced GIF": ("GIF", {"interlace": 1}),
    "BMP": ("BMP", {}),
    "WebP": ("WEBP", {"quality": 90}),
    "lossless WebP": ("WEBP", {"lossless": True}),
    "TIFF": ("TIFF", {}),
    "JPEG 2000": ("JPEG2000", {}),
    "its codestream": ("JPEG2000", {"no_jp2": True}),
}


@pytest.mark.parametrize("name", [*KINDS, "progressive"])
@pytest.mark.parametrize("missing", [1, 2, 4, 12, 16])
def test_the_last_bytes_may_be_missing(name: str, missing: int) -> None:
    kind, options = KINDS.get(name, ("JPEG", {"quality": 90, "progressive": True}))
    whole = saved(photo(), kind, **options)
    image = open_image(whole[:-missing])
    assert image.size == (200, 152)
    places = [(20, 60), (20, 100), (180, 60), (180, 100)]  # BMP files begin with their last row.
    assert all(near(image, place, RED if place[0] < 100 else BLUE, 60) for place in places)
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.parametrize("name", KINDS)
def test_of_half_a_picture_it_is_told_how_much_is_there(name: str) -> None:
    kind, options = KINDS[name]
    whole = saved(photo(), kind, **options)
    with pytest.raises(InputError, match=r"cut short: (3\d|4\d|5\d|6\d) % of the picture") as caught:
        open_image(whole[: len(whole) // 2])
    assert caught.value.message.startswith("the image is ")


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_what_is_grey_is_not_taken_for_missing(mode: str) -> None:
    picture = Image.new("RGB", (300, 600), (128, 128, 128))
    picture.paste(photo(), (0, 0))
    whole = saved(picture.convert(mode), "JPEG", quality=90)
    for missing in (1, 2, 3, 5):
        assert open_image(whole[:-missing]).size == (300, 600)
    with pytest.raises(InputError, match="cut short: "):
        open_image(whole[: len(whole) // 3])


def test_a_progressive_photograph_is_seen_without_its_last_refinements() -> None:
    whole = saved(photo(), "JPEG", quality=90, progressive=True)
    assert near(open_image(whole[: len(whole) // 2]), (20, 140), RED, 80)
    tables = whole.rindex(b"\xff\xc4")  # In the middle of a table before the last refinement.
    assert near(open_image(whole[: tables + 8]), (20, 140), RED, 60)
    with pytest.raises(InputError, match="cut short"):
        open_image(whole[: whole.index(b"\xff\xda") + 40])


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGBA", "P", "1", "I;16", "LA"])
def test_pictures_of_every_mode_may_lack_their_end(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    image = photo().convert("I").convert(mode) if mode == "I;16" else photo().convert(mode)
    whole = saved(image, kind)
    wanted = np.asarray(open_image(whole)).astype(int)
    got = np.asarray(open_image(whole[:-300])).astype(int)
    assert np.abs(wanted - got)[:120].mean() < 2


def test_a_turned_photograph_without_its_end_is_turned() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind, options in KINDS.values():
        if kind in {"JPEG", "PNG"}:
            assert open_image(saved(photo(), kind, exif=exif, **options)[:-20]).size == (152, 200)


def test_zeros_at_the_end_of_a_photograph_are_not_taken_for_it() -> None:
    whole = saved(photo(), "JPEG", quality=90)
    assert near(open_image(whole[:-2] + bytes(500)), (20, 140), RED, 60)
    with pytest.raises(InputError, match=r"cut short: (3|4|5)\d %"):
        open_image(whole[: len(whole) // 2].ljust(len(whole), b"\0"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "JPEG2000"])
def test_the_beginning_of_a_file_is_told_from_what_is_no_image(kind: str) -> None:
    for size in (12, 40):
        with pytest.raises(InputError, match="is damaged or cut short"):
            open_image(saved(photo(), kind)[:size])


def test_round_a_small_frame_there_is_nothing() -> None:
    small = bytearray(saved(Image.new("RGB", (20, 20), "red"), "GIF"))
    small[6:10] = struct.pack("<HH", 60, 40)
    image = open_image(bytes(small))
    assert image.size == (60, 40)
    assert near(image, (10, 10), RED)
    assert near(image, (50, 30), (255, 255, 255))


def test_frames_after_the_first_may_be_missing() -> None:
    frames = [photo(), photo().transpose(Image.Transpose.ROTATE_180)]
    for kind in ("GIF", "WEBP", "PNG"):
        whole = saved(frames[0], kind, save_all=True, append_images=frames[1:])
        assert near(open_image(whole[: len(whole) * 2 // 3]), (20, 100), RED, 60), kind


# HEIC


def halves(height: int = 48) -> "np.ndarray[Any, Any]":
    """Red on the left and blue on the right, darker above."""
    pixels = np.zeros((height, 64, 3), np.uint8)
    pixels[:, :32], pixels[:, 32:] = RED, BLUE
    pixels[: height // 2] //= 2
    return pixels


DARK_RED, DARK_BLUE = (128, 0, 0), (0, 0, 128)


@pytest.mark.parametrize(
    ("item", "corner"),
    [
        (Item(halves()), DARK_RED),
        (Item(halves(), ten_bits=True), DARK_RED),
        (Item(halves(), turns=1), DARK_BLUE),
        (Item(halves(), turns=2), BLUE),
        (Item(halves(), turns=3), RED),
        (Item(halves(), mirror=0), RED),
        (Item(halves(), mirror=1), DARK_BLUE),
        (Item(np.full((48, 64), 200, np.uint8)), (200, 200, 200)),
        (Item(np.full((48, 64), 200, np.uint8), ten_bits=True), (200, 200, 200)),
    ],
)
def test_heic_photographs_are_seen_upright(item: Item, corner: tuple[int, ...], tmp_path: Path) -> None:
    pytest.importorskip("pi_heif")
    (tmp_path / "a.jpg").write_bytes(heic(item))
    image = open_image(tmp_path / "a.jpg")
    assert image.mode == "RGB"
    assert image.size == ((48, 64) if item.turns % 2 else (64, 48))
    assert near(image, (4, 4), corner, 8)


@pytest.mark.parametrize("brand", ["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"])
def test_heic_photographs_of_every_brand_are_read(brand: str) -> None:
    pytest.importorskip("pi_heif")
    for others in ((brand.encode(),), (b"mif1", b"heic"), (b"msf1", b"hevc", b"mif1", b"heic", b"iso8")):
        assert near(open_image(heic(Item(halves()), brand=brand.encode(), others=others)), (4, 4), DARK_RED, 8)


@pytest.mark.parametrize("brand", ["msf1", "hevc", "hevx"])
def test_of_a_sequence_without_a_photograph_the_first_picture_is_seen(brand: str) -> None:
    film = io.BytesIO()
    with av.open(film, "w", format="mp4") as file:
        stream: Any = file.add_stream("libx265", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.options = {
            "x265-params": "log-level=none:bframes=0"
        }  # Else two frames have any dts that lies in memory.
        for frame in (halves(), 255 - halves()):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        file.mux(stream.encode(None))
    content = film.getvalue()
    assert near(open_image(content[:8] + brand.encode() + content[12:]), (4, 40), RED, 12)
    with pytest.raises(InputError, match="a film"):
        open_image(content)


def test_of_several_pictures_in_a_heic_file_the_photograph_is_seen() -> None:
    pytest.importorskip("pi_heif")
    mask = np.zeros((48, 64), np.uint8)
    mask[:, 32:] = 255
    clear = open_image(heic(Item(halves()), Item(mask, auxiliary=ALPHA)))
    assert near(clear, (4, 4), (255, 255, 255), 8)
    assert near(clear, (60, 4), DARK_BLUE, 8)
    assert near(open_image(heic(Item(halves()), Item(mask, auxiliary=DEPTH))), (4, 4), DARK_RED, 8)
    assert open_image(heic(Item(halves(32)), Item(halves()), primary=2)).size == (64, 48)


def test_a_heic_photograph_of_tiles_is_seen_whole() -> None:
    """So telephones store them."""
    pytest.importorskip("pi_heif")
    colours = (RED, BLUE, (0, 255, 0), (255, 255, 255))
    tiles = [Item(np.full((64, 64, 3), colour, np.uint8)) for colour in colours]
    whole = Item(np.zeros((128, 128, 3), np.uint8), turns=2, tiles=(1, 2, 3, 4))
    image = open_image(heic(*tiles, whole, primary=5))
    assert image.size == (128, 128)
    for place, colour in zip(((100, 100), (20, 100), (100, 20), (20, 20)), colours, strict=True):
        assert near(image, place, colour, 10)


def test_what_cannot_be_read_of_heic_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = heic(Item(halves()))
    with pytest.raises(InputError, match="64 × 48 pixels, more than 100"):
        open_image(whole, max_pixels=100)
    for part in (whole[:-30], whole[:200], whole[:40]):
        with pytest.raises(InputError, match=r"^the image is a HEIC photograph that is damaged or cut short: "):
            open_image(part)
    avif = b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf" + bytes(40)
    with pytest.raises(InputError, match="AVIF"):
        open_image(avif)
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(InputError, match=r"is a HEIC photograph, and reading it needs pi-heif: pip install .*vision"):
        open_image(whole)
    assert heic_module.is_heic(whole)
