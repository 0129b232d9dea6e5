"""Proofs about the bricks, in double precision: fused = stepwise, batch = singles, chunks = whole, ours = torch's."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies
from torch import Tensor, nn

from benchmarks.adding import solve
from seqcore.nn import (
    AttentionConfig,
    AttentionKind,
    Bridge,
    LockedDropout,
    LSTMDecoder,
    LSTMEncoder,
    LSTMLayer,
    LSTMStack,
    LSTMState,
    Memory,
    PlainRNN,
    WindowMLP,
    create_attention,
    length_mask,
)


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def gradient(tensor: Tensor) -> Tensor:
    assert tensor.grad is not None
    return tensor.grad


def close(ours: Tensor | None, theirs: Tensor | None) -> None:
    assert ours is not None
    assert theirs is not None
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)


def memory_of(batch: int = 3, width: int = 10) -> Memory:
    lengths = torch.tensor([6, 2, 4, 1, 6])[:batch]
    mask = length_mask(lengths, 6)
    state = LSTMState(torch.randn(4, batch, 5), torch.randn(4, batch, 5))
    return Memory(torch.randn(batch, 6, width) * mask.unsqueeze(2), mask, state)


# --- the layer and the stack ------------------------------------------------------------------------------------


def cell_like(layer: LSTMLayer) -> nn.LSTMCell:
    cell = nn.LSTMCell(layer.input_size, layer.hidden_size)
    cell.load_state_dict({name.removesuffix("_l0"): weight for name, weight in layer.state_dict().items()})
    return cell


@pytest.mark.parametrize("rows", [3, 80], ids=["few rows", "many rows"])
def test_a_step_is_an_lstm_cell_in_values_and_gradients(rows: int) -> None:
    layer = LSTMLayer(4, 5)
    cell = cell_like(layer)
    x, h, c = torch.randn(rows, 4), torch.randn(rows, 5), torch.randn(rows, 5)
    inputs = [[part.clone().requires_grad_() for part in (x, h, c)] for _ in range(2)]
    ours, theirs = layer.step(*inputs[0]), cell(inputs[1][0], (inputs[1][1], inputs[1][2]))
    for left, right in zip(ours, theirs, strict=True):
        close(left, right)
    torch.stack(ours).pow(2).sum().backward()
    torch.stack(theirs).pow(2).sum().backward()
    for left, right in zip(inputs[0] + list(layer.parameters()), inputs[1] + list(cell.parameters()), strict=True):
        close(gradient(left), gradient(right))


@pytest.mark.parametrize("rows", [63, 64, 200])
def test_in_single_precision_too_many_rows_step_as_an_lstm_cell(rows: int) -> None:
    """From 64 rows on another kernel does it, and only in single precision it is oneDNN's."""
    layer = LSTMLayer(24, 32).float()
    cell = cell_like(layer).float()
    x, h, c = (torch.randn(rows, width, dtype=torch.float32, requires_grad=True) for width in (24, 32, 32))
    with torch.inference_mode():
        for left, right in zip(layer.step(x, h, c), cell(x, (h, c)), strict=True):
            torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-5)
    ours = torch.autograd.grad(torch.stack(layer.step(x, h, c)).pow(2).sum(), [x, h, c, *layer.parameters()])
    theirs = torch.autograd.grad(torch.stack(cell(x, (h, c))).pow(2).sum(), [x, h, c, *cell.parameters()])
    for left, right in zip(ours, theirs, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-3, atol=1e-3)


def test_a_fused_layer_is_a_loop_over_lstm_cells_in_values_and_gradients() -> None:
    layer = LSTMLayer(4, 5)
    cell = cell_like(layer)
    x = torch.randn(3, 7, 4)
    fused, (h_last, c_last) = layer(x, (torch.zeros(1, 3, 5), torch.zeros(1, 3, 5)))
    h = c = torch.zeros(3, 5)
    steps = []
    for t in range(7):
        h, c = cell(x[:, t], (h, c))
        steps.append(h)
    close(fused, torch.stack(steps, 1))
    close(h_last[0], h)
    close(c_last[0], c)
    fused.pow(2).sum().backward()
    torch.stack(steps).pow(2).sum().backward()
    for left, right in zip(layer.parameters(), cell.parameters(), strict=True):
        close(gradient(left), gradient(right))


def test_the_forget_gate_starts_open_and_the_recurrent_gates_orthogonal() -> None:
    layer = LSTMLayer(4, 6, bidirectional=True)
    for end in ("", "_reverse"):
        bias = getattr(layer, f"bias_ih_l0{end}") + getattr(layer, f"bias_hh_l0{end}")
        assert bias.tolist() == [0.0] * 6 + [1.0] * 6 + [0.0] * 12
        for gate in getattr(layer, f"weight_hh_l0{end}").chunk(4):
            close(gate @ gate.T, torch.eye(6))


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("layer_norm", [False, True])
def test_a_stack_read_at_once_is_the_stack_step_by_step(depth: int, layer_norm: bool) -> None:
    stack = LSTMStack(4, 5, depth, dropout=0.5, weight_dropout=0.5, layer_norm=layer_norm).eval()
    x = torch.randn(3, 7, 4)
    whole, last = stack(x)
    state = stack.initial_state(3, x)
    for t in range(7):
        y, state = stack.step(x[:, t], state)
        close(y, whole[:, t])
    close(state.h, last.h)
    close(state.c, last.c)


def test_the_residual_begins_at_the_second_layer() -> None:
    plain, residual = LSTMStack(5, 5, 2, residual=False), LSTMStack(5, 5, 2, residual=True)
    residual.load_state_dict(plain.state_dict())
    x = torch.randn(2, 4, 5)
    first, _ = plain(x, layers=range(1))
    close(residual(x, layers=range(1))[0], first)
    close(residual(x)[0], plain(x)[0] + first)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layer_norm", [False, True])
def test_a_padded_batch_reads_as_each_alone_whatever_the_padding(bidirectional: bool, layer_norm: bool) -> None:
    encoder = LSTMEncoder(4, 5, 3, bidirectional=bidirectional, layer_norm=layer_norm)
    lengths = torch.tensor([7, 1, 0, 4, 7])
    x = torch.randn(5, 7, 4)
    together = encoder(x, lengths)
    garbage = torch.where(length_mask(lengths, 7).unsqueeze(2), x, torch.randn_like(x) * 1e6)
    close(encoder(garbage, lengths).values, together.values)
    assert together.mask.sum(1).tolist() == lengths.tolist()
    assert not together.values[~together.mask].any()
    for row, length in enumerate(lengths.tolist()):
        alone = encoder(x[row : row + 1, :length])
        close(together.values[row : row + 1, :length], alone.values)
        close(together.state.h[:, row : row + 1], alone.state.h)
        close(together.state.c[:, row : row + 1], alone.state.c)


@settings(max_examples=40, deadline=None)
@given(
    lengths=strategies.lists(strategies.integers(0, 9), min_size=1, max_size=6),
    depth=strategies.integers(1, 3),
    bidirectional=strategies.booleans(),
    extra=strategies.integers(0, 4),
)
def test_more_padding_and_another_order_change_nothing(
    lengths: list[int], depth: int, bidirectional: bool, extra: int
) -> None:
    torch.set_default_dtype(torch.float64)
    encoder = LSTMEncoder(3, 4, depth, bidirectional=bidirectional)
    width = max(lengths)
    x = torch.randn(len(lengths), width, 3)
    narrow = encoder(x, torch.tensor(lengths))
    wide = encoder(nn.functional.pad(x, (0, 0, 0, extra)).flip(0), torch.tensor(lengths[::-1]))
    close(wide.values[:, :width].flip(0), narrow.values)
    close(wide.state.c.flip(1), narrow.state.c)


def test_a_batch_of_empty_sequences_and_an_empty_batch_are_read() -> None:
    encoder = LSTMEncoder(3, 4, 2, bidirectional=True)
    assert encoder(torch.randn(2, 0, 3), torch.tensor([0, 0])).values.shape == (2, 0, 8)
    assert not encoder(torch.randn(2, 5, 3), torch.tensor([0, 0])).state.h.any()
    assert encoder(torch.randn(0, 5, 3), torch.tensor([], dtype=torch.long)).values.shape == (0, 5, 8)


@pytest.mark.parametrize("lengths", [[1, 2, 3], [8, 1], [-1, 2], [[1], [2]]])
def test_impossible_lengths_are_refused(lengths: list[int]) -> None:
    with pytest.raises(ValueError, match="lengths must be 2 numbers from 0 to 7"):
        LSTMEncoder(3, 4)(torch.randn(2, 7, 3), torch.tensor(lengths))


def test_chunks_with_carried_state_are_the_whole() -> None:
    encoder = LSTMEncoder(3, 4, 3, layer_norm=True)
    x = torch.randn(2, 10, 3)
    whole, read = encoder(x), []
    state: LSTMState | None = None
    for chunk in x.split([1, 4, 3, 2], dim=1):
        memory = encoder(chunk, state=state)
        read.append(memory.values)
        state = memory.state
    close(torch.cat(read, 1), whole.values)
    assert state is not None
    close(state.c, whole.state.c)
    stepped, state = encoder.step(x[:, 0])
    close(stepped, whole.values[:, 0])
    close(encoder.step(x[:, 1], state)[0], whole.values[:, 1])


def test_detach_truncates_backpropagation_through_time() -> None:
    encoder = LSTMEncoder(3, 4, 2)
    x = torch.randn(2, 6, 3, requires_grad=True)
    first = encoder(x[:, :3])
    encoder(x[:, 3:], state=first.state.detach()).values.sum().backward()
    assert not gradient(x)[:, :3].any()
    assert gradient(x)[:, 3:].any()
    x.grad = None
    encoder(x[:, 3:], state=first.state).values.sum().backward()
    assert gradient(x)[:, :3].any()


def test_a_bidirectional_encoder_neither_carries_state_nor_steps() -> None:
    encoder = LSTMEncoder(3, 4, bidirectional=True)
    with pytest.raises(ValueError, match="cannot carry state"):
        encoder(torch.randn(1, 2, 3), state=LSTMState(torch.zeros(2, 1, 4), torch.zeros(2, 1, 4)))
    with pytest.raises(ValueError, match="no step"):
        encoder.step(torch.randn(1, 3))


# --- dropout ----------------------------------------------------------------------------------------------------


def test_locked_dropout_keeps_its_mask_through_time_and_the_mean() -> None:
    y = LockedDropout(0.4)(torch.ones(500, 6, 20))
    assert y.unique().tolist() == pytest.approx([0, 1 / 0.6])
    assert (y == y[:, :1]).all()
    assert not (y[0] == y[1]).all()
    assert y.mean().item() == pytest.approx(1, abs=0.03)
    assert (LockedDropout(0.4).eval()(torch.ones(2, 3, 4)) == 1).all()
    for wrong in (1.0, -0.1):
        with pytest.raises(ValueError, match="dropout must be"):
            LockedDropout(wrong)


def test_weight_dropout_drops_the_recurrent_weights_once_a_sequence() -> None:
    layer = LSTMLayer(3, 4, weight_dropout=0.5)
    start = (torch.zeros(1, 2, 4), torch.zeros(1, 2, 4))
    x = torch.randn(2, 6, 3)
    torch.manual_seed(5)
    dropped, _ = layer(x, start)
    by_hand = LSTMLayer(3, 4)
    by_hand.load_state_dict(layer.state_dict())
    torch.manual_seed(5)
    with torch.no_grad():
        weight = layer.get_parameter("weight_hh_l0")
        by_hand.get_parameter("weight_hh_l0").copy_(nn.functional.dropout(weight, 0.5))
    close(dropped, by_hand(x, start)[0])
    assert not torch.allclose(dropped, layer.eval()(x, start)[0])
    close(layer(x, start)[0], layer(x, start)[0])


def test_weight_dropout_is_the_same_packed_and_unpacked() -> None:
    stack = LSTMStack(3, 4, 1, bidirectional=True, weight_dropout=0.5)
    x = torch.randn(3, 6, 3)
    torch.manual_seed(5)
    packed, state = stack(x, torch.tensor([2, 6, 3]))
    torch.manual_seed(5)
    alone, alone_state = stack(x[1:2])
    close(packed[1:2], alone)
    close(state.c[:, 1:2], alone_state.c)


# --- attention and bridge ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dot", "general", "additive"])
def test_attention_sums_to_one_and_gives_nothing_to_padding(name: str) -> None:
    attention = create_attention(name, 10, 10)
    memory = memory_of()
    query = torch.randn(3, 5, 10)
    context, weights = attention(query, memory.values, attention.keys(memory.values), memory.mask)
    close(weights.sum(-1), torch.ones(3, 5))
    assert (weights[~memory.mask.unsqueeze(1).expand(-1, 5, -1)] == 0).all()
    close(context, weights @ memory.values)
    alone, _ = attention(
        query[1:2], memory.values[1:2, :2], attention.keys(memory.values[1:2, :2]), memory.mask[1:2, :2]
    )
    close(context[1:2], alone)


@pytest.mark.parametrize("name", ["dot", "general", "additive"])
def test_an_empty_source_gives_zeros_and_finite_gradients(name: str) -> None:
    attention = create_attention(name, 4, 4)
    values = torch.zeros(1, 3, 4, requires_grad=True)
    query = torch.randn(1, 2, 4, requires_grad=True)
    context, weights = attention(query, values, attention.keys(values), torch.zeros(1, 3, dtype=torch.bool))
    assert not context.any()
    assert not weights.any()
    (context.sum() + weights.sum()).backward()
    assert torch.isfinite(gradient(query)).all()


def test_attention_sums_to_one_however_bad_the_scores_are() -> None:
    values, mask = -torch.ones(1, 3, 4), torch.tensor([[True, True, False]])
    _, weights = create_attention("dot", 4, 4)(1e9 * torch.ones(1, 1, 4), values, values, mask)
    assert weights.tolist() == [[[0.5, 0.5, 0.0]]]


def test_attention_scores_are_those_of_the_papers() -> None:
    query, values = torch.randn(1, 1, 4), torch.randn(1, 3, 4)
    dot, general, additive = (create_attention(name, 4, 4) for name in ("dot", "general", "additive"))
    close(dot.scores(query, dot.keys(values))[0, 0], values[0] @ query[0, 0])
    close(
        general.scores(query, general.keys(values))[0, 0],
        values[0] @ general.get_parameter("project.weight").T @ query[0, 0],
    )
    inner = torch.tanh(
        additive.get_submodule("project_query")(query[0]) + additive.get_submodule("project_memory")(values[0])
    )
    close(additive.scores(query, additive.keys(values))[0, 0], inner @ additive.get_parameter("energy.weight")[0])


def test_unknown_attention_and_unequal_dot_widths_are_refused() -> None:
    with pytest.raises(ValueError, match="must be one of dot, general, additive"):
        create_attention("cosine", 4, 4)
    with pytest.raises(ValueError, match="of one width"):
        create_attention("dot", 4, 5)


def test_the_bridge_uses_every_layer_of_h_and_c() -> None:
    bridge = Bridge(4 * 5, 3, 7)
    state = LSTMState(torch.randn(4, 2, 5, requires_grad=True), torch.randn(4, 2, 5, requires_grad=True))
    first = bridge(state)
    assert first.h.shape == first.c.shape == (3, 2, 7)
    first.h.sum().backward()
    assert gradient(state.h).abs().sum((1, 2)).gt(0).all()
    assert state.c.grad is None
    first = bridge(state)
    first.c.sum().backward()
    assert gradient(state.c).abs().sum((1, 2)).gt(0).all()


# --- the decoder ------------------------------------------------------------------------------------------------

KINDS: list[tuple[int, int, AttentionKind, bool]] = [
    (1, 1, "general", False),
    (2, 1, "dot", False),
    (2, 2, "additive", True),
    (3, 2, "general", True),
    (4, 1, "additive", False),
]
DECODERS = [
    {"num_layers": depth, "attention": AttentionConfig(attention, place), "layer_norm": norm}
    for depth, place, attention, norm in KINDS
]


def decoder_of(**settings: object) -> LSTMDecoder:
    return LSTMDecoder(
        11, 8, 10, memory_size=10, state_size=20, padding=0, dropout=0.3, input_dropout=0.3, output_dropout=0.3,
        weight_dropout=0.3, **settings,  # type: ignore[arg-type]
    ).eval()  # fmt: skip


@pytest.mark.parametrize("settings", DECODERS)
def test_the_whole_target_at_once_is_the_target_step_by_step(settings: dict[str, object]) -> None:
    decoder, memory = decoder_of(**settings), memory_of()
    tokens = torch.randint(1, 11, (3, 6))
    fused = decoder(tokens, memory)
    state = decoder.start(memory)
    for t in range(6):
        logits, state = decoder.step(tokens[:, t : t + 1], state)
        close(logits, fused.logits[:, t : t + 1])
        assert fused.attention is not None
        close(state.attention, fused.attention[:, t : t + 1])
    close(state.lstm.c, fused.state.lstm.c)
    close(fused.attention.sum(-1), torch.ones(3, 6))


def test_hypotheses_share_one_memory_and_answer_as_each_alone() -> None:
    decoder, memory = decoder_of(num_layers=3, attention=AttentionConfig(layer=2)), memory_of()
    state = decoder.start(memory)
    tokens = torch.randint(1, 11, (3, 4))
    wide = state.reorder(torch.zeros(3, 4, dtype=torch.long))
    assert wide.values is memory.values
    logits, wide = decoder.step(tokens, wide)
    for k in range(4):
        alone, one = decoder.step(tokens[:, k : k + 1], state)
        close(logits[:, k : k + 1], alone)
        close(wide.lstm.h[:, :, k : k + 1], one.lstm.h)
    parents = torch.tensor([[3, 3], [0, 1], [2, 0]])
    turned = wide.reorder(parents)
    assert turned.attention is not None
    assert wide.attention is not None
    for b in range(3):
        close(turned.lstm.c[:, b], wide.lstm.c[:, b, parents[b]])
        close(turned.attention[b], wide.attention[b, parents[b]])
    selected = wide.select(torch.tensor([2, 0]))
    close(selected.lstm.h, wide.lstm.h[:, [2, 0]])
    close(decoder.step(tokens[[2, 0]], selected)[0], decoder.step(tokens, wide)[0][[2, 0]])


@pytest.mark.parametrize("tied", [True, False])
def test_with_no_memory_it_is_a_language_model_that_reads_in_chunks(tied: bool) -> None:
    model = LSTMDecoder(11, 8, 10, 2, tied=tied, padding=0)
    tokens = torch.randint(1, 11, (3, 9))
    whole = model(tokens)
    assert whole.attention is None
    first = model(tokens[:, :4])
    second = model(tokens[:, 4:], state=first.state)
    close(torch.cat([first.logits, second.logits], 1), whole.logits)
    logits, _ = model.step(tokens[:, 4:5], first.state)
    close(logits, whole.logits[:, 4:5])
    model(tokens[:, 4:], state=model(tokens[:, :4]).state.detach()).logits.sum().backward()
    used_before = set(tokens[:, :4].flatten().tolist()) - set(tokens[:, 4:].flatten().tolist())
    if not tied:
        assert all(not gradient(model.embedding.weight)[token].any() for token in used_before)
    assert (model.output.weight is model.embedding.weight) is tied


def test_decoder_settings_that_cannot_be_are_refused() -> None:
    for place in (0, 3):
        with pytest.raises(ValueError, match="layer must be from 1 to 2"):
            decoder_of(num_layers=2, attention=AttentionConfig(layer=place))
    decoder = decoder_of()
    wide = decoder.start(memory_of()).reorder(torch.zeros(3, 2, dtype=torch.long))
    with pytest.raises(ValueError, match="the state holds 2"):
        decoder(torch.ones(3, 4, dtype=torch.long), state=wide)
    with pytest.raises(TypeError, match="attention_place"):
        decoder_of(attention_place=1)


def test_a_decoder_made_for_a_memory_does_not_act_as_a_language_model() -> None:
    tokens, looking, blind = torch.ones(3, 4, dtype=torch.long), decoder_of(), LSTMDecoder(11, 8, 10)
    bare = blind.start(None, batch=3)
    for call in (
        lambda: looking.start(None),
        lambda: looking(tokens),
        lambda: looking(tokens, state=bare),
        lambda: looking.step(tokens[:, :1], bare),
    ):
        with pytest.raises(ValueError, match=r"looks into a memory .*but was given none: give start or forward"):
            call()
    seen = looking.start(memory_of())
    for call in (
        lambda: blind.start(memory_of()),
        lambda: blind(tokens, memory_of()),
        lambda: blind(tokens, state=seen),
        lambda: blind.step(tokens[:, :1], seen),
    ):
        with pytest.raises(ValueError, match="without a memory_size"):
            call()


def test_a_way_of_looking_may_be_said_as_before_for_one_release() -> None:
    torch.manual_seed(0)
    new = decoder_of(num_layers=3, attention=AttentionConfig("additive", 2, gate=True))
    torch.manual_seed(0)
    with pytest.warns(FutureWarning, match=r"give attention=AttentionConfig\(kind='additive', layer=2, gate=True\)"):
        old = decoder_of(num_layers=3, attention="additive", attention_layer=2, attention_gate=True)
    tokens, memory = torch.randint(1, 11, (3, 6)), memory_of()
    close(old(tokens, memory).logits, new(tokens, memory).logits)


def test_names_of_before_answer_with_a_warning() -> None:
    from seqcore import nn as bricks

    with pytest.warns(FutureWarning, match="remember_for is called seqcore.nn.stack.chrono_init_"):
        assert bricks.remember_for is bricks.chrono_init_
    state = decoder_of().start(memory_of())
    with pytest.warns(FutureWarning, match="DecoderState.keep is called DecoderState.select"):
        same = state.keep(torch.tensor([2])).values
    assert state.values is not None
    close(same, state.values[2:])


def test_settings_after_the_number_of_layers_are_named() -> None:
    bricks: tuple[Any, ...] = (LSTMStack, LSTMEncoder, LSTMDecoder)
    for brick in bricks:
        with pytest.raises(TypeError, match="positional"):
            brick(4, 5, 2, 1, True)


# --- the baselines ----------------------------------------------------------------------------------------------


def test_the_plain_rnn_is_elmans_and_carries_its_state() -> None:
    model = PlainRNN(3, 4)
    x, h = torch.randn(2, 5, 3), torch.zeros(2, 4)
    whole, last = model(x)
    weights = dict(model.rnn.named_parameters())
    for t in range(5):
        h = torch.tanh(x[:, t] @ weights["weight_ih_l0"].T + h @ weights["weight_hh_l0"].T + weights["bias_ih_l0"])
        close(whole[:, t], h)
    close(last[0], h)
    first, carried = model(x[:, :2])
    close(torch.cat([first, model(x[:, 2:], state=carried)[0]], 1), whole)


def test_the_window_mlp_sees_its_window_and_nothing_else() -> None:
    model = WindowMLP(3, 4, 16, 2)
    x = torch.randn(2, 9, 3, requires_grad=True)
    model(x, torch.tensor([9, 7])).pow(2).sum().backward()
    seen = gradient(x).abs().sum(2) > 0
    assert seen.tolist() == [[5 <= t < 9 for t in range(9)], [3 <= t < 7 for t in range(9)]]
    close(model(x[:, :2]), model(nn.functional.pad(x[:, :2], (0, 0, 2, 0))))
    with pytest.raises(ValueError, match="window and num_layers"):
        WindowMLP(3, 0, 16, 2)


@pytest.mark.slow
def test_the_adding_problem_needs_gates() -> None:
    """Hochreiter & Schmidhuber (1997): two numbers to be added lie up to 50 steps apart."""
    torch.set_default_dtype(torch.float32)
    ours = solve("LSTM", 50, steps=3000)
    assert ours.error < 0.01
    for name in ("plain RNN", "window MLP"):
        other = solve(name, 50, steps=ours.steps)
        assert other.error > 0.05
        assert 0.8 < other.parameters / ours.parameters < 1.25
