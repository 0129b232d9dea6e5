"""What a search may not say: lengths, repetitions, prefixes and tokens that are banned."""

import math
from collections import Counter
from typing import Any

import pytest
from logit_tables import EOS, PAD, START, Table, settings_of

# Constraints


def test_minimum_and_maximum_length() -> None:
    ends = Table(lambda sentence, prefix: [0.0, 0.0, 9.0, 1.0, 0.0])
    for beam_size in (1, 3):
        (hypotheses,) = ends.run(settings_of(beam_size=beam_size, min_length=3, max_length=6))
        assert (hypotheses[0].tokens, hypotheses[0].finished) == ((3, 3, 3), True)
        (hypotheses,) = ends.run(settings_of(beam_size=beam_size, min_length=3, max_length=3))
        assert (hypotheses[0].tokens, hypotheses[0].finished) == ((3, 3, 3), False)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_no_ngram_is_repeated(size: int) -> None:
    table = Table(lambda sentence, prefix: [0.0, 1.0, -9.0, 3.0, 2.5, 2.0])
    for config in ({}, {"beam_size": 4, "n_best": 4}, {"do_sample": True, "seed": 0, "n_best": 4}):
        (hypotheses,) = table.run(settings_of(max_length=12, no_repeat_ngram_size=size, **config))
        for h in hypotheses:
            ngrams = Counter(h.tokens[i : i + size] for i in range(len(h.tokens) - size + 1))
            assert max(ngrams.values()) == 1
        assert len(hypotheses[0].tokens) > 3  # it went on for as long as there was something new to say
    assert table.run(settings_of(max_length=12))[0][0].tokens == (3,) * 12


def test_the_repetition_penalty_acts_once_on_tokens_already_there() -> None:
    logits = [-9.0, -9.0, -9.0, 2.0, 1.5, -0.5]
    table = Table(lambda sentence, prefix: logits)
    ((best,),) = table.run(settings_of(max_length=3, repetition_penalty=1.6))
    assert best.tokens == (3, 4, 3)  # 2; 2 / 1.6 < 1.5; 1.25 > 1.5 / 1.6
    ((best,),) = table.run(settings_of(max_length=4, repetition_penalty=1.6, forced_prefix=(5, 5, 5)))
    weights = [math.exp(value) for value in [*logits[1:5], -0.5 * 1.6]]  # without padding
    assert best.tokens == (5, 5, 5, 3)
    assert best.token_log_probabilities[-1] == pytest.approx(math.log(weights[2] / sum(weights)))


@pytest.mark.parametrize("config", [{}, {"beam_size": 3, "n_best": 3}, {"do_sample": True, "seed": 0, "n_best": 3}])
def test_forced_prefix_and_banned_tokens(config: dict[str, Any]) -> None:
    table = Table(lambda sentence, prefix: [9.0, 0.0, -2.0, 5.0, 1.0, 1.0])
    (hypotheses,) = table.run(settings_of(max_length=6, forced_prefix=(1, 3), banned_tokens=(3, 4), **config))
    assert len(hypotheses) == config.get("n_best", 1)
    for h in hypotheses:
        assert h.tokens[:2] == (1, 3)
        assert h.token_log_probabilities[:2] == (0.0, 0.0)
        assert not {3, 4, PAD} & set(h.tokens[2:])
    (hypotheses,) = table.run(settings_of(max_length=1, forced_prefix=(1, 3), **config))
    assert [h.tokens for h in hypotheses] == [(1,)] * len(hypotheses)


def test_where_everything_is_blocked_the_sentence_ends() -> None:
    nothing = Table(lambda sentence, prefix: [-math.inf] * 5 if prefix and sentence else [0.0, 0.0, -1.0, 9.0, 4.0])
    for config in ({}, {"beam_size": 2}, {"do_sample": True, "seed": 0, "banned_tokens": (START, 4)}):
        free, blocked = nothing.run(settings_of(min_length=3, **config), [0, 1])
        assert (blocked[0].tokens, blocked[0].finished, blocked[0].end_log_probability) == ((3,), True, 0.0)
        assert free[0].tokens == (3, 3, 3, 3)
        every = settings_of(min_length=3, **{**config, "banned_tokens": (1, 2, 3, 4)})
        assert [h.tokens for h in nothing.run(every)[0]] == [()]


def test_broken_logits_are_refused() -> None:
    for value in (math.nan, math.inf):
        for place in (START, EOS, 3, 4):
            table = Table(lambda sentence, prefix, at=place, bad=value: [bad if i == at else 0.0 for i in range(5)])  # type: ignore[misc]
            for config in ({}, {"beam_size": 2}, {"do_sample": True}):
                with pytest.raises(ValueError, match="NaN or infinity"):
                    table.run(settings_of(**config), [0, 1])
