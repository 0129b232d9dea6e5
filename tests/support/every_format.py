"""A small file of every image format that Pillow knows to read."""

import functools
import io
import struct
from typing import Any

from PIL import Image

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 30 20\n%%EndComments\nshowpage\n%%EOF\n"
# Formats that Pillow reads and does not write: what such a file begins with.
BEGINNINGS = {
    "EPS": EPS,
    "EPS in DOS": b"\xc5\xd0\xd3\xc6" + struct.pack("<IIIIII", 32, len(EPS), 0, 0, 0, 0) + b"\0\0\xff\xff" + EPS,
    "FLI": struct.pack("<IHHHHHH", 200, 0xAF12, 1, 30, 20, 8, 3) + bytes(2000),
    "FTEX": b"FTEX" + struct.pack("<I2i4i", 0, 8, 8, 1, 1, 1, 0) + bytes(300),
    "PSD": b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 4, 4, 8, 3) + bytes(12) + struct.pack(">H", 0) + bytes(48),
    "WMF": b"\xd7\xcd\xc6\x9a" + struct.pack("<HHHHHHIH", 0, 0, 0, 30, 20, 72, 0, 0) + b"\1\0\x09\0" + bytes(40),
    "EMF": b"\1\0\0\0" + struct.pack("<I4i4i", 108, 0, 0, 30, 20, 0, 0, 300, 200) + b" EMF" + bytes(100),
    "GBR": struct.pack(">IIIII", 28, 2, 4, 4, 1) + b"GIMP" + struct.pack(">I", 10) + bytes(16),
    "XPM": b'/* XPM */\nstatic char *a[] = {\n"1 1 1 1",\n"a c #ff0000",\n"a"\n};\n',
    "FITS": b"SIMPLE  =                    T".ljust(80) + b"END".ljust(2800),
    "MPEG": b"\0\0\1\xb3\x01\xe0\x14\x13" + bytes(30),
    "MCIDAS": b"\0\0\0\0\0\0\0\4" + bytes(300),
    "XVTHUMB": b"P7 332\n#END_OF_COMMENTS\n2 2 255\n" + bytes(4),
    "IMT": b"L   \nwidth 4\nheight 4\n\x0c" + bytes(16),
    "PCD": bytes(2048) + b"PCD_" + bytes(800_000),
    "PIXAR": b"\200\350\0\0" + bytes(1100),
    "SUN": struct.pack(">8I", 0x59A66A95, 2, 2, 8, 4, 1, 0, 0) + bytes(8),
    "GRIB": b"GRIB\0\0\0\1" + bytes(40),
    "BUFR": b"BUFR" + bytes(40),
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(40),
    "CUR": b"\0\0\2\0\1\0" + bytes(64),
    "DCX": b"\xb1\x68\xde\x3a" + struct.pack("<II", 12, 0) + bytes(200),
    "BLP": b"BLP1" + struct.pack("<IIIIII", 1, 0, 4, 4, 4, 0) + bytes(1300),
    "AVIF": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + bytes(100),
    "JPEG XL": b"\xff\x0a" + bytes(40),
    "camera": b"II*\0\x10\0\0\0CR\2\0" + bytes(100),
    "SVG": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
    "IPTC": b"\x1c\x03\x3c\0\2\1\0" + b"\x1c\x08\x0a\0\1" + bytes(40),
}


@functools.cache
def files_of_every_format() -> dict[str, bytes]:
    """A file of every format that Pillow knows to read, and of some others."""
    Image.init()
    files, picture = dict(BEGINNINGS), Image.linear_gradient("L").resize((32, 32))
    for kind in sorted(Image.OPEN):
        for mode in ("RGB", "L", "1"):
            try:
                files[kind] = _saved(picture.convert(mode), kind)
                break
            except (KeyError, OSError, ValueError, AttributeError):
                continue
    files["MPO"] = _saved(picture.convert("RGB"), "MPO", save_all=True, append_images=[picture.convert("RGB")])
    return files


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()
