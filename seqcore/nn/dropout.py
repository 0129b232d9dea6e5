"""Dropout for recurrent networks: masks that stay the same through time."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn


class LockedDropout(nn.Module):
    """Drops the same features at every step of a sequence (Gal & Ghahramani 2016).

    Args:
        p: the probability that a feature is dropped, in [0, 1).

    Raises:
        ValueError: p is not in [0, 1).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout must be at least 0 and less than 1, but is {p}")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Drop features in training only: (B, T, F) → (B, T, F)."""
        if not self.training or self.p == 0:
            return x
        # One mask a sequence, spread over its steps: noise that changed from step to step would drown what is carried.
        mask = x.new_empty(x.shape[0], 1, x.shape[2]).bernoulli_(1 - self.p)
        return x * mask.div_(1 - self.p)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class EmbeddingDropout(nn.Module):
    """Drops whole tokens of the vocabulary, the same at every place they stand in a batch (Gal 2016; Merity 2018).

    Args:
        p: the probability that a token is dropped, in [0, 1).

    Raises:
        ValueError: p is not in [0, 1).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout must be at least 0 and less than 1, but is {p}")
        self.p = p

    def forward(self, tokens: Tensor, embedding: nn.Embedding) -> Tensor:
        """Embed tokens, and drop some in training only: (B, T) → (B, T, E)."""
        embedded: Tensor = embedding(tokens)
        if not self.training or self.p == 0:
            return embedded
        mask = embedded.new_empty(embedding.num_embeddings).bernoulli_(1 - self.p).div_(1 - self.p)
        return embedded * mask[tokens].unsqueeze(-1)

    def extra_repr(self) -> str:
        return f"p={self.p}"


def drop_weight(weight: Tensor, p: float, training: bool) -> Tensor:
    """Drop single weights of a matrix (DropConnect), one mask for the whole sequence (Wan 2013; Merity 2018)."""
    return nn.functional.dropout(weight, p, training)


@contextmanager
def without_dropout(module: nn.Module) -> Iterator[None]:
    """Let nothing of a module's activations be dropped in this block; all else stays in training mode."""
    kinds = (LockedDropout, EmbeddingDropout, nn.Dropout, nn.Dropout2d)
    layers = [layer for layer in module.modules() if isinstance(layer, kinds) and layer.training]
    for layer in layers:
        layer.training = False
    try:
        yield
    finally:
        for layer in layers:
            layer.training = True
