"""Speed of the captioner: python -m benchmarks.captioner CHECKPOINT FOLDER

How many images a second it captions, one at a time and 16 at a time, and where the time goes: opening files, the image
network, the decoder. The image network runs in several ways; each must give the captions of the plain one. Runs are
interleaved; medians are printed.
"""

import argparse
import copy
import statistics
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor

import seqcore
from benchmarks.translate import interleaved
from seqcore.media.images import image_files, load_squares
from seqcore.tasks.captioning import Captioner, ImageFeatures

BATCH = 16
BF16 = partial(torch.autocast, "cpu", torch.bfloat16)
# Memory layout, precision, and whether the image network is compiled.
WAYS: dict[str, tuple[torch.memory_format, Callable[[], Any], bool]] = {
    "eager": (torch.contiguous_format, nullcontext, False),
    "channels-last": (torch.channels_last, nullcontext, False),
    "bf16": (torch.contiguous_format, BF16, False),
    "channels-last, bf16": (torch.channels_last, BF16, False),
    "compiled": (torch.contiguous_format, nullcontext, True),
    "channels-last, compiled": (torch.channels_last, nullcontext, True),
}
Network = Callable[[Tensor], Tensor]


def image_network(captioner: Captioner, way: str) -> Network:
    """The captioner's image network in one of the ways: uint8 (B, 3, size, size) → (B, S, D)."""
    layout, context, compiled = WAYS[way]
    encoder = copy.deepcopy(captioner.network.encoder).to(memory_format=layout)  # type: ignore[call-overload]
    run = torch.compile(encoder) if compiled else encoder

    def see(images: Tensor) -> Tensor:
        with torch.inference_mode(), context():
            return run(images).float()  # type: ignore[no-any-return]

    return see


def captions(captioner: Captioner, files: list[str], see: Network, size: int) -> list[str]:
    """Of all files, so many at a time."""
    texts = []
    for begin in range(0, len(files), size):
        images = load_squares(files[begin : begin + size], captioner.config.image_size)
        rows = [ImageFeatures(grid) for grid in see(images)]
        texts += [caption.text for caption in captioner.predict(rows, batch_size=size)]
    return texts


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("folder", help="of images, whose captions are compared")
    parser.add_argument("--images", type=int, default=0, help="compare the captions of so many images; 0 is all")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    captioner = seqcore.load(options.checkpoint, device="cpu")
    if not isinstance(captioner, Captioner):
        parser.error(f"{options.checkpoint} holds no captioner")
    files = [str(path) for path in image_files(options.folder)]
    networks = {way: image_network(captioner, way) for way in WAYS}
    print(f"torch {torch.__version__}, {torch.get_num_threads()} thread(s)\n")
    print("| image network | batch | images/s | decode ms | CNN ms | LSTM ms | ratio to eager |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for size in (1, BATCH):
        chosen = files[:size]
        images = load_squares(chosen, captioner.config.image_size)
        rows = [ImageFeatures(grid) for grid in networks["eager"](images)]
        seconds = interleaved(
            {
                **{way: partial(captions, captioner, chosen, networks[way], size) for way in WAYS},
                "decode": partial(load_squares, chosen, captioner.config.image_size),
                "LSTM": partial(captioner.predict, rows, batch_size=size),
                **{f"CNN {way}": partial(networks[way], images) for way in WAYS},
            },
            options.rounds,
        )
        middle = {name: statistics.median(values) for name, values in seconds.items()}
        for way in WAYS:
            parts = [f"{1000 * middle[name]:.1f}" for name in ("decode", f"CNN {way}", "LSTM")]
            gain = middle["eager"] / middle[way]
            print(f"| {way} | {size} | {size / middle[way]:.1f} | {' | '.join(parts)} | {gain:.2f} |", flush=True)
    compared = files[: options.images or len(files)]
    plain = captions(captioner, compared, networks["eager"], BATCH)
    print(f"\n| image network | the captions of eager, of {len(compared):,} |\n|---|--:|")
    for way in list(WAYS)[1:]:
        same = sum(
            mine == wanted
            for mine, wanted in zip(captions(captioner, compared, networks[way], BATCH), plain, strict=True)
        )
        print(f"| {way} | {same / len(compared):.2%} |", flush=True)


if __name__ == "__main__":
    main()
