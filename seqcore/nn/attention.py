"""Attention, which says where to look in a memory, over keys that are computed once a source."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

AttentionKind = Literal["dot", "general", "additive"]


@dataclass(frozen=True)
class AttentionConfig:
    """Says how a decoder looks into its memory.

    Attributes:
        kind: `dot`, `general` (both Luong 2015) or `additive` (Bahdanau 2015).
        layer: how many of the decoder's layers lie below the attention, from 1 to all of them (Luong's own place).
        gate: let each step decide how much of what it sees counts (the β of Xu 2015).
    """

    kind: AttentionKind = "general"
    layer: int = 1
    gate: bool = False


class Attention(nn.Module):
    """Looks into a memory; a subclass says how keys are made and how a query scores them.

    Attributes:
        key_size: A, the width of a key.

    Example:
        >>> attention = create_attention("additive", query_size=6, memory_size=4)
        >>> values, mask = torch.randn(1, 3, 4), torch.tensor([[True, True, False]])
        >>> context, weights = attention(torch.randn(1, 2, 6), values, attention.keys(values), mask)
        >>> context.shape, weights[0, :, 2].tolist()  # Two queries; padding gets no weight at all.
        (torch.Size([1, 2, 4]), [0.0, 0.0])
    """

    key_size: int

    def keys(self, values: Tensor) -> Tensor:
        """Project the memory once a source: (B, S, M) → (B, S, A)."""
        raise NotImplementedError

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        """Score queries (B, T, Q) against keys (B, S, A): (B, T, S), any real numbers."""
        raise NotImplementedError

    def forward(self, query: Tensor, values: Tensor, keys: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Look with T (or K) queries a sentence at one memory, which is never copied.

        Args:
            query: (B, T, Q).
            values: the memory, (B, S, M).
            keys: what `keys` made of it, (B, S, A).
            mask: (B, S), true where real.

        Returns:
            Contexts (B, T, M) and weights (B, T, S): rows that sum to 1 and are exactly 0 on padding. A source with
            nothing real in it gives zeros.
        """
        padding = ~mask.unsqueeze(1)
        scores = self.scores(query, keys)
        # The smallest number rather than -inf: a source with nothing real in it would make its softmax NaN.
        scores = scores.masked_fill(padding, torch.finfo(scores.dtype).min)
        weights = scores.softmax(-1).masked_fill(padding, 0)
        return torch.bmm(weights.to(values.dtype), values), weights


class DotAttention(Attention):
    """Scores by q · v (Luong 2015).

    Raises:
        ValueError: queries are not as wide as the memory.
    """

    def __init__(self, query_size: int, memory_size: int) -> None:
        super().__init__()
        if query_size != memory_size:
            raise ValueError(f"dot attention needs query and memory of one width, but got {query_size}, {memory_size}")
        self.key_size = memory_size

    def keys(self, values: Tensor) -> Tensor:
        return values

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        return torch.bmm(query, keys.transpose(1, 2).to(query.dtype))


class GeneralAttention(Attention):
    """Scores by q · W v (Luong 2015)."""

    def __init__(self, query_size: int, memory_size: int) -> None:
        super().__init__()
        self.key_size = query_size
        self.project = nn.Linear(memory_size, query_size, bias=False)

    def keys(self, values: Tensor) -> Tensor:
        return self.project(values)

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        return torch.bmm(query, keys.transpose(1, 2).to(query.dtype))


class AdditiveAttention(Attention):
    """Scores by w · tanh(W q + U v) (Bahdanau 2015)."""

    def __init__(self, query_size: int, memory_size: int) -> None:
        super().__init__()
        self.key_size = query_size
        self.project_memory = nn.Linear(memory_size, query_size, bias=False)
        self.project_query = nn.Linear(query_size, query_size)
        self.energy = nn.Linear(query_size, 1, bias=False)

    def keys(self, values: Tensor) -> Tensor:
        return self.project_memory(values)

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        return self.energy(torch.tanh(self.project_query(query).unsqueeze(2) + keys.unsqueeze(1))).squeeze(3)


ATTENTIONS: dict[AttentionKind, type[Attention]] = {
    "dot": DotAttention,
    "general": GeneralAttention,
    "additive": AdditiveAttention,
}


def create_attention(name: str, query_size: int, memory_size: int) -> Attention:
    """Make one of `dot`, `general`, `additive`.

    Raises:
        ValueError: there is no attention of that name.
    """
    if name not in ATTENTIONS:
        raise ValueError(f"attention must be one of {', '.join(ATTENTIONS)}, but is {name!r}")
    return ATTENTIONS[name](query_size, memory_size)  # type: ignore[call-arg]
