"""Samples follow the distribution that they are drawn from, cut where it was to be cut."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from logit_tables import EOS, Row, Table, probabilities, random_rows, settings_of

from seqcore.decoding.sampling import restrict

# Sampling


def draws(row: Row, count: int = 4000, **config: Any) -> Counter[tuple[int, ...]]:
    config = {"max_length": 1, "seed": 3, **config}
    (hypotheses,) = Table(row).run(settings_of(do_sample=True, n_best=count, **config))
    return Counter(h.tokens for h in hypotheses)


def chi_square(counts: Counter[tuple[int, ...]], expected: Mapping[Any, float]) -> float:
    assert set(counts) <= set(expected)
    total = counts.total()
    return sum((counts[key] - total * p) ** 2 / (total * p) for key, p in expected.items())


CHANCES = {EOS: 0.1, 3: 0.4, 4: 0.3, 5: 0.15, 6: 0.05}


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_samples_follow_the_distribution(temperature: float) -> None:
    weights = {(token,) if token != EOS else (): p ** (1 / temperature) for token, p in CHANCES.items()}
    expected = {key: weight / sum(weights.values()) for key, weight in weights.items()}
    assert chi_square(draws(probabilities({(): CHANCES}), temperature=temperature), expected) < 18.5  # p = 0.001


def test_samples_follow_the_distribution_across_seeds_and_steps() -> None:
    tree = {(): {3: 0.7, 4: 0.3}, (3,): {5: 0.5, 6: 0.5}, (4,): {5: 0.2, 6: 0.8}}
    expected = {(3, 5): 0.35, (3, 6): 0.35, (4, 5): 0.06, (4, 6): 0.24}
    row = probabilities(tree)
    assert chi_square(draws(row, max_length=2), expected) < 16.3
    counts: Counter[tuple[int, ...]] = Counter()
    for seed in range(600):
        counts += draws(row, count=1, max_length=2, seed=seed)
    assert chi_square(counts, expected) < 16.3


@pytest.mark.parametrize(
    ("config", "allowed"),
    [
        ({"top_k": 2}, [3, 4]),
        ({"top_k": 99}, [EOS, 3, 4, 5, 6]),
        ({"top_p": 0.39}, [3]),
        ({"top_p": 0.41}, [3, 4]),
        ({"top_p": 0.84}, [3, 4, 5]),
        ({"top_p": 0.86}, [EOS, 3, 4, 5]),
        ({"top_p": 1e-9}, [3]),
        ({"top_k": 2, "top_p": 0.5}, [3]),  # 0.4 of 0.7 is enough
        ({"top_k": 3, "top_p": 0.6}, [3, 4]),  # 0.4 of 0.85 is not
        ({"top_p": 0.5, "temperature": 4.0}, [3, 4, 5]),  # flattened to 0.25, 0.24, 0.20, 0.18, 0.13
        ({"top_p": 0.7, "temperature": 0.5}, [3, 4]),  # sharpened to 0.55, 0.31, …
    ],
)
def test_top_k_and_top_p(config: dict[str, Any], allowed: list[int]) -> None:
    power = 1 / config.get("temperature", 1.0)
    weights = {(token,) if token != EOS else (): CHANCES[token] ** power for token in allowed}
    expected = {key: weight / sum(weights.values()) for key, weight in weights.items()}
    assert chi_square(draws(probabilities({(): CHANCES}), **config), expected) < 18.5


def test_a_tiny_temperature_is_greedy() -> None:
    for vocabulary, scale in ((5, 1.0), (5, 1e4), (300, 0.1)):
        for dtype in (torch.float64, torch.float32):
            table = Table(random_rows(0, vocabulary, scale), dtype)
            expected = [hypotheses[0].tokens for hypotheses in table.run(settings_of(), range(5))]
            for temperature in (1e-6, 1e-45, 5e-324):
                config = settings_of(do_sample=True, temperature=temperature, top_p=0.9)
                assert [hypotheses[0].tokens for hypotheses in table.run(config, range(5))] == expected
                weights = restrict(torch.tensor([-5.0, -6.0, -math.inf], dtype=dtype), temperature, 0, 1.0)
                assert weights[0] == 0
                assert not weights.isnan().any()


def test_seeds() -> None:
    table = Table(lambda sentence, prefix: [0.0] * 60)

    def tokens(seed: int | None) -> list[tuple[int, ...]]:
        config = settings_of(do_sample=True, seed=seed, n_best=2, max_length=8)
        return [h.tokens for hypotheses in table.run(config, [0, 0]) for h in hypotheses]

    assert tokens(7) == tokens(7)
    assert tokens(7)[:2] == tokens(7)[2:]  # one sentence, wherever it is in the batch
    assert tokens(7) != tokens(8)
    fresh = tokens(None) + tokens(None)
    assert len(set(fresh)) == len(fresh)  # neither calls nor sentences nor samples share random numbers
