"""Which image files are read, by which decoder, and what is said of all others."""

import io
import threading
import warnings
from contextlib import ExitStack
from typing import Any, NamedTuple

from PIL import Image

from seqcore.errors import InputError

# The decoders of Pillow that a file may reach, whatever its name: some of the others run programs, such as Ghostscript
# for EPS, or are little used and little tested.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "JPEG2000")  # That of JPEG reads MPO, too.
READ = "JPEG, PNG, WebP, GIF, BMP, TIFF, MPO, JPEG 2000 or HEIC"


def _endings(names: str) -> frozenset[str]:
    return frozenset(f".{name}" for name in names.split())


SUFFIXES = _endings(
    "jpg jpeg jpe jfif jif pjpeg pjp mpo png apng webp gif bmp dib tif tiff jp2 j2k j2c jpc jpf jpx "
    "heic heics heif heifs hif"
)
# A camera's own files begin as TIFF files do, and the first picture in them is a small preview.
RAW_SUFFIXES = _endings(
    "3fr arw bay cr2 cr3 crw dcr dng erf iiq kdc mef mos mrw nef nrw orf pef raf raw rw2 rwl sr2 srf srw x3f"
)
# Pictures too, of kinds that are not read: a folder's are listed, so that a message says so of each.
OTHER_SUFFIXES = RAW_SUFFIXES | _endings(
    "ai avif avifs blp bpg cur dds djvu emf eps exr fits flif fpx hdp hdr icns ico iff ilbm jng jpm jxl jxr kra mng "
    "pam pbm pcd pcx pdn pfm pgm pict pnm ppm ps psb psd qoi ras sgi svg svgz tga wdp wmf xbm xcf xpm"
)
_BEGINNINGS = (
    *(b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a"),
    *(b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
)
_DNG_VERSION = 50706  # A tag of TIFF that every DNG file has.


class _Kind(NamedTuple):
    """Files of a kind that is not read, known by how they begin."""

    offset: int
    signatures: tuple[bytes, ...]
    message: str


_SAVE = "save it as JPEG or PNG"
AVIF = f"an AVIF image, which cannot be read here: {_SAVE}"
RAW = f"a camera's raw file, which cannot be read here: {_SAVE}"
EPS = f"an EPS or PostScript document, which is never opened here: {_SAVE}"
_OTHER_KINDS = (
    _Kind(4, (b"ftypcrx ",), RAW),
    _Kind(4, (b"ftyp",), "a film, or a picture of a kind that cannot be read here: save a picture as JPEG or PNG"),
    _Kind(8, (b"CR\2\0",), RAW),
    _Kind(0, (b"FUJIFILMCCD-RAW", b"FOVb", b"IIRO", b"IIRS", b"MMOR", b"IIU\0"), RAW),
    _Kind(0, (b"%PDF",), "a PDF document: save the page as JPEG or PNG"),
    _Kind(0, (b"%!PS", b"\xc5\xd0\xd3\xc6"), EPS),
    _Kind(0, (b"8BPS",), f"a Photoshop document: {_SAVE}"),
    _Kind(0, (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"), f"a JPEG XL image, which cannot be read here: {_SAVE}"),
    _Kind(0, (b"\0\0\1\0", b"\0\0\2\0\1\0", b"icns"), f"an icon, which cannot be read here: {_SAVE}"),
    _Kind(0, (b"\xd7\xcd\xc6\x9a", b"\1\0\0\0l\0\0\0", b"\1\0\x09\0"), f"a WMF or EMF drawing: {_SAVE}"),
    _Kind(0, (b"gimp xcf",), f"a GIMP image: {_SAVE}"),
    _Kind(0, (b"II\xbc\1",), f"a JPEG XR image, which cannot be read here: {_SAVE}"),
)


class _Quiet:
    """Silences the warnings of decoders: Pillow's own limit is lower than ours, and odd metadata harm nothing.

    Threads share the filters of warnings: whichever enters first sets them, and the last one out sets them back. With
    one `catch_warnings` for each, one thread would set back what another one has set.
    """

    def __init__(self) -> None:
        self._lock, self._inside, self._filters = threading.Lock(), 0, ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._filters.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore")
            self._inside += 1

    def __exit__(self, *_: Any) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._filters.close()


quiet = _Quiet()


def undecoded(content: bytes, max_pixels: int) -> Image.Image:
    """Open an image with one of our `FORMATS`; its pixels are not decoded yet.

    Raises:
        PIL.UnidentifiedImageError: it is none of them. Decoders raise errors of many other kinds.
        InputError: it has more pixels; the message has no name before it.
    """
    image = Image.open(io.BytesIO(content), formats=FORMATS)
    check_pixels(image.size, max_pixels)
    if getattr(image, "default_image", False) and getattr(image, "n_frames", 1) > 1:
        image.seek(1)  # Who shows an animated PNG shows its first frame, not what stands there for those who cannot.
    return image


def check_pixels(size: tuple[int, int], max_pixels: int) -> None:
    """Raises `InputError`, whose message has no name before it, for an image with more pixels."""
    if size[0] * size[1] > max_pixels:
        raise InputError(f"has {size[0]:,} × {size[1]:,} pixels, more than {max_pixels:,}: make it smaller")


def other_kind(content: bytes, suffix: str = "") -> str:
    """What a file is that is not read here, as a message has it behind its name; empty where it may well be read.

    Args:
        suffix: of the file's name, in small letters.
    """
    start = content[:4096]
    for kind in _OTHER_KINDS:
        if start[kind.offset :].startswith(kind.signatures):
            return f"is {kind.message}"
    if suffix in RAW_SUFFIXES and start.startswith((b"II", b"MM")):
        return f"is {RAW}"
    return ""


def is_raw(image: Image.Image) -> bool:
    """Whether an image that was opened as TIFF is the preview in a camera's DNG file."""
    return _DNG_VERSION in getattr(image, "tag_v2", ())


def unidentified(content: bytes) -> str:
    """What is said of a file that no decoder knows."""
    if b"<svg" in content[:4096].lower():
        return "is an SVG drawing, which has no pixels: save it as PNG"
    if content.startswith((b"II", b"MM")) and content[2:4] in {b"*\0", b"\0*", b"+\0", b"\0+"}:
        return f"is a TIFF image that is damaged or cut short, or of a kind that is not read here: {_SAVE}"
    if content.startswith(_BEGINNINGS) or (content[:4] == b"RIFF" and content[8:12] == b"WEBP"):
        return "is damaged or cut short: its beginning cannot be read. Copy or download it again"
    return f"is no image that can be read ({READ})"
