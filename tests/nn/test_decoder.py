"""Attention, the bridge and the decoder, at once and step by step."""

from typing import Any

import pytest
import torch
from bricks import close, gradient, memory_of

from seqcore.nn import (
    AttentionConfig,
    AttentionKind,
    Bridge,
    LSTMDecoder,
    LSTMEncoder,
    LSTMStack,
    LSTMState,
    create_attention,
)

pytestmark = pytest.mark.usefixtures("double_precision")


# Attention and bridge


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


# The decoder

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
