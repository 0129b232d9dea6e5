"""What recurrent bricks hand to each other: state is passed, never stored on a module.

Dimension letters, here and in every docstring of this room: B batch, K hypotheses a sentence, S source length,
T target length, L layers, D directions, H hidden size, M memory width, A attention width, V vocabulary.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from seqcore.deprecation import warn_renamed


class LSTMState(NamedTuple):
    """Holds the hidden and the cell state of a stack.

    Attributes:
        h: (L·D, B, H), forward before backward in a layer.
        c: the same of the cells.
    """

    h: Tensor
    c: Tensor

    def detach(self) -> "LSTMState":
        """Cut the graph here: truncated backpropagation through time (Williams & Peng 1990)."""
        return LSTMState(self.h.detach(), self.c.detach())


class Memory(NamedTuple):
    """Holds what an encoder remembers of its input.

    Attributes:
        values: (B, S, M), zero where padded.
        mask: (B, S), true where real.
        state: the final state of every layer, or None where the encoder has none.
    """

    values: Tensor
    mask: Tensor
    state: LSTMState | None = None

    def detach(self) -> "Memory":
        """Cut the graph here, so that no gradient reaches the encoder."""
        return Memory(self.values.detach(), self.mask, self.state.detach() if self.state else None)


class DecoderState(NamedTuple):
    """Holds all that a decoder needs to go on: K hypotheses a sentence share one copy of the memory.

    Attributes:
        lstm: h and c, each (L, B, K, H).
        values, keys, mask: the memory (B, S, M), its keys (B, S, A) and what of it is real (B, S), once a sentence;
            None without a memory.
        attention: the weights of the last step, (B, K, S); None before it, or without a memory.
    """

    lstm: LSTMState
    values: Tensor | None = None
    keys: Tensor | None = None
    mask: Tensor | None = None
    attention: Tensor | None = None

    def reorder(self, parents: Tensor) -> "DecoderState":
        """Let hypothesis k of sentence b continue what hypothesis `parents[b, k]` was; (B, K'), K' may differ."""
        # Only what differs between hypotheses moves; the memory belongs to the sentence, which stays where it is.
        rows = torch.arange(parents.shape[0], device=parents.device).unsqueeze(1)
        lstm = LSTMState(self.lstm.h[:, rows, parents], self.lstm.c[:, rows, parents])
        attention = None if self.attention is None else self.attention[rows, parents]
        return self._replace(lstm=lstm, attention=attention)

    def select(self, sentences: Tensor) -> "DecoderState":
        """Keep these sentences (B',) of the batch, in this order."""
        lstm = LSTMState(self.lstm.h[:, sentences], self.lstm.c[:, sentences])
        rest = (None if part is None else part[sentences] for part in self[1:])
        return DecoderState(lstm, *rest)

    def keep(self, sentences: Tensor) -> "DecoderState":
        """Answer for `select`, whose name this was."""
        warn_renamed("DecoderState.keep", "DecoderState.select")
        return self.select(sentences)

    def detach(self) -> "DecoderState":
        """Cut the graph here, so that the next chunk's gradient stops (truncated BPTT)."""
        rest = (None if part is None else part.detach() for part in self[1:])
        return DecoderState(self.lstm.detach(), *rest)
