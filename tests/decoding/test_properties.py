"""Equalities that hold for every shape, length and seed: hypothesis looks for one that breaks them."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from benchmarks.straightforward import StraightforwardSearch, step_loop_loss
from benchmarks.translate import END, PADDING, START, decode
from seqcore.decoding import GenerationConfig
from seqcore.nn import (
    AttentionConfig,
    AttentionKind,
    LSTMDecoder,
    LSTMEncoder,
    LSTMState,
    Memory,
    PlainRNN,
    WindowMLP,
    length_mask,
)
from seqcore.tasks.translation import TranslationNetwork, TranslatorConfig

SEEDS = st.integers(0, 2**31)
LENGTHS = st.lists(st.integers(0, 7), min_size=1, max_size=5)
some = settings(max_examples=60, deadline=None)


def close(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)


def padded_input(lengths: list[int], width: int, extra: int) -> Tensor:
    """(B, longest + extra, width), and where it is padding, large numbers."""
    x = torch.randn(len(lengths), max(lengths) + extra, width, dtype=torch.float64)
    return torch.where(length_mask(torch.tensor(lengths), x.shape[1]).unsqueeze(2), x, 1e6 * torch.randn_like(x))


def create_network(seed: int, attention: AttentionKind, layers: int, place: int) -> TranslationNetwork:
    torch.manual_seed(seed)
    config = TranslatorConfig(
        vocab_size=13,
        embedding_size=5,
        encoder_hidden_size=3,
        decoder_hidden_size=6,
        decoder_layers=layers,
        attention=attention,
        attention_layer=min(place, layers),
        dropout=0.0,
    )
    network = TranslationNetwork(config, PADDING).double()
    torch.nn.init.normal_(network.decoder.embedding.weight)
    return network


@some
@given(
    seed=SEEDS,
    lengths=LENGTHS,
    extra=st.integers(0, 3),
    depth=st.integers(1, 3),
    both=st.booleans(),
    norm=st.booleans(),
)
def test_an_encoder_reads_a_batch_as_each_alone(
    seed: int, lengths: list[int], extra: int, depth: int, both: bool, norm: bool
) -> None:
    torch.manual_seed(seed)
    encoder = LSTMEncoder(3, 4, depth, bidirectional=both, layer_norm=norm).double()
    x = padded_input(lengths, 3, extra)
    together = encoder(x, torch.tensor(lengths))
    assert together.state is not None
    assert not together.values[~together.mask].any()
    for row, length in enumerate(lengths):
        alone = encoder(x[row : row + 1, :length])
        close(together.values[row, :length], alone.values[0])
        close(together.state.h[:, row], alone.state.h[:, 0])
        close(together.state.c[:, row], alone.state.c[:, 0])


@some
@given(seed=SEEDS, lengths=LENGTHS, cut=st.integers(0, 7), depth=st.integers(1, 3), norm=st.booleans())
def test_padded_chunks_with_carried_state_are_the_whole(
    seed: int, lengths: list[int], cut: int, depth: int, norm: bool
) -> None:
    """A sequence that has ended in an earlier chunk has length 0 in a later one, and keeps its state."""
    torch.manual_seed(seed)
    encoder = LSTMEncoder(3, 4, depth, layer_norm=norm).double()
    x, real = padded_input(lengths, 3, 1), torch.tensor(lengths)
    start = LSTMState(*torch.randn(2, depth, len(lengths), 4, dtype=torch.float64))
    whole = encoder(x, real, start)
    first = encoder(x[:, :cut], real.clamp(max=min(cut, x.shape[1])), start)
    second = encoder(x[:, cut:], (real - cut).clamp(min=0), first.state)
    close(torch.cat([first.values, second.values], 1), whole.values)
    close(second.state.h, whole.state.h)
    close(second.state.c, whole.state.c)


@some
@given(
    seed=SEEDS,
    lengths=LENGTHS,
    steps=st.integers(1, 5),
    hypotheses=st.integers(1, 4),
    layers=st.integers(1, 4),
    place=st.integers(1, 4),
    attention=st.sampled_from(["dot", "general", "additive"]),
    norm=st.booleans(),
    tied=st.booleans(),
)
def test_a_decoder_reads_a_target_at_once_as_step_by_step(
    seed: int,
    lengths: list[int],
    steps: int,
    hypotheses: int,
    layers: int,
    place: int,
    attention: AttentionKind,
    norm: bool,
    tied: bool,
) -> None:
    """K targets over one memory, stepped together, are K targets read at once, each with a copy of it."""
    torch.manual_seed(seed)
    place, batch = min(place, layers), len(lengths)
    decoder = LSTMDecoder(
        9,
        5,
        6,
        layers,
        memory_size=6,
        state_size=8,
        attention=AttentionConfig(attention, place),
        dropout=0.4,
        weight_dropout=0.4,
        layer_norm=norm,
        tied=tied,
    )
    decoder = decoder.double().eval()
    mask = length_mask(torch.tensor(lengths), max(lengths))
    values = torch.randn(batch, max(lengths), 6, dtype=torch.float64)
    memory = Memory(values, mask, LSTMState(*torch.randn(2, 2, batch, 4, dtype=torch.float64)))
    tokens = torch.randint(9, (batch, hypotheses, steps))
    state = decoder.start(memory).reorder(torch.zeros(batch, hypotheses, dtype=torch.long))
    stepped = []
    for step in range(steps):
        logits, state = decoder.step(tokens[:, :, step], state)
        stepped.append(logits)
    assert state.attention is not None
    for k in range(hypotheses):
        fused = decoder(tokens[:, k], memory)
        assert fused.attention is not None
        assert fused.state.attention is not None
        close(torch.stack(stepped, 2)[:, k], fused.logits)
        close(state.lstm.c[:, :, k], fused.state.lstm.c[:, :, 0])
        close(state.attention[:, k], fused.attention[:, -1])
        close(state.attention[:, k], fused.state.attention[:, 0])
        assert not fused.attention.masked_select(~mask.unsqueeze(1)).any()


@some
@given(
    seed=SEEDS,
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    layers=st.integers(1, 3),
    place=st.integers(1, 3),
    attention=st.sampled_from(["dot", "general", "additive"]),
)
def test_training_at_once_is_training_step_by_step(
    seed: int, lengths: list[int], layers: int, place: int, attention: AttentionKind
) -> None:
    """The loss, and the gradient of every weight."""
    network = create_network(seed, attention, layers, place)
    mask = length_mask(torch.tensor(lengths), max(lengths))
    source, target = (torch.randint(END + 1, 13, mask.shape).masked_fill(~mask, PADDING) for _ in range(2))
    target = torch.nn.functional.pad(target, (1, 0), value=START)
    batch = {"source": source, "source_lengths": torch.tensor(lengths), "target": target}
    answer = network(batch)
    total, count = answer.total, answer.count
    at_once = torch.autograd.grad(total / count, list(network.parameters()), allow_unused=True)
    loss = step_loop_loss(network, batch)
    torch.testing.assert_close((total / count).to(loss.dtype), loss, rtol=1e-5, atol=0)
    step_by_step = torch.autograd.grad(loss, list(network.parameters()), allow_unused=True)
    for (name, _), ours, theirs in zip(network.named_parameters(), at_once, step_by_step, strict=True):
        assert (ours is None) == (theirs is None), name
        if ours is not None:
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6, msg=name)


@some
@given(
    seed=SEEDS,
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    layers=st.integers(1, 3),
    place=st.integers(1, 3),
    beam_size=st.integers(1, 4),
    tokens=st.integers(1, 5),
)
def test_search_finds_what_the_straightforward_loop_finds(
    seed: int, lengths: list[int], layers: int, place: int, beam_size: int, tokens: int
) -> None:
    network = create_network(seed, "general", layers, place).eval()
    config = GenerationConfig(
        END, PADDING, beam_size, max_length=tokens, min_length=tokens, banned_tokens=(START,), length_penalty=0
    )
    source = torch.randint(END + 1, 13, (len(lengths), max(lengths)))
    ours = decode(network, source, torch.tensor(lengths), config)
    theirs = StraightforwardSearch(network, START, config)(source, torch.tensor(lengths))
    assert [written for written, _ in ours] == [written for written, _ in theirs]
    torch.testing.assert_close(
        torch.tensor([total for _, total in ours]), torch.tensor([total for _, total in theirs]), rtol=1e-5, atol=1e-5
    )


@some
@given(
    seed=SEEDS,
    lengths=st.lists(st.integers(1, 7), min_size=1, max_size=5),
    window=st.integers(1, 9),
    depth=st.integers(1, 3),
)
def test_the_baselines_read_a_batch_as_each_alone(seed: int, lengths: list[int], window: int, depth: int) -> None:
    torch.manual_seed(seed)
    plain, windowed = PlainRNN(3, 4, depth).double(), WindowMLP(3, window, 5, 2, depth).double()
    x, real = padded_input(lengths, 3, 2), torch.tensor(lengths)
    values, last = plain(x, real)
    seen = windowed(x, real)
    for row, length in enumerate(lengths):
        alone, state = plain(x[row : row + 1, :length])
        close(values[row, :length], alone[0])
        assert not values[row, length:].any()
        close(last[:, row], state[:, 0])
        close(seen[row], windowed(x[row : row + 1, max(0, length - window) : length])[0])
