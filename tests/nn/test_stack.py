"""The layer, the stack and the encoder, each against a plain loop; their dropout; and the baselines."""

import pytest
import torch
from bricks import close, gradient
from hypothesis import given, settings, strategies
from torch import nn

from benchmarks.adding import solve
from seqcore.nn import (
    LockedDropout,
    LSTMEncoder,
    LSTMLayer,
    LSTMStack,
    LSTMState,
    PlainRNN,
    WindowMLP,
    length_mask,
)

pytestmark = pytest.mark.usefixtures("double_precision")


# The layer and the stack


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


# Dropout


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


# The baselines


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
