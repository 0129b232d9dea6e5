"""Search on hand-made log-probabilities: no model, so every right answer can be worked out in plain Python."""

import dataclasses
import json
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from logit_tables import (
    EOS,
    PAD,
    START,
    Past,
    Table,
    constrained,
    every_answer,
    probabilities,
    quick,
    random_rows,
    same,
    settings_of,
)
from torch import Tensor

from seqcore.decoding import (
    GenerationConfig,
    beam_search,
    greedy,
    length_penalty,
    sample,
    search,
    stream,
)

rules = st.fixed_dictionaries(
    {
        "max_length": st.integers(1, 4),
        "length_penalty": st.sampled_from([0.0, 0.6, 1.0, 2.0]),
        "min_length": st.integers(0, 1),
        "no_repeat_ngram_size": st.integers(0, 3),
        "repetition_penalty": st.sampled_from([1.0, 1.7, 0.6]),
        "forced_prefix": st.sampled_from([(), (3,), (4, 4)]),
        "banned_tokens": st.sampled_from([(), (START,), (START, 4)]),
    }
)


# What a search returns


@quick
@given(seed=st.integers(0, 10**6), rules=rules, n_best=st.sampled_from([1, 3, 200]))
def test_a_beam_of_full_width_is_brute_force(seed: int, rules: dict[str, Any], n_best: int) -> None:
    config = settings_of(beam_size=256, n_best=n_best, **rules)
    (hypotheses,) = Table(random_rows(seed)).run(config, how=beam_search)
    expected = every_answer(random_rows(seed), config)[:n_best]
    assert [(not h.finished, h.tokens) for h in hypotheses] == [(cut, tokens) for cut, _, tokens in expected]
    assert [h.score for h in hypotheses] == pytest.approx([-score for _, score, _ in expected])


@quick
@given(seed=st.integers(0, 10**6), rules=rules, sentences=st.lists(st.integers(0, 9), max_size=4))
def test_a_beam_of_one_is_greedy(seed: int, rules: dict[str, Any], sentences: list[int]) -> None:
    table = Table(random_rows(seed))
    expected = table.run(settings_of(**rules), sentences, greedy)
    for answers in (
        table.run(settings_of(**rules), sentences, beam_search),
        table.run(settings_of(**rules), sentences),
    ):
        assert all(same(hypotheses, one) for hypotheses, one in zip(answers, expected, strict=True))


def test_greedy_and_a_beam_of_one_prefer_the_lowest_of_equal_tokens() -> None:
    table = Table(lambda sentence, prefix: [0.0] * 50)
    for how in (greedy, beam_search):
        assert table.run(settings_of(max_length=3), how=how)[0][0].tokens == (1, 1, 1)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), seed=st.integers(0, 10**6), rules=rules, kind=st.sampled_from(["greedy", "beam", "sample"]))
def test_a_batch_gives_what_its_sentences_give_alone_in_any_order(
    data: st.DataObject, seed: int, rules: dict[str, Any], kind: str
) -> None:
    sentences = data.draw(st.lists(st.integers(0, 9), min_size=2, max_size=5))
    rules["max_length"] = tuple(data.draw(st.integers(0, 5)) for _ in sentences)
    how = {"greedy": {}, "beam": {"beam_size": 3, "n_best": 2}, "sample": {"do_sample": True, "seed": 5, "n_best": 3}}
    table = Table(random_rows(seed))
    together = table.run(settings_of(**rules, **how[kind]), sentences)
    for sentence, limit, hypotheses in zip(sentences, rules["max_length"], together, strict=True):
        (alone,) = table.run(settings_of(**{**rules, **how[kind], "max_length": (limit,)}), [sentence])
        assert same(hypotheses, alone)


def test_a_beam_follows_its_parents_when_sentences_leave() -> None:
    table, limits = Table(random_rows(1, vocabulary=9)), (2, 7, 3, 7, 5)
    config = settings_of(beam_size=4, n_best=4, min_length=2, no_repeat_ngram_size=2, max_length=limits)
    for sentence, limit, hypotheses in zip(range(5), limits, table.run(config, range(5)), strict=True):
        assert same(hypotheses, table.run(dataclasses.replace(config, max_length=(limit,)), [sentence])[0])


GARDEN_PATH = probabilities({(): {3: 0.6, 4: 0.4}, (3,): {5: 0.5, 6: 0.5}, (4,): {5: 0.9, 6: 0.1}})


def test_a_beam_finds_what_greedy_misses() -> None:
    config = settings_of(length_penalty=0.0)
    ((first,),) = Table(GARDEN_PATH).run(config, how=greedy)
    assert first.tokens == (3, 5)
    assert math.exp(first.log_probability) == pytest.approx(0.30)
    ((best, second),) = Table(GARDEN_PATH).run(dataclasses.replace(config, beam_size=2, n_best=2), how=beam_search)
    assert best.tokens == (4, 5)
    assert math.exp(best.log_probability) == pytest.approx(0.36)
    assert second.log_probability == pytest.approx(math.log(0.30))


def test_an_end_outside_the_best_of_its_step_finishes_nothing() -> None:
    table = Table(probabilities({(): {3: 0.5, 4: 0.3, EOS: 0.2}, (3,): {5: 1.0}, (4,): {5: 0.6, 6: 0.4}}))
    (hypotheses,) = table.run(settings_of(beam_size=2, n_best=2, length_penalty=0.0))
    assert [h.tokens for h in hypotheses] == [(3, 5), (4, 5)]  # with 0.5 and 0.18, though the empty answer has 0.2


def test_a_finished_hypothesis_makes_room_for_another_at_the_next_step() -> None:
    table = Table(probabilities({(): {EOS: 0.5, 3: 0.3, 4: 0.2}, (3,): {5: 0.6, 6: 0.4}}))
    (hypotheses,) = table.run(settings_of(beam_size=2, n_best=2, length_penalty=9.0))
    assert [h.tokens for h in hypotheses] == [(3, 5), (3, 6)]


@quick
@given(seed=st.integers(0, 10**6), beam_size=st.integers(1, 6), rules=rules)
def test_the_n_best_are_sorted_and_different_and_the_first_of_more(
    seed: int, beam_size: int, rules: dict[str, Any]
) -> None:
    table = Table(random_rows(seed))
    (hypotheses,) = table.run(settings_of(beam_size=beam_size, n_best=beam_size, **rules), how=beam_search)
    ranks = [(h.finished, h.score) for h in hypotheses]
    assert ranks == sorted(ranks, reverse=True)
    assert len({(h.tokens, h.finished) for h in hypotheses}) == len(hypotheses) >= 1
    (one,) = table.run(settings_of(beam_size=beam_size, n_best=1, **rules), how=beam_search)
    assert same(one, hypotheses[:1])


@pytest.mark.parametrize("config", [{}, {"beam_size": 3, "n_best": 3}, {"do_sample": True, "n_best": 3, "seed": 0}])
def test_a_hypothesis_accounts_for_its_score(config: dict[str, Any]) -> None:
    row = random_rows(3)
    seen = set()
    for sentence in range(8):
        settings_ = settings_of(**config, length_penalty=0.8)
        for h in Table(row).run(settings_, [sentence])[0]:
            steps = [
                constrained(row(sentence, h.tokens[:t]), h.tokens[:t], settings_) for t in range(len(h.tokens) + 1)
            ]
            expected = [step[token] for step, token in zip(steps, h.tokens, strict=False)]
            assert list(h.token_log_probabilities) == pytest.approx(expected)
            assert h.end_log_probability == (pytest.approx(steps[-1][EOS]) if h.finished else 0.0)
            assert h.log_probability == pytest.approx(sum(expected) + h.end_log_probability)
            assert h.score == pytest.approx(h.log_probability / length_penalty(len(h.tokens) + h.finished, 0.8))
            assert h.finished or len(h.tokens) == 4
            seen.add(h.finished)
    assert seen == {True, False}


def test_the_length_penalty_is_that_of_the_paper() -> None:
    assert length_penalty(1, 0.6) == 1
    assert length_penalty(13, 0.6) == pytest.approx(18**0.6 / 6**0.6)
    table = Table(probabilities({(): {EOS: 0.5, 3: 0.5}, (3,): {4: 0.9}, (3, 4): {5: 0.9}}))
    for alpha, best in ((0.0, ()), (2.0, (3, 4, 5))):
        assert table.run(settings_of(beam_size=2, length_penalty=alpha))[0][0].tokens == best


@pytest.mark.parametrize("config", [{}, {"beam_size": 3, "n_best": 3}, {"do_sample": True, "n_best": 3, "seed": 0}])
def test_attention_is_that_of_the_hypothesis_and_its_ancestors(config: dict[str, Any]) -> None:
    answers = Table(random_rows(8)).run(settings_of(**config, max_length=6), [4, 7, 5])
    assert len({len(h.tokens) for hypotheses in answers for h in hypotheses}) > 1
    for sentence, hypotheses in zip([4, 7, 5], answers, strict=True):
        for h in hypotheses:
            fed = (START, *h.tokens)[: len(h.tokens)]
            assert h.attention is not None
            assert h.attention.shape == (len(h.tokens), 3)
            assert h.attention.tolist() == [[sentence, token, t] for t, token in enumerate(fed)]
            assert not h.attention.is_inference()


# When a search stops


def test_finished_sentences_leave_the_batch() -> None:
    def row(sentence: int, prefix: tuple[int, ...]) -> list[float]:
        return [0.0, 0.0, 30.0 if len(prefix) >= sentence else -30.0, 1.0, 0.5]

    for config in ({}, {"beam_size": 3}, {"do_sample": True, "n_best": 2, "seed": 1}):
        table = Table(row)
        answers = table.run(settings_of(max_length=(9, 9, 9, 2, 0), **config), [3, 1, 2, 8, 0])
        assert table.batches == [(3, 1, 2, 8), (3, 1, 2, 8), (3, 2), (3,)]
        assert [len(hypotheses[0].tokens) for hypotheses in answers] == [3, 1, 2, 2, 0]


@pytest.mark.parametrize(
    ("alpha", "limit", "steps", "lengths"),
    [
        (0.0, 8, 1, [0]),  # 0.6 has ended, 0.4 is live and can only fall
        (1.0, 5, 1, [0]),  # at best it becomes log 0.4 / (10 / 6) = -0.55, below log 0.6 / 1 = -0.51
        (1.0, 8, 8, [7]),  # log 0.4 / (13 / 6) = -0.42 can win, and does
        (0.0, 8, 8, [0, 7]),  # a second one is wanted
    ],
)
def test_a_sentence_stops_when_no_live_hypothesis_can_win(
    alpha: float, limit: int, steps: int, lengths: list[int]
) -> None:
    chain = {(3, *[4] * n): {4: 1.0} for n in range(6)}
    table = Table(probabilities({(): {EOS: 0.6, 3: 0.4}, **chain}))
    (hypotheses,) = table.run(settings_of(beam_size=2, n_best=len(lengths), length_penalty=alpha, max_length=limit))
    assert len(table.batches) == steps
    assert [len(h.tokens) for h in hypotheses] == lengths


def test_nothing_is_searched_for_an_empty_batch_or_at_length_zero() -> None:
    table = Table(random_rows(0))
    for config in (settings_of(), settings_of(beam_size=2, n_best=2), settings_of(do_sample=True, n_best=3)):
        assert table.run(config, []) == []
        (hypotheses,) = table.run(dataclasses.replace(config, max_length=0))
        assert [dataclasses.astuple(h) for h in hypotheses] == [((), (), 0.0, 0.0, 0.0, None, False)]
    assert table.batches == []


def test_answers_cut_at_the_maximum_length_come_after_finished_ones() -> None:
    table = Table(probabilities({(): {3: 0.9, EOS: 0.1}, (3,): {4: 0.9, 5: 0.1}, (3, 4): {6: 0.9, 5: 0.1}}))
    (hypotheses,) = table.run(settings_of(beam_size=3, n_best=3, max_length=3))
    assert [(h.tokens, h.finished) for h in hypotheses] == [((3, 5), True), ((), True), ((3, 4, 6), False)]
    (hypotheses,) = table.run(settings_of(beam_size=1, n_best=1, max_length=2))
    assert [(h.tokens, h.finished) for h in hypotheses] == [((3, 4), False)]


# Streaming and choosing


@quick
@given(
    seed=st.integers(0, 10**6),
    rules=rules,
    kind=st.sampled_from([{}, {"beam_size": 3, "n_best": 2}, {"do_sample": True, "seed": 3, "n_best": 2}]),
)
def test_a_stream_ends_with_the_best_of_a_search(seed: int, rules: dict[str, Any], kind: dict[str, Any]) -> None:
    table, config = Table(random_rows(seed)), settings_of(**rules, **kind)
    seen = list(table.run(config, how=stream))
    steps = len(table.batches)
    assert len(seen) == steps
    assert same(seen[-1:], table.run(config)[0][:1])
    if not kind:
        assert [h.tokens for h in seen] == [seen[-1].tokens[: t + 1] for t in range(steps)]
    assert all(len(h.tokens) + h.finished <= t + 1 for t, h in enumerate(seen))


def test_a_stream_shows_the_best_so_far_and_changes_its_mind() -> None:
    seen = Table(GARDEN_PATH).run(settings_of(beam_size=2, length_penalty=0.0), how=stream)
    assert [(h.tokens, h.finished) for h in seen] == [((3,), False), ((4, 5), False), ((4, 5), True)]
    longer = Table(probabilities({(): {EOS: 0.5, 3: 0.3, 4: 0.2}, (3,): {5: 1.0}, (3, 5): {6: 1.0}}))
    seen = longer.run(settings_of(beam_size=2, length_penalty=2.0), how=stream)  # log 0.3 / (8 / 6)² > log 0.5
    assert [(h.tokens, h.finished) for h in seen] == [
        ((), True),
        ((), True),
        ((3, 5, 6), False),
        ((3, 5, 6), True),
    ]
    seen = Table(random_rows(0)).run(settings_of(max_length=0), how=stream)
    assert [h.tokens for h in seen] == [()]


def test_streams_do_not_disturb_each_other_or_their_caller() -> None:
    table, config = Table(random_rows(5)), settings_of(beam_size=3, max_length=6, min_length=4)
    alone = [[h.tokens for h in table.run(config, [sentence], stream)] for sentence in (0, 1)]
    together = []
    for first, second in zip(*(table.run(config, [s], stream) for s in (0, 1)), strict=True):
        together.append((first.tokens, second.tokens))
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
    assert len(together) > 4
    assert together == list(zip(*alone, strict=True))


def test_search_chooses_by_the_configuration() -> None:
    table = Table(random_rows(11))
    for how, config in (
        (greedy, settings_of()),
        (beam_search, settings_of(beam_size=4, n_best=3)),
        (sample, settings_of(do_sample=True, seed=2, n_best=6, beam_size=2)),
    ):
        expected = table.run(config, range(4), how)
        assert all(same(hypotheses, one) for hypotheses, one in zip(table.run(config, range(4)), expected, strict=True))
        assert [len(hypotheses) for hypotheses in expected] == [config.n_best] * 4


# What is asked of a step function, and of a configuration


def test_logits_may_be_shared_of_low_precision_and_need_gradients() -> None:
    shared = torch.randn(1, 1, 9, dtype=torch.bfloat16, generator=torch.Generator().manual_seed(0)).requires_grad_()
    before = shared.detach().clone()

    class Nothing:
        def reorder(self, parents: Tensor) -> "Nothing":
            return self

        def select(self, sentences: Tensor) -> "Nothing":
            return self

    def step(tokens: Tensor, state: Nothing) -> tuple[Tensor, Nothing]:
        assert not (shared * 1).requires_grad
        return shared.expand(*tokens.shape, -1), state

    expected = before[0, 0].double()
    expected[[PAD, EOS]] = -math.inf
    for changes in ({}, {"no_repeat_ngram_size": 1}, {"repetition_penalty": 2.0}, {"forced_prefix": (3,)}):
        config = settings_of(beam_size=2, min_length=1, max_length=2, **changes)
        ((h,),) = search(step, Nothing(), torch.tensor([START]), config)
        assert h.attention is None
        assert torch.equal(shared, before)
        probability = 0.0 if config.forced_prefix else float(expected.log_softmax(-1)[h.tokens[0]])
        assert h.token_log_probabilities[0] == pytest.approx(probability, abs=1e-6)
        assert same(list(stream(step, Nothing(), torch.tensor([START]), config))[-1:], [h])


def test_a_hypothesis_that_waits_is_fed_padding() -> None:
    fed = set()

    def row(_: int, prefix: tuple[int, ...]) -> list[float]:
        fed.add(prefix)
        return [0.0, 0.0, 1.0, 1.5, 0.0]

    Table(row).run(settings_of(do_sample=True, n_best=20, seed=0))
    waited = [prefix for prefix in fed if PAD in prefix]
    assert waited
    assert not any(EOS in prefix for prefix in fed)
    assert all(set(prefix[prefix.index(PAD) :]) == {PAD} for prefix in waited)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"eos": -1}, "eos must be a whole number of at least 0, not -1"),
        ({"pad": 1.0}, "pad must be a whole number"),
        ({"pad": EOS}, "pad must be another token than eos"),
        ({"beam_size": 0}, "beam_size must be a whole number from 1 to 10,000"),
        ({"beam_size": True}, "beam_size must be a whole number from 1"),
        ({"n_best": 0}, "n_best must be a whole number from 1 to 10,000"),
        ({"n_best": 2}, "n_best must be at most beam_size, 1, unless do_sample=True, not 2"),
        ({"max_length": -1}, "max_length must be a whole number of at least 0"),
        ({"max_length": (3, -1)}, "max_length must be"),
        ({"max_length": 2.5}, "max_length must be"),
        ({"min_length": 5, "max_length": 4}, "min_length must be at most max_length, 4, not 5"),
        ({"length_penalty": -0.1}, "length_penalty must be a number from 0 to 50"),
        ({"length_penalty": math.nan}, "length_penalty must be a number from 0 to 50, not nan"),
        ({"temperature": 0.0}, "temperature must be a number greater than 0"),
        ({"top_k": -1}, "top_k must be"),
        ({"top_p": 0.0}, "top_p must be a number greater than 0 and at most 1"),
        ({"top_p": 1.1}, "top_p must be a number greater than 0 and at most 1"),
        ({"do_sample": 1}, "do_sample must be True or False"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
        ({"no_repeat_ngram_size": -1}, "no_repeat_ngram_size must be"),
        ({"repetition_penalty": 0.0}, "repetition_penalty must be a number from 0.001 to 1,000"),
        ({"repetition_penalty": "much"}, "repetition_penalty must be a number from 0.001 to 1,000"),
        ({"forced_prefix": (3, EOS)}, "forced_prefix must be without eos"),
        ({"forced_prefix": 3}, "forced_prefix must be a list"),
        ({"banned_tokens": (-1,)}, "banned_tokens must be a list, each a whole number of at least 0, not -1"),
    ],
)
def test_wrong_settings_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        settings_of(**changes)


def test_a_configuration_goes_through_json() -> None:
    config = settings_of(max_length=(3, 4), forced_prefix=(5,), banned_tokens=(6,), seed=1, do_sample=True)
    again = GenerationConfig(**json.loads(json.dumps(dataclasses.asdict(config))))
    assert again == config
    assert hash(again) == hash(config)


def test_what_does_not_fit_together_is_refused() -> None:
    table = Table(random_rows(0))
    with pytest.raises(ValueError, match="max_length has 2 entries for a batch of 3 sentences"):
        table.run(settings_of(max_length=(3, 4)), [0, 1, 2])
    for changes in ({"eos": 5}, {"pad": 5}, {"banned_tokens": (5,)}, {"forced_prefix": (5,)}):
        with pytest.raises(ValueError, match="names token 5, but the model has only 5 tokens"):
            table.run(settings_of(**changes))
    with pytest.raises(ValueError, match="start must be a LongTensor"):
        greedy(table, Past([0], [[()]]), torch.tensor([[START]]), settings_of())
    with pytest.raises(ValueError, match="start must be a LongTensor"):
        greedy(table, Past([0], [[()]]), torch.tensor([1.0]), settings_of())
    with pytest.raises(ValueError, match="stream takes one sentence"):
        table.run(settings_of(), [0, 1], stream)
    with pytest.raises(ValueError, match=r"step gave logits \(1, 5\) for tokens \(1, 1\)"):
        greedy(lambda tokens, past: (torch.zeros(1, 5), past), Past([0], [[()]]), torch.tensor([1]), settings_of())


def test_a_state_that_keeps_rows_as_it_was_called_before_is_searched_with_a_warning() -> None:
    class Rows:
        def __init__(self, sentences: Tensor) -> None:
            self.sentences = sentences

        def reorder(self, parents: Tensor) -> "Rows":
            return self

        def keep(self, sentences: Tensor) -> "Rows":
            return Rows(self.sentences[sentences])

    def step(tokens: Tensor, state: Rows) -> tuple[Tensor, Rows]:
        logits = torch.nn.functional.one_hot(state.sentences + 3, 9).double()
        return logits.unsqueeze(1).expand(*tokens.shape, -1), state

    with pytest.warns(FutureWarning, match="SearchState.keep is called SearchState.select"):
        answers = search(step, Rows(torch.arange(3)), torch.full((3,), START), settings_of(max_length=(1, 3, 2)))  # type: ignore[type-var]
    assert [best.tokens for (best,) in answers] == [(3,), (4, 4, 4), (5, 5)]
