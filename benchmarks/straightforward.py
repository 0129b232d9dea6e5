"""The loops that the translator's speed is compared with, as tutorials write them, over the same weights."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqcore.decoding import GenerationConfig
from seqcore.nn import LSTMLayer, LSTMState
from seqcore.tasks.translation import TranslationNetwork


class StraightforwardSearch:
    """Beam search for a forced number of tokens, max_length of ``config``.

    The memory is copied for every hypothesis, its keys are projected at every step, every layer is one call of nn.LSTM
    for one step, the best of K · V are looked for at once, memory and state are reordered, and no sentence is dropped.
    """

    def __init__(self, network: TranslationNetwork, start: int, config: GenerationConfig) -> None:
        self.network, self.decoder, self.start, self.beam_size = network, network.decoder, start, config.beam_size
        self.steps = config.limits(1)[0]
        self.banned = [config.pad, config.eos, *config.banned_tokens]
        self.layers = [self._copy(cast(LSTMLayer, layer)) for layer in network.decoder.stack.layers]

    @staticmethod
    def _copy(layer: LSTMLayer) -> nn.LSTM:
        copy = nn.LSTM(layer.input_size, layer.hidden_size, batch_first=True, dtype=layer.weight_ih_l0.dtype).eval()
        copy.load_state_dict(layer.state_dict())
        return copy

    @torch.inference_mode()
    def __call__(self, source: Tensor, lengths: Tensor) -> list[tuple[list[int], float]]:
        """Source (B, S) → for each sentence the tokens of its best hypothesis and their log-probability."""
        batch, beam = len(source), self.beam_size
        memory, copies = self.network.encode(source, lengths), torch.arange(batch).repeat_interleave(beam)
        h, c = (part[:, copies, 0] for part in self.decoder.start(memory).lstm)
        values, mask = memory.values[copies], memory.mask[copies]
        tokens = torch.full((batch * beam, 1), self.start)
        totals = torch.full((batch, beam), -torch.inf, dtype=values.dtype)
        totals[:, 0] = 0  # so that the first step chooses K different tokens
        for step in range(self.steps):
            logits, h, c = self.step(tokens[:, -1:], h, c, values, mask)
            logits[:, self.banned] = -torch.inf
            candidates = totals.view(-1, 1) + logits.log_softmax(-1)
            totals, best = candidates.view(batch, -1).topk(beam)
            parents = (best // logits.shape[1] + beam * torch.arange(batch).unsqueeze(1)).flatten()
            tokens = torch.cat([tokens.index_select(0, parents), (best % logits.shape[1]).view(-1, 1)], 1)
            if step + 1 < self.steps:
                h, c = h.index_select(1, parents), c.index_select(1, parents)
                values, mask = values.index_select(0, parents), mask.index_select(0, parents)
        return [(tokens[row * beam, 1:].tolist(), float(totals[row, 0])) for row in range(batch)]

    def step(self, tokens: Tensor, h: Tensor, c: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One token of every hypothesis, (B · K, 1) → logits (B · K, V) and the next state."""
        x = self.decoder.embedding(tokens)
        hs, cs = [], []
        for i, layer in enumerate(self.layers):
            y, (new_h, new_c) = layer(x, (h[i : i + 1], c[i : i + 1]))
            x = x + y if i else y
            hs.append(new_h)
            cs.append(new_c)
            if i + 1 == len(self.decoder.lower):
                keys = self.decoder.attention.keys(values)
                context, _ = self.decoder.attention(x, values, keys, mask)
                x = torch.tanh(self.decoder.combine(torch.cat([context, x], -1)))
        return self.decoder.output(self.decoder.project(x)).squeeze(1), torch.cat(hs), torch.cat(cs)


def step_loop_loss(network: TranslationNetwork, batch: dict[str, Tensor]) -> Tensor:
    """Mean cross-entropy of teacher forcing, with the decoder stepped through time; all else is as in training.

    Keys are computed once, every step is as fast as decoding's, and the output matrix is applied to all at the end.
    """
    decoder = network.decoder
    state = decoder.start(network.encode(batch["source"], batch["source_lengths"]))
    assert state.values is not None
    assert state.keys is not None
    assert state.mask is not None
    labels, outputs = batch["target"][:, 1:], []
    embedded = decoder.embedding(batch["target"][:, :-1])
    h, c = state.lstm.h.squeeze(2), state.lstm.c.squeeze(2)
    for step in range(labels.shape[1]):
        before = LSTMState(h, c)
        x, (h, c) = decoder.stack.step(embedded[:, step], before, decoder.lower)
        context, _ = decoder.attention(x.unsqueeze(1), state.values, state.keys, state.mask)
        x = torch.tanh(decoder.combine(torch.cat([context.squeeze(1), x], -1)))
        if decoder.upper:
            x, upper = decoder.stack.step(x, before, decoder.upper)
            h, c = torch.cat([h, upper.h]), torch.cat([c, upper.c])
        outputs.append(x)
    real = labels != network.pad_id
    logits = decoder.output(decoder.project(torch.stack(outputs, 1)[real]))
    return functional.cross_entropy(logits.float(), labels[real], label_smoothing=network.label_smoothing)
