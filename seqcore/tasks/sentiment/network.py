"""The sentiment classifier's network."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqcore.batching import chunk_ends
from seqcore.nn import (
    EmbeddingDropout,
    LockedDropout,
    LSTMEncoder,
    PoolState,
    concat_pooling,
    concat_pooling_of_prefixes,
    pool,
)
from seqcore.nn.state import LSTMState
from seqcore.tasks.base import Batch, Loss
from seqcore.tasks.sentiment.config import SentimentConfig

CHUNK = 1024  # Tokens are read at once; the state is carried from chunk to chunk.
# To begin a chunk takes the kernel on a CPU 4 ms, for it makes the weights ready: as long as a hundred steps of a text
# in a batch.
CHUNK_PRICE = 100


class SentimentNetwork(nn.Module):
    """Embedding → one-way encoder → last, mean and maximum of its states → classes."""

    def __init__(self, config: SentimentConfig, pad_id: int) -> None:
        super().__init__()
        self.multi_label = config.multi_label
        self.embedding = nn.Embedding(config.vocab_size, config.embedding_size, padding_idx=pad_id)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        nn.init.zeros_(self.embedding.weight[pad_id].detach())
        self.embedding_dropout, self.input_dropout = (
            EmbeddingDropout(config.embedding_dropout),
            LockedDropout(config.input_dropout),
        )
        self.encoder = LSTMEncoder(
            config.embedding_size,
            config.hidden_size,
            config.num_layers,
            dropout=config.dropout,
            weight_dropout=config.weight_dropout,
        )
        pooled = 3 * self.encoder.output_size
        self.head = nn.Sequential(
            nn.LayerNorm(pooled),
            nn.Dropout(config.head_dropout),
            nn.Linear(pooled, config.head_size),
            nn.GELU(),
            nn.Dropout(config.head_dropout / 2),
            nn.Linear(config.head_size, len(config.labels)),
        )

    def embed(self, tokens: Tensor) -> Tensor:
        """(B, T) → (B, T, E)."""
        embedded: Tensor = self.input_dropout(self.embedding_dropout(tokens, self.embedding))
        return embedded

    def logits(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Read whole texts in one go, so that gradients reach their beginnings: (B, T) and (B,) → (B, C)."""
        return self.logits_of_embedded(self.embed(tokens), lengths)

    def logits_of_embedded(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, E) and (B,) → (B, C)."""
        # What is padded stands behind what is read, so a one-way encoder need not know: packing costs much more.
        return self._classified(pool(self.encoder(x).values, lengths))

    def logits_in_chunks(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """As `logits`, in memory that does not grow with T; a text that has ended is not read on."""
        if tokens.shape[1] == 0:
            raise ValueError("there are no tokens to read")
        lengths, order = lengths.sort(descending=True)
        tokens = tokens[order]
        remaining = lengths.tolist()
        state: LSTMState | None = None
        pooled: PoolState | None = None
        ended: list[PoolState] = []
        begin = 0
        for end in chunk_ends(remaining, CHUNK, CHUNK_PRICE):
            memory = self.encoder(self.embed(tokens[:, begin:end]), state=state)
            # Of a text that ends in this chunk the state is wrong, but nothing more of it is pooled.
            pooled = pool(memory.values, (lengths - begin).clamp(0, end - begin), pooled)
            going = sum(length > end for length in remaining)
            ended.append(PoolState(*(part[going:] for part in pooled)))
            pooled = PoolState(*(part[:going] for part in pooled))
            state = LSTMState(*(part[:, :going].contiguous() for part in memory.state))
            tokens, lengths, begin = tokens[:going], lengths[:going], end
        whole = PoolState(*map(torch.cat, zip(*reversed(ended), strict=True)))
        return self._classified(whole)[order.argsort()]

    def forward(self, batch: Batch, weights: Tensor | None = None) -> Loss:
        """Cross-entropy summed over texts; of several labels, the mean of each one's own.

        Args:
            weights: of the classes (C,).
        """
        logits = self.logits(batch["tokens"], batch["lengths"]).float()
        if self.multi_label:
            each = functional.binary_cross_entropy_with_logits(
                logits, batch["labels"], reduction="none", pos_weight=weights
            )
            return Loss(each.mean(1).sum(), len(logits))
        return Loss(functional.cross_entropy(logits, batch["labels"], weights, reduction="sum"), len(logits))

    def parameter_groups(self) -> list[list[nn.Parameter]]:
        """From the classes down to the embedding, a layer each: what is unfrozen first comes first."""
        layers = [list(layer.parameters()) for layer in self.encoder.stack.layers]
        return [list(self.head.parameters()), *reversed(layers), list(self.embedding.parameters())]

    def prefixes(self, tokens: Tensor) -> Tensor:
        """What `logits` gives after every token: (1, T) → (T, C)."""
        values = self.encoder(self.embed(tokens)).values
        return torch.cat(
            [self.head(part.to(values.dtype)) for part in concat_pooling_of_prefixes(values)[0].split(CHUNK)]
        )

    def _classified(self, pooled: PoolState) -> Tensor:
        logits: Tensor = self.head(concat_pooling(pooled).to(self.embedding.weight.dtype))
        return logits


def calibrated(logits: Tensor, config: SentimentConfig) -> Tensor:
    """Probabilities of logits, (…, C) → (…, C), by the temperature that was fitted on validation (Guo 2017)."""
    logits = logits / config.temperature
    return logits.sigmoid() if config.multi_label else logits.softmax(-1)
