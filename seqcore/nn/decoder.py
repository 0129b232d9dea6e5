"""A decoder, which writes a sequence and may look into a memory; without one it is a language model."""

import warnings
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from seqcore.nn.attention import AttentionConfig, create_attention
from seqcore.nn.bridge import Bridge
from seqcore.nn.dropout import EmbeddingDropout, LockedDropout
from seqcore.nn.stack import LSTMStack
from seqcore.nn.state import DecoderState, LSTMState, Memory


class DecoderOutput(NamedTuple):
    """What a decoder answers when it reads a whole target.

    Attributes:
        logits: (B, T, V), for the token after each.
        attention: (B, T, S), where each step looked; None without a memory.
        state: what goes on after the last step.
    """

    logits: Tensor
    attention: Tensor | None
    state: DecoderState


class LSTMDecoder(nn.Module):
    """Predicts the next token with a deep LSTM and attention over a memory between two of its layers.

    The attention's answer goes up, not back into the next step (Luong 2015 without input feeding), so a whole target
    is read by one fused call a layer. The output matrix is the embedding itself (Press & Wolf 2017).

    Args:
        vocab_size, embedding_size: V and E.
        hidden_size, num_layers: H and L of the stack.
        memory_size: M; None makes a language model.
        state_size: how many numbers the memory's `state.h` holds for one sequence; None starts from zeros.
        attention: how it looks into the memory; None is `AttentionConfig()`.
        dropout, input_dropout, output_dropout: rates of locked dropout between layers, on embeddings, and before the
            output.
        embedding_dropout: rate at which whole tokens are dropped.
        weight_dropout, residual, layer_norm: as in `LSTMStack`.
        tied: share the embedding with the output.
        padding: the token whose embedding starts at zero and gets no gradient as an input.

    Raises:
        ValueError: no such attention, or its layer is none of the decoder's.

    Example:
        >>> from seqcore.nn import LSTMEncoder
        >>> encoder = LSTMEncoder(8, 16)
        >>> decoder = LSTMDecoder(100, 8, 16, memory_size=encoder.output_size, state_size=encoder.state_size)
        >>> memory = encoder(torch.randn(2, 5, 8))
        >>> decoder(torch.randint(100, (2, 7)), memory).logits.shape  # Teacher forcing, all steps at once.
        torch.Size([2, 7, 100])
        >>> logits, state = decoder.step(torch.randint(100, (2, 1)), decoder.start(memory))  # One step of a search.
        >>> logits.shape, state.attention.shape
        (torch.Size([2, 1, 100]), torch.Size([2, 1, 5]))
    """

    def __init__(
        self,
        vocab_size: int,
        embedding_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        memory_size: int | None = None,
        state_size: int | None = None,
        attention: AttentionConfig | str | None = None,
        dropout: float = 0,
        input_dropout: float = 0,
        output_dropout: float = 0,
        embedding_dropout: float = 0,
        weight_dropout: float = 0,
        residual: bool = True,
        layer_norm: bool = False,
        tied: bool = True,
        padding: int | None = None,
        **renamed: Any,
    ) -> None:
        super().__init__()
        attention = _attention_config(attention, renamed)
        self.embedding = nn.Embedding(vocab_size, embedding_size, padding_idx=padding)
        self.embedding_dropout = EmbeddingDropout(embedding_dropout)
        self.input_dropout, self.output_dropout = LockedDropout(input_dropout), LockedDropout(output_dropout)
        self.stack = LSTMStack(
            embedding_size,
            hidden_size,
            num_layers,
            dropout=dropout,
            weight_dropout=weight_dropout,
            residual=residual,
            layer_norm=layer_norm,
        )
        self.memory_size = memory_size
        if memory_size is not None:
            if not 1 <= attention.layer <= num_layers:
                raise ValueError(f"the attention's layer must be from 1 to {num_layers}, but is {attention.layer}")
            self.attention = create_attention(attention.kind, hidden_size, memory_size)
            self.combine = nn.Linear(hidden_size + memory_size, hidden_size)
            self.gate = nn.Linear(hidden_size, 1) if attention.gate else None
        self.bridge = Bridge(state_size, num_layers, hidden_size) if state_size else None
        self.lower = range(attention.layer if memory_size is not None else num_layers)
        self.upper = range(len(self.lower), num_layers)
        self.project = nn.Linear(hidden_size, embedding_size) if hidden_size != embedding_size else nn.Identity()
        self.output = nn.Linear(embedding_size, vocab_size)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        if padding is not None:
            nn.init.zeros_(self.embedding.weight[padding].detach())
        nn.init.zeros_(self.output.bias)
        if tied:
            self.output.weight = self.embedding.weight

    def start(self, memory: Memory | None, batch: int | None = None) -> DecoderState:
        """Make the state before the first token, with K = 1 and the keys computed once a sentence.

        Args:
            memory: what to look into; None for a language model.
            batch: B for a language model; with a memory, B is known.

        Raises:
            ValueError: the decoder has a memory_size and is given no memory, or the other way round.
        """
        if memory is None:
            self._check_memory(given=False)
            rows = 1 if batch is None else batch
            return DecoderState(_one_hypothesis(self.stack.initial_state(rows, self.embedding.weight)))
        self._check_memory(given=True)
        if self.bridge is not None and memory.state is not None:
            state = self.bridge(memory.state)
        else:
            state = self.stack.initial_state(memory.values.shape[0], memory.values)
        return DecoderState(_one_hypothesis(state), memory.values, self.attention.keys(memory.values), memory.mask)

    def forward(self, tokens: Tensor, memory: Memory | None = None, state: DecoderState | None = None) -> DecoderOutput:
        """Read the whole target at once, one LSTM call a layer (teacher forcing).

        Args:
            tokens: (B, T), from the start token on.
            memory: what to look into; None for a language model.
            state: where to go on from (K = 1), as from `start` or an earlier chunk; with it `memory` is not needed.
                `state.detach()` truncates BPTT.

        Raises:
            ValueError: a memory is missing or there is one too many, or the state holds several hypotheses a sentence.
        """
        features, attention, state = self.features(tokens, memory, state)
        return DecoderOutput(self.output(features), attention, state)

    def features(
        self, tokens: Tensor, memory: Memory | None = None, state: DecoderState | None = None
    ) -> tuple[Tensor, Tensor | None, DecoderState]:
        """Do what `forward` does, but for the output matrix: features (B, T, E), attention and state.

        It is for losses that need logits at some of the positions only.
        """
        if state is None:
            state = self.start(memory, tokens.shape[0])
        if state.lstm.h.shape[2] != 1:
            raise ValueError(f"forward reads one target a sentence, but the state holds {state.lstm.h.shape[2]}")
        before = LSTMState(state.lstm.h.squeeze(2), state.lstm.c.squeeze(2))
        x = self.input_dropout(self.embedding_dropout(tokens, self.embedding))
        x, lower = self.stack(x, state=before, layers=self.lower)
        x, attention = self._attend(x, state)
        after = lower
        # Nothing of a step's attention is needed by the next step, so the layers above it are one fused call as well.
        if self.upper:
            x, upper = self.stack(x, state=before, layers=self.upper)
            after = _join(lower, upper)
        last = None if attention is None else attention[:, -1:]
        return (
            self.project(self.output_dropout(x)),
            attention,
            state._replace(lstm=_one_hypothesis(after), attention=last),
        )

    def step(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """Feed one token to each of K hypotheses, without dropout: (B, K) → logits (B, K, V)."""
        batch, hypotheses = tokens.shape
        before = LSTMState(state.lstm.h.flatten(1, 2), state.lstm.c.flatten(1, 2))
        # The LSTM sees B · K rows, but the attention K queries a sentence: so hypotheses share one memory, uncopied.
        x, after = self.stack.step(self.embedding(tokens).flatten(0, 1), before, self.lower)
        attended, attention = self._attend(x.unflatten(0, (batch, hypotheses)), state)
        x = attended.flatten(0, 1)
        if self.upper:
            x, upper = self.stack.step(x, before, self.upper)
            after = _join(after, upper)
        logits = self.output(self.project(x)).unflatten(0, (batch, hypotheses))
        lstm = LSTMState(*(part.unflatten(1, (batch, hypotheses)) for part in after))
        return logits, state._replace(lstm=lstm, attention=attention)

    def _check_memory(self, given: bool) -> None:
        """Refuse to act as a language model where a memory was promised, and the other way round."""
        if self.memory_size is not None and not given:
            raise ValueError(
                f"this decoder looks into a memory (memory_size={self.memory_size}), but was given none: "
                "give start or forward an encoder's memory"
            )
        if self.memory_size is None and given:
            raise ValueError("this decoder was made without a memory_size, so it cannot look into the memory given")

    def _attend(self, x: Tensor, state: DecoderState) -> tuple[Tensor, Tensor | None]:
        """Compute Luong's attentional vector tanh(W [context; h]): (B, T, H) → (B, T, H)."""
        if state.values is None or state.keys is None or state.mask is None:
            self._check_memory(given=False)
            return x, None
        self._check_memory(given=True)
        context, weights = self.attention(x, state.values, state.keys, state.mask)
        if self.gate is not None:
            context = context * self.gate(x).sigmoid()
        return torch.tanh(self.combine(torch.cat([context, x], -1))), weights


def _attention_config(attention: AttentionConfig | str | None, renamed: dict[str, Any]) -> AttentionConfig:
    """The way of looking, also as it was said before `AttentionConfig`: by three arguments, which warn."""
    old = {name: renamed.pop(f"attention_{name}") for name in ("layer", "gate") if f"attention_{name}" in renamed}
    if renamed:
        raise TypeError(f"LSTMDecoder() got an unexpected keyword argument {min(renamed)!r}")
    if isinstance(attention, str):
        attention, old["kind"] = None, attention
    attention = attention or AttentionConfig()
    if old:
        what = "LSTMDecoder's way of looking, by attention, attention_layer and attention_gate,"
        advice = f"the old arguments go with the next release: give attention={replace(attention, **old)}"
        warnings.warn(f"{what} is called AttentionConfig now; {advice}", FutureWarning, stacklevel=3)
    return replace(attention, **old)


def _one_hypothesis(state: LSTMState) -> LSTMState:
    return LSTMState(state.h.unsqueeze(2), state.c.unsqueeze(2))


def _join(lower: LSTMState, upper: LSTMState) -> LSTMState:
    return LSTMState(torch.cat([lower.h, upper.h]), torch.cat([lower.c, upper.c]))
