"""The per-frame video classifier's network."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqcore.deprecation import Renamed
from seqcore.nn import LockedDropout, LSTMEncoder, LSTMState
from seqcore.nn.frames import FrameEncoder, PretrainedFrameEncoder
from seqcore.tasks.video.config import COMPACT, FrameClassifierConfig


class StreamState(NamedTuple):
    """Says where a stream is; it is passed on, never stored.

    Attributes:
        frames: (B, k, C, H, W), the last ones, which those to come still need.
        last: (B, 1, C, H, W), the very last one.
        lstm: after what was read.
        waiting: outputs to leave out before the first label, since labels come late.
    """

    frames: Tensor
    last: Tensor
    lstm: LSTMState | None
    waiting: int


class FrameNetwork(nn.Module):
    """CNN per frame → LSTM → a label for each frame.

    The first frame stands for those before it and the last for those after it, so that a stream and a whole video
    give the same.
    """

    def __init__(self, config: FrameClassifierConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder: FrameEncoder | PretrainedFrameEncoder
        if config.backbone == COMPACT:
            self.encoder = FrameEncoder(
                config.channels, config.height, config.width, config.offsets, config.widths, config.frame_size,
                config.motion,
            )  # fmt: skip
        else:
            self.encoder = PretrainedFrameEncoder(config.image)
        self.dropout = LockedDropout(config.dropout)
        self.lstm = LSTMEncoder(
            self.encoder.output_size,
            config.hidden_size,
            config.num_layers,
            bidirectional=config.bidirectional,
            dropout=config.dropout,
        )
        self.output = nn.Linear(self.lstm.output_size, len(config.labels))
        self._before, self._after = -min(config.offsets), max(config.offsets)

    def forward(self, frames: Tensor, lengths: Tensor | None = None, bptt: int = 0) -> Tensor:
        """(B, T, C, H, W), of which `lengths` are real → logits (B, T, labels).

        Args:
            frames: or (B, T, D), what an encoder that sees each frame by itself gave of them.
            bptt: in one-way training, frames through which gradients flow back (Williams & Peng 1990); 0 is all.
        """
        seen = self._padded(frames, lengths)
        return self.read(self.encoder(seen) if frames.dim() == 5 else seen, lengths, bptt)

    def read(self, vectors: Tensor, lengths: Tensor | None = None, bptt: int = 0) -> Tensor:
        """What the encoder gives of each frame, and of the last one `delay` times more → logits (B, T, labels)."""
        delay = self.config.delay
        steps = vectors.shape[1]
        vectors = self.dropout(vectors)
        whole = None if lengths is None else lengths + delay
        if not bptt or self.config.bidirectional:
            values = self.lstm(vectors, whole).values
        else:
            parts, state = [], None
            for begin in range(0, steps, bptt):
                part = vectors[:, begin : begin + bptt]
                real = None if whole is None else (whole - begin).clamp(0, part.shape[1])
                memory = self.lstm(part, real, state)
                parts.append(memory.values)
                state = memory.state.detach()
            values = torch.cat(parts, 1)
        logits: Tensor = self.output(self.dropout(values))
        return logits[:, delay:]

    def _padded(self, frames: Tensor, lengths: Tensor | None) -> Tensor:
        """Frames with the first and the last one of each video as often as the encoder and the delay need them."""
        total = frames.shape[1]
        reach = self.config.lag
        places = torch.arange(-self._before, total + reach, device=frames.device)
        if lengths is None:
            return frames[:, places.clamp(0, total - 1)]
        last = (lengths.to(frames.device) - 1).clamp(min=0)
        places = torch.minimum(places.clamp(min=0).unsqueeze(0), last.unsqueeze(1))
        return frames[torch.arange(len(frames), device=frames.device).unsqueeze(1), places]

    def vectors(self, chunks: Iterable[Tensor]) -> Tensor:
        """What the encoder gives of each frame of B whole videos, which come in chunks (B, n, C, H, W): (B, T, D)."""
        vectors, state = [], None
        for chunk in chunks:
            encoded, state = self._encode_chunk(chunk, state)
            vectors.append(encoded)
        assert state is not None
        if self._after:
            vectors.append(self._encode_chunk(self._repeated(state, self._after), state)[0])
        return torch.cat([part for part in vectors if part.shape[1]], 1)

    def in_chunks(self, chunks: Iterable[Tensor]) -> Tensor:
        """Frames of B whole videos, which come in chunks (B, n, C, H, W) → logits (B, T, labels)."""
        if self.config.bidirectional:
            return self.read(self.vectors(chunks))
        parts, state = [], None
        for chunk in chunks:
            logits, state = self.forward_chunk(chunk, state)
            parts.append(logits)
        assert state is not None
        return torch.cat([*parts, self.flush(state)], 1)

    def forward_chunk(self, frames: Tensor, state: StreamState | None = None) -> tuple[Tensor, StreamState]:
        """The next frames of B videos, (B, n, C, H, W) → the logits known by now, (B, m, labels); one-way only."""
        vectors, state = self._encode_chunk(frames, state)
        if not vectors.shape[1]:
            return vectors.new_zeros(len(frames), 0, len(self.config.labels)), state
        memory = self.lstm(vectors, None, state.lstm)
        waiting = max(0, state.waiting - vectors.shape[1])
        return self.output(memory.values[:, state.waiting :]), state._replace(lstm=memory.state, waiting=waiting)

    def flush(self, state: StreamState) -> Tensor:
        """Compute the logits that are still to come, (B, lag, labels)."""
        if not self.config.lag:
            return self.output.weight.new_zeros(len(state.frames), 0, len(self.config.labels))
        return self.forward_chunk(self._repeated(state, self.config.lag), state)[0]

    feed, finish = Renamed("forward_chunk"), Renamed("flush")

    def _repeated(self, state: StreamState, times: int) -> Tensor:
        return state.last.expand(-1, times, -1, -1, -1)

    def _encode_chunk(self, frames: Tensor, state: StreamState | None) -> tuple[Tensor, StreamState]:
        """What the encoder gives of those frames whose later ones it has seen by now, (B, m, D)."""
        if state is None:
            first = frames[:, :1].expand(-1, self._before, -1, -1, -1)
            state = StreamState(first, frames[:, -1:], None, self.config.delay)
        last, frames = frames[:, -1:], torch.cat([state.frames, frames], 1)
        context = self._before + self._after
        state = state._replace(frames=frames[:, max(0, frames.shape[1] - context) :], last=last)
        if frames.shape[1] <= context:
            return self.output.weight.new_zeros(len(frames), 0, self.encoder.output_size), state
        return self.encoder(frames), state
