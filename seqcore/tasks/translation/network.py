"""The translator's network."""

from torch import Tensor, nn

from seqcore.nn import AttentionConfig, LockedDropout, LSTMDecoder, LSTMEncoder, Memory, label_smoothed_cross_entropy
from seqcore.tasks.base import Batch, Loss
from seqcore.tasks.translation.config import TranslatorConfig


class TranslationNetwork(nn.Module):
    """Embedding → bidirectional encoder → attention → decoder, one embedding for both languages."""

    def __init__(self, config: TranslatorConfig, pad_id: int) -> None:
        super().__init__()
        self.pad_id, self.label_smoothing = pad_id, config.label_smoothing
        self.encoder = LSTMEncoder(
            config.embedding_size,
            config.encoder_hidden_size,
            config.encoder_layers,
            bidirectional=True,
            dropout=config.dropout,
            weight_dropout=config.weight_dropout,
            layer_norm=config.layer_norm,
        )
        self.decoder = LSTMDecoder(
            config.vocab_size,
            config.embedding_size,
            config.decoder_hidden_size,
            config.decoder_layers,
            memory_size=self.encoder.output_size,
            state_size=self.encoder.state_size,
            attention=AttentionConfig(config.attention, config.attention_layer),
            dropout=config.dropout,
            input_dropout=config.dropout,
            output_dropout=config.dropout,
            weight_dropout=config.weight_dropout,
            layer_norm=config.layer_norm,
            padding=pad_id,
        )
        self.dropout = LockedDropout(config.dropout)

    def encode(self, source: Tensor, lengths: Tensor) -> Memory:
        """(B, S) and lengths (B,) → the memory of B sentences."""
        return self.encoder(self.dropout(self.decoder.embedding(source)), lengths)

    def forward(self, batch: Batch) -> Loss:
        """Cross-entropy summed over target tokens; smoothed in training only (Szegedy 2016)."""
        memory = self.encode(batch["source"], batch["source_lengths"])
        features, _, _ = self.decoder.features(batch["target"][:, :-1], memory)
        labels = batch["target"][:, 1:]
        real = labels != self.pad_id
        labels = labels[real]
        # Only real positions reach the output matrix, which is most of the work.
        logits = self.decoder.output(features[real])
        smoothing = self.label_smoothing if self.training else 0.0
        return Loss(label_smoothed_cross_entropy(logits, labels, smoothing), len(labels))
