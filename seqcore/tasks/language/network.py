"""The language model's network."""

from torch import nn

from seqcore.nn import DecoderState, LSTMDecoder, label_smoothed_cross_entropy
from seqcore.tasks.base import Batch, Loss
from seqcore.tasks.language.config import LanguageModelConfig


class LanguageNetwork(nn.Module):
    """A decoder with no memory."""

    def __init__(self, config: LanguageModelConfig, pad_id: int) -> None:
        super().__init__()
        self.pad_id = pad_id
        self.decoder = LSTMDecoder(
            config.vocab_size,
            config.embedding_size,
            config.hidden_size,
            config.num_layers,
            dropout=config.dropout,
            input_dropout=config.input_dropout,
            output_dropout=config.output_dropout,
            embedding_dropout=config.embedding_dropout,
            weight_dropout=config.weight_dropout,
            padding=pad_id,
        )

    def forward(self, batch: Batch, state: DecoderState | None = None) -> Loss:
        """Cross-entropy summed over tokens, and the state after them, cut off from their graph."""
        tokens = batch["tokens"]
        if state is None:
            state = self.decoder.start(None, len(tokens))
        if "reset" in batch:
            carried = (~batch["reset"]).to(state.lstm.h.dtype)[None, :, None, None]
            state = state._replace(lstm=type(state.lstm)(*(part * carried for part in state.lstm)))
        features, _, after = self.decoder.features(tokens[:, :-1], None, state)
        labels = tokens[:, 1:]
        real = labels != self.pad_id
        labels = labels[real]
        total = label_smoothed_cross_entropy(self.decoder.output(features[real]), labels)
        return Loss(total, len(labels), after.detach())
