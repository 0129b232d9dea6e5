"""Inputs that hypothesis makes, sensible and absurd ones, for whoever looks for one that breaks something."""

import io
import itertools
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from heic_files import ALPHA, Item, heic
from hypothesis import strategies as st
from PIL import Image

# What has troubled programs that read text: halves of pairs, marks of direction, marks of other programs, our own ones.
_TROUBLE = (
    "\0", "\ud800", "\udfff\ud800", "\u202e", "\u200f", "\u2066", "\u2069", "\ufeff", "\ufffe", "\ue000", "\U0010ffff",
    "👩‍👩‍👧‍👦", "🇩🇪", "👍🏿", "e" + "\u0301" * 40, "İ", "ß", "ﬁ", "ǆ", "١٢٣", "２", "½", "日本語", "ไทย", "שלום",
    "नमस्ते", "\r\n", "\n", "\r", "\x0b", "\x1c", "\x85", "\u2028", "\t", " ", "\xa0", "\u3000", "", "…", "«", "¿",
    "<2de>", "<2xx>", "</s>", "<s>", "<unk>", "<pad>", "▁", "<0x0A>", "<br>", "<script>alert(1)</script>", "<i",
    "-LRB-", "&lt;b&gt;", "&#0;", "&#xD800;", "&#99999999999;", "&amp;amp;", "%s%n", "{0}", "\\u0000", "=1+1", '"', "'",
    ",", "https://example.org/a?b=c#d", "someone@example.org", "@us", "#tag", "1.234,56", "12:30", "A4", "$1", "Dr. ",
    "3. ", "a dog runs", "It is GOOD", "NOT GOOD AT ALL", "Ein Hund rennt.", "not bad!", "wonderful",
)  # fmt: skip

# Kinds of characters that patterns tell apart: where two of them can be read in two ways, a long run takes for ever.
_KINDS = (
    "ab", "AB", "äßé", "αβω", "жящ", "שלם", "عربي", "कखि", "ไทย", "日本語中", "ひカ", "한국", "👍🏿😀", "🇩🇪",
    "019", "٣२２", "½²", " ", "\xa0\u3000", "\t\v", "\r\n", "\x85\u2028", ".", ".!?…", ",;:", "'’`", '"«“', "()[]{}",
    "<>", "-–_", "•·>#*", "/\\", "@", "&", "%$€", "+-=", "\u0301\u0308", "\u200d\ufe0f", "\u200b\ufeff", "\ue000\ue001",
    "\0\x1b", "\ud800",
)  # fmt: skip

CHARACTERS = st.characters()  # every one of Unicode, halves of surrogate pairs too
NUMBERS = st.one_of(
    st.integers(-3, 12),
    st.integers(),
    st.sampled_from([2**31, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**30]),
    st.floats(),
    st.floats(0, 2),
)


def texts(longest: int) -> st.SearchStrategy[str]:
    """Texts of all of Unicode; a few are about as long as said."""
    some = st.text(CHARACTERS, max_size=40)
    joined = st.lists(st.one_of(st.sampled_from(_TROUBLE), st.text(CHARACTERS, max_size=3)), max_size=10).map("".join)
    short = st.one_of(st.sampled_from(_TROUBLE), st.text(CHARACTERS, min_size=1, max_size=4))
    repeated = st.builds(lambda part, size: (part * size)[:size], short, st.integers(1, longest))
    return st.one_of(some, joined, joined.map(lambda text: " ".join(text)), some, joined, repeated, runs(longest))


def runs(longest: int) -> st.SearchStrategy[str]:
    """Long runs of a few kinds of characters, taking turns or one after the other, and what may spoil an end."""
    kind = st.sampled_from(_KINDS)
    run = st.one_of(st.builds(_run, kind, st.integers(1, 40)), st.builds(_run, kind, st.just(1)))
    letter_and_run = st.builds(str.__add__, st.sampled_from("aZé1"), run)
    unit = st.one_of(letter_and_run, st.lists(run, min_size=1, max_size=4).map("".join))
    long = st.builds(_run, st.one_of(kind, unit), st.integers(1, longest))
    end = st.one_of(st.just(""), st.sampled_from(_TROUBLE), kind)
    return st.builds(
        lambda begin, parts, end: (begin + "".join(part[: longest // len(parts)] for part in parts))[:longest] + end,
        end, st.lists(long, min_size=1, max_size=3), end,
    )  # fmt: skip


def _run(kind: str, size: int) -> str:
    return (kind * (size // len(kind) + 1))[:size]


def arrays() -> st.SearchStrategy[Any]:
    """Arrays and tensors of odd shapes and types, NaN and infinity among their numbers."""
    kinds = ["uint8", "int8", "uint16", "int64", "float16", "float32", "float64", "bool", "complex64", "object", "U3"]
    shapes = st.lists(st.sampled_from([0, 1, 2, 3, 4, 5, 17]), max_size=4).map(tuple)
    pictures = st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3, 4]))
    fills = st.sampled_from([0, 1, 0.5, 255, -1, float("nan"), float("inf"), 1e30])

    def made(shape: tuple[int, ...], kind: str, fill: float, seed: int) -> Any:
        with np.errstate(all="ignore"):
            if kind == "uint8":
                return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
            return np.full(shape, fill, np.float64).astype(kind, casting="unsafe")

    plain = st.builds(made, st.one_of(shapes, pictures), st.sampled_from(kinds), fills, st.integers(0, 9))
    likely = st.builds(made, pictures, st.sampled_from(["uint8", "float32", "uint16"]), fills, st.integers(0, 9))
    turned = likely.map(lambda array: array.transpose(1, 0, 2)[::-1])
    tensors = st.builds(_tensor, st.one_of(plain, likely.map(lambda array: array.transpose(2, 0, 1))))
    return st.one_of(likely, plain, turned, tensors)


def _tensor(array: Any) -> Any:
    try:
        return torch.from_numpy(np.ascontiguousarray(array))
    except TypeError:  # torch has no such numbers
        return torch.zeros(array.shape, dtype=torch.bfloat16)


def anything() -> st.SearchStrategy[Any]:
    """What no reader of a docstring would pass."""
    simple = st.one_of(
        st.none(), st.booleans(), NUMBERS, st.text(CHARACTERS, max_size=5), st.binary(max_size=8), arrays(),
        st.sampled_from([object(), Ellipsis, str, range(3), 1j]),
    )  # fmt: skip
    return st.recursive(
        simple,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.lists(inner, max_size=3).map(tuple),
            st.dictionaries(st.text(max_size=3), inner, max_size=3),
            st.lists(inner, max_size=3).map(iter),
        ),
        max_leaves=4,
    )


def mostly(likely: st.SearchStrategy[Any], other: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[Any]:
    """Three of four as they should be, or so."""
    return st.one_of(likely, likely, likely, anything() if other is None else other)


def options(**likely: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of these arguments, each mostly as it should be."""
    known = st.fixed_dictionaries({}, optional={name: mostly(values) for name, values in likely.items()})
    fine = st.fixed_dictionaries({}, optional=likely)
    return st.one_of(fine, fine, fine, known)


def generation(longest: int) -> st.SearchStrategy[dict[str, Any]]:
    """Settings of a search, most of them possible ones, and now and then one that does not exist."""
    unknown = st.fixed_dictionaries({"nonsense": st.just(1)})
    tokens = st.lists(st.integers(0, 400), max_size=4).map(tuple)
    known = options(
        beam_size=st.integers(1, 6), n_best=st.integers(1, 4), batch_size=st.integers(1, 40),
        max_length=st.integers(0, longest), min_length=st.integers(0, longest), length_penalty=st.floats(0, 3),
        do_sample=st.booleans(), temperature=st.floats(0.01, 4), top_k=st.integers(0, 50), top_p=st.floats(0.01, 1),
        seed=st.integers(0, 2**63), no_repeat_ngram_size=st.integers(0, 4), repetition_penalty=st.floats(0.1, 9),
        forced_prefix=tokens, banned_tokens=tokens,
    )  # fmt: skip
    return st.one_of(*[known] * 9, unknown)


def changed(original: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Files with a few bytes changed, left out, put in, or cut off; and bytes that were never a file."""
    place = st.floats(0, 1)
    change = st.one_of(
        st.tuples(st.just("write"), place, st.binary(min_size=1, max_size=6)),
        st.tuples(st.just("write"), st.floats(0, 0.02), st.binary(min_size=1, max_size=4)),
        st.tuples(st.just("insert"), place, st.binary(min_size=1, max_size=20)),
        st.tuples(st.just("drop"), place, st.integers(1, 300)),
        st.tuples(st.just("cut"), place, st.just(0)),
        st.tuples(st.just("twice"), place, st.integers(1, 300)),
    )
    damaged = st.builds(_apply, original, st.lists(change, min_size=1, max_size=4))
    return st.one_of(damaged, damaged, damaged, damaged, original, st.binary(max_size=200))


def _apply(data: bytes, changes: list[tuple[str, float, Any]]) -> bytes:
    for kind, part, what in changes:
        at = int(part * len(data))
        if kind == "write":
            data = data[:at] + what + data[at + len(what) :]
        elif kind == "insert":
            data = data[:at] + what + data[at:]
        elif kind == "drop":
            data = data[:at] + data[at + what :]
        elif kind == "twice":
            data = data[: at + what] + data[at:]
        else:
            data = data[:at]
    return data


def image_files() -> list[bytes]:
    """A small picture in every format, and in the modes that each knows."""
    pixels = np.random.default_rng(0).integers(0, 256, (24, 30, 4), np.uint8)
    picture, found = Image.fromarray(pixels, "RGBA"), []
    for kind, modes in {
        "JPEG": ["RGB", "L", "CMYK"], "PNG": ["RGBA", "P", "L", "1", "I;16", "LA"], "GIF": ["P"], "WEBP": ["RGBA"],
        "BMP": ["RGB", "1"], "TIFF": ["RGB", "RGBA", "I;16", "F", "CMYK", "LAB"],
        "JPEG2000": ["RGB", "LA"], "MPO": ["RGB"], "ICO": ["RGBA"], "PPM": ["RGB", "I"],
    }.items():  # fmt: skip
        for mode in modes:
            file = io.BytesIO()
            image = picture.convert("RGB") if mode in {"CMYK", "LAB", "P"} else picture
            if mode != "LAB":
                image = image.convert("I").convert(mode) if mode == "I;16" else image.convert(mode)
            exif = Image.Exif()
            exif[0x0112] = 6
            image.save(file, kind, **({"exif": exif} if kind in {"JPEG", "PNG", "WEBP"} else {}))
            found.append(file.getvalue())
    alpha = Item(pixels[:, :, 3], auxiliary=ALPHA)
    found += [heic(Item(pixels[:, :, :3], ten_bits), *more) for ten_bits in (False, True) for more in ((), (alpha,))]
    return found


def caption_lists() -> st.SearchStrategy[tuple[str, bytes]]:
    """Captions of `image.png` as COCO, Karpathy and Flickr have them, right and damaged: (name, content)."""
    captions = st.lists(texts(60), min_size=1, max_size=3)
    coco = captions.map(
        lambda several: {
            "images": [{"id": 1, "file_name": "image.png"}],
            "annotations": [{"image_id": 1, "caption": text} for text in several],
        }
    )
    split = captions.map(lambda several: {"images": [{"filename": "image.png", "sentences": [{"raw": several[0]}]}]})
    flickr = captions.map(lambda several: "image,caption\n" + "\n".join(f"image.png,{text}" for text in several))
    token = captions.map(lambda several: "\n".join(f"image.png#{i}\t{text}" for i, text in enumerate(several)))
    written = st.one_of(flickr, token, captions.map("\n".join)).map(lambda text: text.encode("utf-8", "replace"))
    objects = st.one_of(coco, split).map(lambda value: json.dumps(value).encode())
    return st.one_of(
        st.tuples(st.just("captions.json"), st.one_of(objects, changed(objects))),
        st.tuples(st.sampled_from(["captions.txt", "image.txt"]), st.one_of(written, changed(written))),
    )


def tables(*fields: str) -> st.SearchStrategy[tuple[str, bytes]]:
    """Files of rows with these columns: (ending, content), right ones, torn ones, and ones of another kind."""
    cell = st.one_of(texts(200), texts(20), st.integers().map(str), st.just(""))
    quoted = st.booleans()
    other = st.lists(texts(20), max_size=4)
    ragged = st.lists(st.lists(cell, min_size=1, max_size=3), max_size=5)
    even = st.lists(st.lists(cell, min_size=len(fields), max_size=len(fields)), min_size=1, max_size=5)
    commas = st.builds(_joined, st.just(fields), even, st.just(","), st.just(True))
    tabs = st.builds(_joined, st.just(fields), even, st.just("\t"), st.just(False))
    torn = st.builds(_joined, st.one_of(st.just(fields), other), ragged, st.sampled_from(",\t;\n"), quoted)
    value = st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts(60)),
        lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(texts(6), inner, max_size=2)),
        max_leaves=4,
    )
    row = st.fixed_dictionaries({name: st.one_of(texts(60), texts(60), value) for name in fields})
    written = st.fixed_dictionaries({name: texts(60) for name in fields})
    odd = st.one_of(st.dictionaries(st.one_of(st.sampled_from(fields), texts(8)), value, max_size=3), value)
    lines = st.one_of(st.lists(written, min_size=1, max_size=4), st.lists(st.one_of(row, odd), max_size=4)).map(_lines)
    whole = st.lists(st.one_of(row, odd), max_size=3).map(lambda found: json.dumps(found).encode())
    right = st.one_of(
        st.tuples(st.just(".csv"), commas), st.tuples(st.just(".tsv"), tabs), st.tuples(st.just(".jsonl"), lines)
    )
    kinds = st.sampled_from([".csv", ".csv", ".tsv", ".jsonl", ".json", ".parquet", ".txt", ""])
    content = st.one_of(torn, torn, changed(commas), changed(lines), tabs, whole, st.binary(max_size=100))
    columns = st.tuples(st.just(".parquet"), changed(_parquet(fields)))
    return st.one_of(right, right, st.tuples(kinds, content), columns)


def _parquet(fields: Sequence[str]) -> st.SearchStrategy[bytes]:
    """Files of a few rows, stored in several ways."""
    import pyarrow
    import pyarrow.parquet

    rows = pyarrow.table({name: ["a dog runs", "ein Hund – rennt", ""] * 90 for name in fields})

    def stored(compression: str, version: str, dictionary: bool) -> bytes:
        file = io.BytesIO()
        pyarrow.parquet.write_table(
            rows, file, compression=compression, data_page_version=version, use_dictionary=dictionary
        )
        return file.getvalue()

    ways = itertools.product(("none", "snappy", "gzip", "zstd"), ("1.0", "2.0"), (True, False))
    return st.sampled_from([stored(*way) for way in ways])


def _lines(rows: list[Any]) -> bytes:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode("utf-8", "surrogatepass")


def _joined(header: Sequence[str], rows: Sequence[Sequence[str]], sign: str, quoted: bool) -> bytes:
    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if quoted else text

    return "\n".join(sign.join(map(cell, row)) for row in (header, *rows)).encode("utf-8", "surrogatepass")
