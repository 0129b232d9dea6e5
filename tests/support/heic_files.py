"""HEIC photographs, made: pictures that PyAV encodes as HEVC, in boxes of ISO/IEC 23008-12 that are written here."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import av
import numpy as np


class Item(NamedTuple):
    """A picture in a file.

    Attributes:
        pixels: (H, W, 3) in eight bits, or (H, W) for one without colours.
        ten_bits: whether each number is stored in ten bits.
        turns: quarter turns to the left, which a reader makes (`irot`).
        mirror: 0 to turn it upside down, 1 to change left and right (`imir`).
        auxiliary: what it is to the first picture, such as its alpha.
        tiles: the numbers of pictures that it is put together of, row by row, each as wide as high; of its own pixels
            the shape alone counts.
    """

    pixels: "np.ndarray[Any, Any]"
    ten_bits: bool = False
    turns: int = 0
    mirror: int | None = None
    auxiliary: str = ""
    tiles: tuple[int, ...] = ()


ALPHA = "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"
DEPTH = "urn:mpeg:mpegB:cicp:systems:auxiliary:depth"


def heic(*items: Item, brand: bytes = b"heic", others: Sequence[bytes] = (b"mif1", b"heic"), primary: int = 1) -> bytes:
    """A file of pictures, the `primary` of which (from 1) is the photograph."""
    properties: list[bytes] = []
    associations, places, infos, references, data = [], [], [], [], b""
    for number, item in enumerate(items, 1):
        height, width = item.pixels.shape[:2]
        own = [(_full(b"ispe", struct.pack(">II", width, height)), False)]
        if item.tiles:
            columns = width // items[0].pixels.shape[1]
            picture = struct.pack(">BBBBHH", 0, 0, len(item.tiles) // columns - 1, columns - 1, width, height)
            references.append(
                _box(b"dimg", struct.pack(f">HH{len(item.tiles)}H", number, len(item.tiles), *item.tiles))
            )
        else:
            configuration, picture = _hevc(item)
            own.append((configuration, True))
        if item.turns:
            own.append((_box(b"irot", bytes([item.turns])), True))
        if item.mirror is not None:
            own.append((_box(b"imir", bytes([item.mirror])), True))
        if item.auxiliary:
            own.append((_full(b"auxC", item.auxiliary.encode() + b"\0"), True))
            references.append(_box(b"auxl", struct.pack(">HHH", number, 1, primary)))
        flags = [len(properties) + place | (essential << 7) for place, (_, essential) in enumerate(own, 1)]
        properties += [content for content, _ in own]
        associations.append(struct.pack(">HB", number, len(own)) + bytes(flags))
        kind = b"grid" if item.tiles else b"hvc1"
        infos.append(_full(b"infe", struct.pack(">HH4s", number, 0, kind) + b"\0", version=2))
        places.append((number, len(data), len(picture)))
        data += picture
    ftyp = _box(b"ftyp", brand + bytes(4) + b"".join(others))

    def meta(begin: int) -> bytes:
        extents = (struct.pack(">HHHII", number, 0, 1, begin + at, size) for number, at, size in places)
        parts = (
            _full(b"hdlr", bytes(4) + b"pict" + bytes(13)),
            _full(b"pitm", struct.pack(">H", primary)),
            _full(b"iloc", b"\x44\x00" + struct.pack(">H", len(places)) + b"".join(extents)),
            _full(b"iinf", struct.pack(">H", len(infos)) + b"".join(infos)),
            _full(b"iref", b"".join(references)) if references else b"",
            _box(
                b"iprp",
                _box(b"ipco", b"".join(properties))
                + _full(b"ipma", struct.pack(">I", len(associations)) + b"".join(associations)),
            ),
        )
        return _full(b"meta", b"".join(parts))

    begin = len(ftyp) + len(meta(0)) + 8
    return ftyp + meta(begin) + _box(b"mdat", data)


def _hevc(item: Item) -> tuple[bytes, bytes]:
    """The `hvcC` box of a picture, and its slices."""
    height, width = item.pixels.shape[:2]
    has_colours = item.pixels.ndim == 3
    kind = ("yuv420p" if has_colours else "gray") + ("10le" if item.ten_bits else "")
    encoder: Any = av.CodecContext.create("libx265", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, kind, Fraction(1, 25)
    encoder.options = {"x265-params": "log-level=none:keyint=1:qp=4", "preset": "ultrafast"}
    frame = av.VideoFrame.from_ndarray(item.pixels, format="rgb24" if has_colours else "gray").reformat(format=kind)
    stream = b"".join(bytes(packet) for packet in (*encoder.encode(frame), *encoder.encode(None)))
    units = [unit.rstrip(b"\0") for unit in stream.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if unit]
    kinds = [unit[0] >> 1 & 63 for unit in units]
    sequence = units[kinds.index(33)].replace(b"\0\0\3", b"\0\0")
    depth = 0xF8 | (2 if item.ten_bits else 0)
    header = b"\1" + sequence[3:15] + bytes([0xF0, 0, 0xFC, 0xFC | has_colours, depth, depth, 0, 0, 0x0F])
    sets = [
        bytes([0x80 | wanted]) + struct.pack(">HH", 1, len(units[kinds.index(wanted)])) + units[kinds.index(wanted)]
        for wanted in (32, 33, 34)
    ]
    slices = b"".join(struct.pack(">I", len(unit)) + unit for kind, unit in zip(kinds, units, strict=True) if kind < 32)
    return _box(b"hvcC", header + bytes([len(sets)]) + b"".join(sets)), slices


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


def _full(name: bytes, content: bytes, version: int = 0) -> bytes:
    return _box(name, bytes([version, 0, 0, 0]) + content)
