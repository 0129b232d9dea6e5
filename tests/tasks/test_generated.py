"""Generated input for every verb: a few inputs of each, the same ones every time; `benchmarks.generated` takes more."""

from pathlib import Path
from typing import Any

import pytest
from generated_verbs import VERBS, Verb
from hypothesis import HealthCheck, given, settings

few = settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_any_input_gives_a_result_or_our_own_error(verb: Verb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path))
    given_answers = {True: 0, False: 0}

    @few
    @given(verb.inputs())
    def run(value: Any) -> None:
        given_answers[verb.answers(value)] += 1

    run()
    assert given_answers[True], "everything was refused, so nothing was tried"
