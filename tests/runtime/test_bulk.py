"""Answers to any number of inputs, by several processes."""

import os
from pathlib import Path

import pytest
from counting_task import counting_checkpoint

from seqcore.errors import InputError, SettingsError
from seqcore.runtime.bulk import planned, predict

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("total", [0, 1, 31, 32, 33, 500, 640, 641])
def test_chunks_hold_each_item_once_in_order_and_shrink_towards_the_end(total: int, count: int) -> None:
    chunks = list(planned(range(total), 32, 4, count))
    assert [item for chunk in chunks for item in chunk] == list(range(total))
    lengths = [len(chunk) for chunk in chunks]
    assert lengths == sorted(lengths, reverse=True)
    assert all(length % 4 == 0 and length <= 32 for length in lengths[:-1])
    if count > 1 and total >= 640:
        assert lengths[0] == 32
        assert lengths[-1] <= 4


def test_a_process_a_result_or_error_each_and_options_of_each_input(tmp_path: Path) -> None:
    checkpoint = counting_checkpoint(tmp_path / "it", shout=True)
    results = list(predict(checkpoint, ("bad" if n == 20 else f"line {n}" for n in range(40)), workers=1))
    assert [str(result) for result in results] == ["it cannot be read" if n == 20 else f"LINE {n}" for n in range(40)]
    assert isinstance(results[20], InputError)
    with pytest.raises(InputError, match="inputs are several"):
        predict(checkpoint, "a dog")
    for workers in (-1, True, 1.5, 100_000):
        with pytest.raises(SettingsError, match="workers must be a whole number"):
            predict(checkpoint, [], workers=workers)  # type: ignore[arg-type]
    assert list(predict(checkpoint, [], workers=2)) == []


@pytest.mark.slow
def test_the_bundled_models_answer_the_same_by_several_processes() -> None:
    import seqcore

    texts = [f"A man in a red shirt is standing next to {n} dogs." for n in range(70)]
    translator = seqcore.load(ROOT / "checkpoints" / "translator", seqcore.Translator)
    alone = translator.translate(texts, source="en", target=["de", "fr"] * 35)
    environment = dict(os.environ)
    several = list(predict(ROOT / "checkpoints" / "translator", texts, source="en", target=["de", "fr"] * 35))
    assert [one.text for one in several] == [one.text for one in alone]
    assert several[3].attention.shape == alone[3].attention.shape
    assert dict(os.environ) == environment
    with pytest.raises(InputError, match="does not translate to 'xx'"):
        list(predict(ROOT / "checkpoints" / "translator", texts, target="xx"))
