"""Sequence to sequence from bricks, in a plain loop: an LSTM reads digits, another one writes them backwards.

python -m examples.seq2seq
"""

import random

import torch
from torch import Tensor, nn

from seqcore.decoding import GenerationConfig, beam_search
from seqcore.nn import DecoderOutput, LSTMDecoder, LSTMEncoder, Memory, label_smoothed_cross_entropy

PAD, BOS, EOS, FIRST = 0, 1, 2, 3  # Digits are numbered from FIRST on.


class Reverser(nn.Module):
    """An encoder whose memory a decoder attends to (Bahdanau et al., 2015; Luong et al., 2015)."""

    def __init__(self, vocab_size: int = FIRST + 10, size: int = 32) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, size, padding_idx=PAD)
        self.encoder = LSTMEncoder(size, size, bidirectional=True)
        self.decoder = LSTMDecoder(
            vocab_size,
            embedding_size=size,
            hidden_size=size,
            memory_size=self.encoder.output_size,
            state_size=self.encoder.state_size,
        )

    def read(self, source: Tensor) -> Memory:
        """(B, S) digits → what is remembered of them."""
        memory: Memory = self.encoder(self.embedding(source), (source != PAD).sum(1))
        return memory

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """(B, S), (B, T) → the loss of each next digit, its mean over all that are no padding."""
        output: DecoderOutput = self.decoder(target[:, :-1], self.read(source))
        real = target[:, 1:] != PAD
        return label_smoothed_cross_entropy(output.logits[real], target[:, 1:][real]) / real.sum()


def made_up_pairs(count: int, rng: random.Random) -> tuple[Tensor, Tensor]:
    """Sources (B, S), and the same backwards from start to end (B, S + 2), padded."""
    rows = [[FIRST + rng.randrange(10) for _ in range(rng.randint(3, 8))] for _ in range(count)]
    sources = [torch.tensor(row) for row in rows]
    targets = [torch.tensor([BOS, *reversed(row), EOS]) for row in rows]
    padded = [nn.utils.rnn.pad_sequence(each, batch_first=True, padding_value=PAD) for each in (sources, targets)]
    return padded[0], padded[1]


def train(steps: int = 400) -> Reverser:
    """Train on as many batches of 64."""
    torch.manual_seed(1)
    rng, model = random.Random(1), Reverser()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=steps)
    for _ in range(steps):
        loss = model(*made_up_pairs(64, rng))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return model.eval()


@torch.inference_mode()
def reverse(model: Reverser, source: Tensor, beam_size: int = 3) -> list[list[int]]:
    """The best answer for each source (B, S), by beam search."""
    state = model.decoder.start(model.read(source))
    config = GenerationConfig(eos=EOS, pad=PAD, beam_size=beam_size, max_length=12)
    hypotheses = beam_search(model.decoder.step, state, torch.full((len(source),), BOS), config)
    return [list(best.tokens) for best, *_ in hypotheses]


if __name__ == "__main__":
    reverser = train()
    sources, targets = made_up_pairs(200, random.Random(2))
    expected = [[token for token in row if token >= FIRST] for row in targets.tolist()]
    right = sum(answer == wanted for answer, wanted in zip(reverse(reverser, sources), expected, strict=True))
    print(f"{right} of {len(sources)} are right")
