"""The captioner's network."""

import torch
from torch import Tensor, nn

from seqcore.nn import (
    AttentionConfig,
    DecoderState,
    LockedDropout,
    LSTMDecoder,
    LSTMState,
    Memory,
    label_smoothed_cross_entropy,
)
from seqcore.nn.images import ImageEncoder
from seqcore.tasks.base import Loss
from seqcore.tasks.captioning.config import CaptionerConfig


class CaptioningNetwork(nn.Module):
    """CNN grid → attention → decoder; the mean of the grid is the decoder's first state (Xu 2015)."""

    def __init__(self, config: CaptionerConfig, pad_id: int) -> None:
        super().__init__()
        self.pad_id = pad_id
        self.label_smoothing, self.attention_penalty = config.label_smoothing, config.attention_penalty
        self.encoder = ImageEncoder(config.encoder)
        self.encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # twice as quick on a CPU
        self.project = nn.Sequential(
            nn.Linear(self.encoder.output_size, config.memory_size), nn.LayerNorm(config.memory_size), nn.ReLU()
        )
        self.dropout = LockedDropout(config.dropout)
        self.decoder = LSTMDecoder(
            config.vocab_size,
            config.embedding_size,
            config.hidden_size,
            config.num_layers,
            memory_size=config.memory_size,
            state_size=config.memory_size,
            attention=AttentionConfig(config.attention, config.attention_layer, config.attention_gate),
            dropout=config.dropout,
            input_dropout=config.dropout,
            output_dropout=config.dropout,
            padding=pad_id,
        )

    def encode(self, grid: Tensor) -> Memory:
        """What the encoder gives of B images, (B, S, D) → their memory."""
        values = self.dropout(self.project(grid.to(self.decoder.embedding.weight.dtype)))
        mean = values.mean(1)
        mask = torch.ones(values.shape[:2], dtype=torch.bool, device=values.device)
        return Memory(values, mask, LSTMState(mean.unsqueeze(0), mean.unsqueeze(0)))

    def forward(self, grid: Tensor, target: Tensor, rows: Tensor) -> Loss:
        """Cross-entropy summed over the tokens of N captions; smoothed, and with the penalty, in training only.

        Args:
            target: (N, T), from start token to end token, padded.
            rows: (N,), the image of each caption.
        """
        logits, labels, attention = self._read(self.start(grid, rows), target)
        loss = label_smoothed_cross_entropy(logits, labels, self.label_smoothing if self.training else 0.0)
        if self.training and self.attention_penalty:
            real = (target[:, 1:] != self.pad_id).unsqueeze(2)
            looked = (attention * real).sum(1)
            # As if each place were to get an equal share of the looks; Xu's ones fit captions as long as the grid.
            fair = real.sum(1) / attention.shape[2]
            loss = loss + self.attention_penalty * (looked - fair).square().sum()
        return Loss(loss, len(labels))

    def reinforce(self, grid: Tensor, target: Tensor, rows: Tensor, advantages: Tensor) -> Loss:
        """Policy gradient: minus the log-probability of N captions, weighed by how much better than expected they are.

        Summed over tokens (Williams 1992; Rennie 2017).

        Args:
            advantages: (N,)
        """
        logits, labels, _ = self._read(self.start(grid, rows), target)
        lost = nn.functional.cross_entropy(logits.float(), labels, reduction="none")
        weights = advantages.unsqueeze(1).expand(target.shape[0], target.shape[1] - 1)
        return Loss((lost * weights[target[:, 1:] != self.pad_id]).sum(), len(labels))

    def start(self, grid: Tensor, rows: Tensor | None = None) -> DecoderState:
        """The decoder's first state for each image, or for each caption of them; keys are computed once an image."""
        state = self.decoder.start(self.encode(grid))
        return state if rows is None else state.select(rows)

    def _read(self, state: DecoderState, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits and labels of the real tokens alone, and attention (N, T − 1, S)."""
        features, attention, _ = self.decoder.features(target[:, :-1], state=state)
        labels = target[:, 1:]
        real = labels != self.pad_id
        assert attention is not None
        return self.decoder.output(features[real]), labels[real], attention
