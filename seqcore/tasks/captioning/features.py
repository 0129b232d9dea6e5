"""What a frozen image network gives of many photographs: worked out once, it is all that training needs of them."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seqcore.media.cache import ArrayCache, file_key, weight_key
from seqcore.media.images import ImageSource, square_batches
from seqcore.nn.images import ImageEncoder


def cached_features(
    encoder: ImageEncoder,
    sources: Sequence[ImageSource],
    folder: str | Path,
    batch_size: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Give grids of images, mapped from disk; they are computed where an `ArrayCache` does not hold them yet.

    Args:
        encoder: in evaluation mode, on the device that computes them.
        sources: paths or bytes of N images.
        folder: of the cache.
        batch_size: images that the network sees at once, while threads open the next ones; None is 16 on a CPU, and 128
            elsewhere.
        progress: called with how many of how many images are done.

    Returns:
        (N, S, D), float16.

    Raises:
        InputError: an image cannot be read; `number` says which (from 1).
        DataError: the folder cannot be written, or the disk is full.
    """
    device = next(encoder.parameters()).device
    at_once = batch_size or (16 if device.type == "cpu" else 128)

    def produce(done: int) -> Iterator[tuple[Tensor, list[Any]]]:
        for images in square_batches(sources, encoder.config.size, at_once, done):
            with torch.inference_mode():
                grids = encoder(images.to(device)).to(torch.float16).cpu()
            yield grids, [None] * len(grids)
            done += len(grids)
            if progress:
                progress(done, len(sources))

    key = f"{encoder.config} {weight_key(encoder.state_dict().items())} {file_key(sources)}"
    shape = (encoder.grid_shape[0] * encoder.grid_shape[1], encoder.output_size)
    content = "what the image network gives"
    grids, _ = ArrayCache(folder, key, shape, torch.float16, len(sources), content).fill(produce)
    return grids
