"""Gates written out are the module's own; gradients through time are those of finite differences."""

import math
import threading
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqcore.explain import GateTrace, clipped_norm, gradient_flow, recorded_gates, trace_gates
from seqcore.nn import LSTMDecoder, LSTMEncoder, LSTMStack, LSTMState, PlainRNN


def stack_of(layers: int = 2, dtype: torch.dtype = torch.float64, **settings: Any) -> LSTMStack:
    torch.manual_seed(0)
    stack = LSTMStack(3, 4, layers, **settings).to(dtype)
    for weight in stack.parameters():
        nn.init.normal_(weight, std=0.5)
    return stack.eval()


def output_of(stack: LSTMStack, traces: list[GateTrace]) -> Tensor:
    """What a stack says, put together from its traces."""
    x = torch.empty(0)
    width = stack.directions
    for layer in range(len(stack.layers)):
        y = torch.cat([trace.hidden for trace in traces[layer * width : (layer + 1) * width]], -1)
        x = x + y if stack.residual and layer else y
    return x


@pytest.mark.parametrize("lengths", [None, [6, 6, 6], [6, 2, 4], [5, 0, 1], [0, 0, 0]])
@pytest.mark.parametrize(
    "settings",
    [{}, {"bidirectional": True}, {"residual": False}, {"layer_norm": True}, {"bidirectional": True, "layers": 3}],
)
def test_gates_written_out_give_the_output_and_the_state_of_the_stack(
    settings: dict[str, Any], lengths: list[int] | None
) -> None:
    stack = stack_of(**settings)
    x, real = torch.randn(3, 6, 3, dtype=torch.float64), None if lengths is None else torch.tensor(lengths)
    carried = LSTMState(*(torch.randn_like(part[..., :1].expand(-1, 3, 4)) for part in stack.initial_state(3, x)))
    for state in (None, carried):
        wanted, last = stack(x, real, state)
        traces = trace_gates(stack, x, real, state)
        torch.testing.assert_close(output_of(stack, traces), wanted, rtol=0, atol=1e-10)
        for place, part in enumerate(last):
            states = torch.stack([trace.state[place] for trace in traces])
            torch.testing.assert_close(states, part, rtol=0, atol=1e-10)


def test_gates_are_the_equations_of_the_cell() -> None:
    trace = trace_gates(stack_of(dtype=torch.float32), torch.randn(2, 5, 3))[1]
    for gate in (trace.input, trace.forget, trace.output):
        assert 0 < float(gate.min()) < float(gate.max()) < 1
    before = torch.cat([torch.zeros(2, 1, 4), trace.cell[:, :-1]], 1)
    torch.testing.assert_close(trace.cell, trace.forget * before + trace.input * trace.candidate)
    torch.testing.assert_close(trace.hidden, trace.output * trace.cell.tanh())
    assert (trace.layer, trace.backward) == ("layers.1", False)


def test_single_precision_agrees_as_far_as_it_can() -> None:
    stack = stack_of(dtype=torch.float32, bidirectional=True)
    x, lengths = torch.randn(3, 6, 3), torch.tensor([6, 1, 3])
    torch.testing.assert_close(
        output_of(stack, trace_gates(stack, x, lengths)), stack(x, lengths)[0], rtol=0, atol=1e-5
    )


def test_any_network_is_recorded_as_it_runs() -> None:
    torch.manual_seed(0)
    encoder = LSTMEncoder(5, 4, 2, bidirectional=True)
    decoder = LSTMDecoder(9, 5, 4, 3, memory_size=8, state_size=encoder.state_size)
    network = nn.ModuleDict({"encoder": encoder, "decoder": decoder}).double().eval()
    with recorded_gates(network) as recording:
        memory = encoder(decoder.embedding(torch.tensor([[1, 2, 3, 4], [5, 6, 0, 0]])), torch.tensor([4, 2]))
        _, _, state = decoder.features(torch.tensor([[1, 2], [3, 4]]), memory)
    traces = {(trace.layer, trace.backward): trace for trace in recording.traces()}
    assert len(traces) == 2 * 2 + 3
    torch.testing.assert_close(traces["encoder.stack.layers.0", True].state[1], memory.state.c[1], rtol=0, atol=1e-10)
    for layer in range(3):  # two stand above the attention, and are run on their own
        trace = traces[f"decoder.stack.layers.{layer}", False]
        torch.testing.assert_close(trace.state[0], state.lstm.h[layer, :, 0], rtol=0, atol=1e-10)


def test_chunks_are_put_together_and_nothing_is_left_behind() -> None:
    stack, x = stack_of(), torch.randn(2, 7, 3, dtype=torch.float64)
    whole = trace_gates(stack, x)
    with recorded_gates(stack) as recording:
        _, state = stack(x[:, :3])
        stack(x[:, 3:], state=state)
    for ours, theirs in zip(recording.traces(), whole, strict=True):
        torch.testing.assert_close(ours.cell, theirs.cell)
    stack(x)
    assert recording.traces()[0].cell.shape[1] == 7
    with recorded_gates(stack) as recording:
        stack(x)
        stack(x[:1])
    with pytest.raises(ValueError, match=r"layers\.0 was run 2 times, and not on chunks of one sequence"):
        recording.traces()
    with recorded_gates(stack) as recording:
        pass
    assert recording.traces() == []


def test_what_other_threads_run_is_not_recorded() -> None:
    stack, x = stack_of(), torch.randn(1, 4, 3, dtype=torch.float64)
    with recorded_gates(stack) as recording:
        other = threading.Thread(target=stack, args=(torch.randn(5, 9, 3, dtype=torch.float64),))
        other.start()
        other.join()
        stack(x)
    assert recording.traces()[0].cell.shape == (1, 4, 4)


# Gradients through time


def network_of(kind: str, layers: int, forget_bias: float = 1.0, hidden: int = 5, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    network: Any = PlainRNN(3, hidden, layers) if kind == "rnn" else LSTMStack(3, hidden, layers, residual=False)
    for name, weight in network.named_parameters():
        if kind == "lstm" and "bias_ih" in name:
            weight.data[hidden : 2 * hidden] = forget_bias
    return network.double()


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", ["rnn", "lstm"])
def test_gradients_are_those_of_finite_differences(kind: str, layers: int) -> None:
    network, x = network_of(kind, layers), torch.randn(1, 6, 3, dtype=torch.float64)
    direction = nn.functional.normalize(torch.randn(5, dtype=torch.float64), dim=0)
    flow = gradient_flow(network, x, direction)
    assert float(flow.norms[0]) == pytest.approx(1)
    for distance in (1, 2, 5):
        cut = x.shape[1] - distance

        def loss(moved: Tensor, cut: int = cut) -> Tensor:
            """What follows from the state that the first steps hand on."""
            _, state = network(x[:, :cut])
            h = state.h if kind == "lstm" else state
            h = h + moved.view_as(h)
            y, _ = network(x[:, cut:], state=LSTMState(h, state.c) if kind == "lstm" else h)
            return y[0, -1] @ direction

        steps = 1e-5 * torch.eye(5 * layers, dtype=torch.float64)
        with torch.no_grad():
            slopes = torch.stack([(loss(step) - loss(-step)) / 2e-5 for step in steps])
        assert float(flow.norms[distance]) == pytest.approx(float(slopes.norm()), rel=1e-6)


def test_gradients_of_the_weights_are_autograd_s() -> None:
    network, x = network_of("lstm", 2), torch.randn(3, 6, 3, dtype=torch.float64)
    direction = torch.randn(5, dtype=torch.float64)
    flow = gradient_flow(network, x, direction)
    (network(x)[0][:, -1] @ direction).mean().backward()
    for ours, weight in zip(flow.gradients, network.parameters(), strict=True):
        torch.testing.assert_close(ours, weight.grad)
    whole = torch.cat([weight.grad.flatten() for weight in network.parameters()])
    assert flow.weights == pytest.approx(float(whole.norm()))


@pytest.mark.parametrize("kind", ["rnn", "lstm"])
def test_truncation_leaves_exactly_nothing_beyond(kind: str) -> None:
    network, x = network_of(kind, 2), torch.randn(2, 9, 3, dtype=torch.float64)
    direction = torch.randn(5, dtype=torch.float64)
    whole = gradient_flow(network, x, direction)
    for truncation in (1, 4, 8, 9, 20):
        cut = gradient_flow(network, x, direction, truncation)
        torch.testing.assert_close(cut.norms[:truncation], whole.norms[:truncation])
        assert cut.norms[truncation:].tolist() == [0.0] * max(0, 9 - truncation)
        assert float(whole.norms.min()) > 0
    torch.testing.assert_close(cut.weights, whole.weights)


def test_a_forget_bias_of_one_keeps_a_gradient_longer_and_a_plain_network_loses_it() -> None:
    x, direction = torch.randn(2, 40, 3, dtype=torch.float64), torch.ones(16, dtype=torch.float64) / 4
    for seed in range(3):
        remembered, lost, plain = (
            float(gradient_flow(network_of(kind, 1, bias, 16, seed), x, direction).norms[35])
            for kind, bias in (("lstm", 1.0), ("lstm", 0.0), ("rnn", 0.0))
        )
        assert remembered > 100 * lost
        assert remembered > plain


def test_a_large_recurrent_matrix_explodes_and_clipping_shortens_alone() -> None:
    network, x = network_of("rnn", 1, hidden=16), 0.3 * torch.randn(4, 60, 3, dtype=torch.float64)
    network.rnn.weight_hh_l0.data.mul_(3)
    flow = gradient_flow(network, x, torch.ones(16, dtype=torch.float64) / 4)
    assert float(flow.norms[50]) > 1e3
    assert clipped_norm(flow, 1.0) == pytest.approx(1, rel=1e-5)
    assert clipped_norm(flow, 1e30) == flow.weights
    assert math.isfinite(flow.weights)


def test_what_cannot_be_measured_is_told() -> None:
    direction = torch.ones(4, dtype=torch.float64)
    with pytest.raises(ValueError, match="both ends"):
        gradient_flow(stack_of(bidirectional=True), torch.zeros(1, 2, 3, dtype=torch.float64), direction)
    with pytest.raises(ValueError, match="not 1, 0, 0"):
        gradient_flow(stack_of(), torch.zeros(1, 0, 3, dtype=torch.float64), direction)
    with pytest.raises(ValueError, match="threshold must be above 0"):
        clipped_norm(gradient_flow(stack_of(), torch.zeros(1, 2, 3, dtype=torch.float64), direction), 0)
