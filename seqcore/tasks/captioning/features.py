"""What a frozen image network gives of many photographs: worked out once, it is all that training needs of them."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seqcore.errors import numbered
from seqcore.media.cache import ArrayCache, file_key, weight_key
from seqcore.media.images import ImageSource, load_squares
from seqcore.nn.images import ImageEncoder


def cached_features(
    encoder: ImageEncoder,
    sources: Sequence[ImageSource],
    folder: str | Path,
    batch_size: int = 16,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Give grids of images, mapped from disk; they are computed where an `ArrayCache` does not hold them yet.

    Args:
        encoder: in evaluation mode.
        sources: paths or bytes of N images.
        folder: of the cache.
        progress: called with how many of how many images are done.

    Returns:
        (N, S, D), float16.

    Raises:
        InputError: an image cannot be read; `number` says which (from 1).
        DataError: the folder cannot be written, or the disk is full.
    """
    device = next(encoder.parameters()).device

    def produce(done: int) -> Iterator[tuple[Tensor, list[Any]]]:
        for begin in range(done, len(sources), batch_size):
            with numbered(begin, kind="image"):
                images = load_squares(sources[begin : begin + batch_size], encoder.config.size)
            with torch.inference_mode():
                grids = encoder(images.to(device)).to("cpu", torch.float16)
            yield grids, [None] * len(grids)
            if progress:
                progress(begin + len(grids), len(sources))

    key = f"{encoder.config} {weight_key(encoder.state_dict().items())} {file_key(sources)}"
    shape = (encoder.grid_shape[0] * encoder.grid_shape[1], encoder.output_size)
    content = "what the image network gives"
    grids, _ = ArrayCache(folder, key, shape, torch.float16, len(sources), content).fill(produce)
    return grids
