"""Texts, photographs and films of realistic size that a seed makes: what is measured with them needs no data set."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from seqcore.media.clips import Clip

Row = dict[str, Any]
_ONSETS = ("b", "br", "d", "dr", "f", "fl", "g", "gr", "h", "k", "kl", "l", "m", "n", "p", "r", "s", "sch", "st", "t")
_VOWELS = ("a", "e", "i", "o", "u", "ei", "au", "ie", "ä", "ö", "ü")
_CODAS = ("", "", "n", "r", "l", "s", "t", "nd", "cht", "ng")


class Words:
    """A made-up language: few words are frequent, and most are rare (Zipf)."""

    def __init__(self, seed: int, size: int = 8000) -> None:
        self._rng = random.Random(seed)
        self._words = [self._word() for _ in range(size)]
        self._weights = [1 / rank for rank in range(1, size + 1)]

    def sentence(self, length: float) -> str:
        """So many words on average, with a capital and a full stop; one in ten has a time in it."""
        count = max(2, round(self._rng.gauss(length, length / 3)))
        words = self._rng.choices(self._words, self._weights, k=count)
        if self._rng.random() < 0.1:
            words.insert(self._rng.randrange(count), f"{self._rng.randrange(24)}:{self._rng.randrange(60):02}")
        return " ".join(words).capitalize() + "."

    def review(self, length: float) -> str:
        """So many words on average, in sentences and paragraphs with their HTML."""
        sentences = max(1, round(self._rng.gauss(length, length / 2) / 16))
        return " ".join(self.sentence(16) + "<br /><br />" * (number % 5 == 4) for number in range(sentences))

    def _word(self) -> str:
        syllables = self._rng.choices((1, 2, 3), (4, 3, 1))[0]
        return "".join(map(self._rng.choice, (_ONSETS, _VOWELS, _CODAS) * syllables))


def sentence_pairs(count: int, seed: int) -> Iterator[Row]:
    """Pairs as long as descriptions of pictures are."""
    source, target = Words(seed), Words(seed + 1)
    for _ in range(count):
        yield {"source": source.sentence(13), "target": target.sentence(12)}


def reviews(count: int, seed: int) -> Iterator[Row]:
    """Labelled texts as long as reviews of films are."""
    words = Words(seed)
    for number in range(count):
        yield {"text": words.review(230), "label": ("negative", "positive")[number % 2]}


def photographs(count: int, seed: int, folder: Path) -> Iterator[Row]:
    """JPEG files of 500 × 375, about 100 kB each, with five captions."""
    words, pixels = Words(seed), np.random.default_rng(seed)
    for number in range(count):
        blocks = Image.fromarray(pixels.integers(0, 256, (24, 32, 3), np.uint8))
        coarse = blocks.resize((500, 375), Image.Resampling.BICUBIC)
        grain = pixels.integers(-12, 13, (375, 500, 3))
        path = folder / f"{number}.jpg"
        Image.fromarray((np.asarray(coarse).astype(int) + grain).clip(0, 255).astype(np.uint8)).save(path, quality=90)
        yield {"image": str(path), "captions": [words.sentence(11) for _ in range(5)]}


def films(count: int, seed: int, frames: int, height: int, width: int) -> Iterator[Row]:
    """Frames of films, decoded already, and three labelled segments each."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        pixels = torch.randint(0, 256, (frames, 3, height, width), dtype=torch.uint8, generator=generator)
        clip = Clip(pixels, tuple(number / 25 for number in range(frames)), 25.0)
        ends = (0.0, frames / 75, frames / 40, frames / 25)
        segments = [[begin, end, name] for begin, end, name in zip(ends, ends[1:], ("one", "two", "one"), strict=False)]
        yield {"video": clip, "segments": segments}
